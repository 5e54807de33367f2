"""Search: queries get matches, matches get what is known of them."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator

from peavine.documents import Document, Level, Score, split_name
from peavine.documents.columns import Columns
from peavine.drivers.columnar import FOUND, embeddings, fill_matches, levels, match_names, matches, may_be_rest
from peavine.drivers.driver import Count, Executing, Paths, Task, Traversing
from peavine.drivers.reduce import fill
from peavine.drivers.stack import vectors
from peavine.errors import InvalidRequest
from peavine.filters import Filter, parse
from peavine.wire import document_from_bytes

__all__ = ["KVSearchDriver", "VectorFillDriver", "VectorSearchDriver", "check_matches", "match_of"]

MAX_MATCHES = 500_000
"""Matches that one search may make, some 1,000 bytes each until they are sent."""

MAX_FILLED = 2**28
"""Bytes of Documents that one search may fill in: what it takes to say them is some times that."""


def _filter(value: Any) -> Filter | None:
    try:
        return None if value is None else parse(value)
    except InvalidRequest as problem:
        raise ValueError(str(problem)) from None


class VectorSearchDriver(Traversing, Executing):
    """Find the nearest to the embeddings of Documents; they become their matches, the best first."""

    method: str = "query"
    top_k: Count = 50
    """How many matches each Document gets at the most."""
    filter: Annotated[Any, BeforeValidator(_filter)] = None
    """Which Documents may be found, by their tags: text such as `price < 60 and not sold`, or an object. Chunks are
    filtered by the tags of their root Document."""
    oversampling: Count = 1
    """For a chunk, how many times `top_k` matches are looked for: several may be parts of one Document."""
    fill_embedding: bool = False
    """Whether the matches get their embeddings."""

    fixed: ClassVar[frozenset[str]] = Executing.fixed | {"oversampling"}

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Search for all requests of the batch together."""
        roots = self._regular(tasks)
        if roots and (queries := embeddings(roots)) is not None:
            check_matches(len(queries), self.top_k, executor)
            self._search_columns(roots, queries, tasks, executor)
            return
        docs = [doc for task in tasks for root in task.batch.docs for doc in self._queries(root)]
        if not docs:
            return
        check_matches(len(docs), self.top_k, executor)
        count = self.top_k
        if any(doc.granularity for doc in docs):
            count = max(count, min(count * self.oversampling, MAX_MATCHES // len(docs)))
        found, distances = self._found(vectors(docs), count, docs[0].id, tasks, executor)
        self._write(docs, found, distances, executor)

    def _found(self, queries: Any, count: int, first: str, tasks: Sequence[Task], executor: Any) -> tuple[Any, Any]:
        report: dict[str, Any] = {}
        asked = {} if self.filter is None else {"where": self.filter, "report": report}
        if asked and "where" not in inspect.signature(getattr(executor, self.method)).parameters:
            raise InvalidRequest(f"filter: {executor.name}.{self.method}() takes no `where`, so it cannot filter")
        try:
            found, distances = self.call(executor, self.method, queries, count, **asked)
        except InvalidRequest as problem:
            if str(problem).startswith("filter"):
                raise
            raise InvalidRequest(f"Document {first!r}: {problem}") from problem
        for task in tasks if asked else ():
            task.report["filter"] = dict(report)
        return found, distances

    def _regular(self, tasks: Sequence[Task]) -> list[Columns] | None:
        """Return the roots, where they alone are searched with, and neither they nor others have a place or matches."""
        if self.fill_embedding or "r" not in self.traversal_paths:
            return None
        roots = levels(tasks, ("r",))
        if not roots or levels(tasks, [path for path in self.traversal_paths if path != "r"]):
            return None
        placed = any("granularity" in level.fields or "adjacency" in level.fields for level in roots)
        return None if placed or any(level.matches for level in roots) else roots

    def _search_columns(self, roots: Sequence[Columns], queries: Any, tasks: Sequence[Task], executor: Any) -> None:
        """Search with all roots, and make columns of what is found."""
        ids = [level.texts("id") for level in roots]
        found, distances = self._found(queries, self.top_k, ids[0][0], tasks, executor)
        begin = 0
        made = []
        for names in ids:
            end = begin + len(names)
            part = slice(begin, end)
            name, ascending = executor.name, bool(executor.ascending)
            made.append(matches(names, found[part], distances[part], self.top_k, name, ascending))
            begin = end
        if None in made:
            docs = [doc for task in tasks for doc in task.batch.docs]
            self._write(docs, found, distances, executor)
            return
        for level, nested in zip(roots, made, strict=True):
            level.matches = nested

    def _write(self, docs: Sequence[Document], found: Any, distances: Any, executor: Any) -> None:
        """Make what was found the matches of Documents."""
        name, ascending = executor.name, bool(executor.ascending)
        for doc, ids, values in zip(docs, found, distances, strict=True):
            scores = [Score(float(value), name, reference=doc.id, ascending=ascending) for value in values]
            if not doc.granularity:  # it was searched for together with chunks
                ids, scores = ids[: self.top_k], scores[: self.top_k]
            doc.matches.extend(map(match_of, ids, scores))
        if self.fill_embedding:
            _fill_embeddings([match for doc in docs for match in doc.matches], executor, self, "query_by_id")

    def _queries(self, root: Document) -> list[Document]:
        """Return what to search with; a root that has nothing, neither itself nor below it, is an InvalidRequest."""
        found = [doc for doc in self.reached(root) if doc.embedding is not None]
        if not found:
            remedy = "give it one, or put an Encoder before this Pod"
            raise InvalidRequest(f"Document {root.id!r}: has no embedding to search with; {remedy}")
        return found


def check_matches(queries: int, top_k: int, executor: Any) -> None:
    """Refuse what would fill the memory; an Executor that does not say its `size` bounds its answers itself."""
    size = getattr(executor, "size", None)
    if size is not None and queries * min(top_k, size) > MAX_MATCHES:
        raise InvalidRequest(
            f"{queries:,} queries with {min(top_k, size):,} matches each have more than {MAX_MATCHES:,} in "
            "all; ask for less (top_k), or send fewer Documents a request"
        )


def match_of(row: str, score: Score) -> Document:
    """Return the match that stands for a row."""
    id, root = split_name(row)
    return Document(id=id, root_id="" if root == id else root, score=score)


class VectorFillDriver(Traversing, Executing):
    """Give Documents that a vector Indexer knows their embeddings."""

    method: str = "query_by_id"
    traversal_paths: Paths = ("m", "cm")

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Look up for all requests of the batch at once."""
        docs = [doc for level in self.levels(tasks) for doc in level.docs]
        _fill_embeddings(docs, executor, self, self.method)


def _fill_embeddings(docs: Sequence[Document], executor: Any, driver: Executing, method: str) -> None:
    names = list({doc.row_name: None for doc in docs})
    known = dict(zip(names, driver.call(executor, method, names) if names else (), strict=True))
    for doc in docs:
        if (embedding := known[doc.row_name]) is not None:
            doc.embedding = embedding


class KVSearchDriver(Traversing, Executing):
    """Fill in what a key-value Indexer knows of Documents; what they say already stands.

    Documents that it does not know are removed: another shard may know them.
    """

    method: str = "query"
    traversal_paths: Paths = ("m", "mc", "cm")

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Look up for all requests of the batch at once."""
        roots = self._regular(tasks)
        siblings = [] if roots else list(self.levels(tasks))
        rows = [match_names(root.matches.columns) for root in roots or () if root.matches]
        rows += [[doc.row_name for doc in level.docs] for level in siblings]
        names = list(dict.fromkeys(name for each in rows for name in each))
        found = dict(zip(names, self.call(executor, self.method, names) if names else (), strict=True))
        size = sum(len(found[name] or b"") for each in rows for name in each)
        if size > MAX_FILLED:
            raise InvalidRequest(
                f"the matches' Documents have {size:,} bytes (the limit is {MAX_FILLED:,}); ask for less (top_k), "
                "or send fewer Documents a request"
            )
        if roots and all(value is None or may_be_rest(value) for value in found.values()):
            for root, each in zip(roots, rows, strict=True):
                fill_matches(root, [found[name] for name in each])
            return
        for level in siblings or list(self.levels(tasks)):
            _fill_level(level, found)

    def _regular(self, tasks: Sequence[Task]) -> list[Columns] | None:
        """Return the roots where only their matches are filled, and these say no more than that they were found."""
        roots = levels(tasks, ("r",))
        if not roots or "m" not in self.traversal_paths:
            return None
        if levels(tasks, [path for path in self.traversal_paths if path != "m"]):
            return None
        roots = [root for root in roots if root.matches]
        return roots if all(root.matches and set(root.matches.columns.fields) == FOUND for root in roots) else None


def _fill_level(level: Level, found: dict[str, bytes | None]) -> None:
    kept = []
    for doc in level.docs:
        value = found[doc.row_name]
        if value is not None:
            fill(doc, document_from_bytes(value))
            kept.append(doc)
    if len(kept) < len(level.docs):
        level.docs[:] = kept
