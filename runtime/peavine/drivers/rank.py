"""Rank: matches of chunks become matches of whole Documents; matches get new scores; the best are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from peavine.documents import Document, Score
from peavine.drivers.driver import Count, Executing, Paths, Task, Traversing
from peavine.drivers.reduce import fill, sort_matches
from peavine.errors import ExecutorError, InvalidRequest
from peavine.executors import Hit

__all__ = ["AggregateMatches2DocRankDriver", "Chunk2DocRankDriver", "Matches2DocRankDriver", "TopKDriver"]


class _HitDriver(Traversing, Executing):
    """What both aggregating Drivers have in common: hits are put together by the Document that they are part of."""

    method: str = "score"
    top_k: Count | None = None
    """How many matches a Document keeps at the most."""
    keep_source_matches_as_chunks: bool = False
    """Whether each match gets the chunks that led to it as its chunks."""

    def _ranked(self, pairs: Iterable[tuple[Document, Document]], executor: Any) -> list[Document]:
        """Return a scored match for each parent of the matches; `pairs` are a query, or a chunk of it, and a match."""
        groups: dict[tuple[str, str], list[tuple[Document, Document]]] = {}
        for query, match in pairs:
            parent, root = match.parent_id or match.root_id or match.id, match.root_id
            groups.setdefault((parent, "" if parent == root else root), []).append((query, match))
        ranked = []
        for (parent, root), found in groups.items():
            hits = [_hit(parent, query, match, executor) for query, match in found]
            value = self.call(executor, self.method, hits)
            ascending = hits[0].ascending if executor.ascending is None else bool(executor.ascending)
            operands = [match.score for _, match in found if match.score is not None]
            score = Score(_number(value, executor, self), executor.name, operands=operands, ascending=ascending)
            ranked.append(Document(id=parent, root_id=root, score=score))
            if self.keep_source_matches_as_chunks:
                ranked[-1].chunks.extend(match for _, match in found)
        return ranked


def _hit(parent: str, query: Document, match: Document, executor: Any) -> Hit:
    score = _score(match)
    return Hit(
        parent=parent,
        match=match.id,
        query=query.id,
        score=score.value,
        ascending=score.ascending,
        match_fields=_chosen(match, executor.match_fields),
        query_fields=_chosen(query, executor.query_fields),
    )


def _chosen(doc: Document, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(doc, name) for name in names}


def _score(match: Document) -> Score:
    if match.score is None:
        raise InvalidRequest(f"Document {match.id!r}: has no score to rank it by; put a search before this Pod")
    return match.score


def _number(value: Any, executor: Any, driver: Executing) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        message = f"{executor.name}.{driver.method}() returned {value!r:.60}, which is not a number"
        raise ExecutorError(message, executor.name, type(driver).__name__, driver.method) from None


class Chunk2DocRankDriver(_HitDriver):
    """Make, of the matches of a Document's chunks, matches of the Document: the Documents that they are parts of."""

    traversal_paths: Paths = ("c",)

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Rank for each Document that has chunks on the paths."""
        for level in self.levels(tasks):
            if level.parent is None:
                continue
            pairs = [(chunk, match) for chunk in level.docs for match in chunk.matches]
            _add(level.parent, self._ranked(pairs, executor), self.top_k)


def _add(doc: Document, ranked: Sequence[Document], top_k: int | None) -> None:
    """Make what was ranked matches of a Document; what is known of them already, such as their text, stays."""
    known = {match.row_name: match for match in doc.matches}
    for match in ranked:
        if (before := known.pop(match.row_name, match)) is not match:
            fill(match, before)
    doc.matches = [*ranked, *known.values()]
    sort_matches(doc)
    if top_k is not None:
        del doc.matches[top_k:]


class AggregateMatches2DocRankDriver(_HitDriver):
    """Put the Documents that the matches are parts of in the place of the matches."""

    traversal_paths: Paths = ("m",)

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Rank for each Document that has matches on the paths."""
        for level in self.levels(tasks):
            if level.parent is None or level.edge != "matches":
                continue
            ranked = self._ranked([(level.parent, match) for match in level.docs], executor)
            level.parent.matches = ()
            _add(level.parent, ranked, self.top_k)


class Matches2DocRankDriver(Traversing, Executing):
    """Give the matches of a Document new scores, and sort them, the best first."""

    method: str = "score"
    traversal_paths: Paths = ("m",)
    top_k: Count | None = None
    """How many matches a Document keeps at the most."""

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Rank for each Document that has matches on the paths."""
        for level in self.levels(tasks):
            if level.parent is None or level.edge != "matches":
                continue
            query = _chosen(level.parent, executor.query_fields)
            matches = [_match(match, executor) for match in level.docs]
            values = list(self.call(executor, self.method, query, matches))
            if len(values) != len(matches):
                message = f"{executor.name}.{self.method}() returned {len(values)} scores for {len(matches)} matches"
                raise ExecutorError(message, executor.name, type(self).__name__, self.method)
            for match, value in zip(level.docs, values, strict=True):
                old = _score(match)
                ascending = old.ascending if executor.ascending is None else bool(executor.ascending)
                number = _number(value, executor, self)
                match.score = Score(
                    number, executor.name, operands=[old], reference=level.parent.id, ascending=ascending
                )
            _add(level.parent, list(level.docs), self.top_k)


def _match(match: Document, executor: Any) -> Mapping[str, Any]:
    return {**_chosen(match, executor.match_fields), "id": match.id, "score": _score(match).value}


class TopKDriver(Traversing):
    """Sort matches, the best first whatever the direction of their scores, and keep some."""

    traversal_paths: Paths = ("m",)
    top_k: Count = 10
    """How many matches a Document keeps at the most."""

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Cut the matches on the paths."""
        for level in self.levels(tasks):
            if level.parent is not None and level.edge == "matches":
                sort_matches(level.parent)
                del level.docs[self.top_k :]
