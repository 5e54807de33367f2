"""Index, update and delete: what an Indexer keeps changes. A root Document owns its rows and those of all below it."""

from __future__ import annotations

import inspect
from collections.abc import Container, Iterator, Sequence
from typing import Any, ClassVar

from peavine.documents import Document, row_name
from peavine.documents.columns import Columns
from peavine.drivers.columnar import contents, embeddings, levels
from peavine.drivers.driver import Executing, Paths, Task, Traversing
from peavine.drivers.lookup import text_of
from peavine.drivers.querylang import Fields
from peavine.drivers.stack import vectors
from peavine.errors import InvalidRequest
from peavine.wire import document_to_bytes
from peavine.wire.batches import columns_in
from peavine.wire.columns import rows_of

__all__ = ["KVIndexDriver", "KeywordIndexDriver", "VectorIndexDriver"]

_METHODS = {"index": "add", "update": "update", "delete": "delete"}


class _IndexDriver(Traversing, Executing):
    """What all have in common: the method is that of the kind of request, and it is called once for a batch."""

    writes: ClassVar[bool] = True
    fixed: ClassVar[frozenset[str]] = Executing.fixed | {"traversal_paths"}

    def method_for(self, kind: str) -> str:
        """Return `add` for index, and `update` and `delete` for themselves, unless the YAML says another."""
        return self.method or _METHODS.get(kind, "add")

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Change what the Executor keeps, for all requests of the batch at once."""
        method = self.method_for(kind)
        taken = inspect.signature(getattr(executor, method)).parameters
        # What is sent twice in a batch counts as if it came in two: the one that was issued last stands, or came last.
        ordered = sorted(tasks, key=lambda task: task.version)
        if method != "delete" and self._regular(ordered, executor, method, taken):
            return
        roots = {doc.id: (doc, task.version) for task in ordered for doc in task.batch.docs}
        if method == "delete":
            if roots:
                versions = [version for _, version in roots.values()]
                self.call(executor, method, list(roots), **_some(taken, versions=versions))
            return
        rows = [(doc, root, version) for root, version in roots.values() for doc in self._rows(root)]
        if not rows:
            return
        docs, owners = [doc for doc, _, _ in rows], [root.id for _, root, _ in rows]
        arguments = _some(taken, owners=owners, versions=[version for _, _, version in rows])
        names = [
            doc.id if "owners" in taken else row_name(doc.id, owner) for doc, owner in zip(docs, owners, strict=True)
        ]
        values = self._values(docs, executor)
        try:
            self.call(executor, method, names, values, **arguments)
        except InvalidRequest as problem:
            raise _naming(docs[0].id, problem) from problem

    def _regular(self, tasks: Sequence[Task], executor: Any, method: str, taken: Container[str]) -> bool:
        """Do it straight from columns; False where these are not roots alone, each once, with a regular value each."""
        found = levels(tasks, ("r",))
        below = levels(tasks, [path for path in self.traversal_paths if path != "r"])
        if not found or below or below is None or "r" not in self.traversal_paths:
            return False
        owners = [id for level in found for id in level.texts("id")]
        if len(set(owners)) < len(owners):
            return False
        values = self._of_columns(found, executor)
        if values is None:
            return False
        counts = [(task.version, len(columns_in(task.batch) or ())) for task in tasks]
        versions = [version for version, count in counts for _ in range(count)]
        names = owners if "owners" in taken else [row_name(id, id) for id in owners]
        try:
            self.call(executor, method, names, values, **_some(taken, owners=owners, versions=versions))
        except InvalidRequest as problem:
            raise _naming(owners[0], problem) from problem
        return True

    def _of_columns(self, found: Sequence[Columns], executor: Any) -> Any:
        """Return the values of all rows; None where they are not regular."""
        return None

    def _rows(self, root: Document) -> Iterator[Document]:
        """Yield the Documents below a root, itself included, that make a row each."""
        seen: set[str] = set()
        for doc in self.reached(root):
            if doc.id in seen:
                raise InvalidRequest(f"Document {root.id!r}: two of its parts have the id {doc.id!r}")
            seen.add(doc.id)
            yield doc

    def _values(self, docs: Sequence[Document], executor: Any) -> Any:
        raise NotImplementedError


def _naming(first: str, problem: InvalidRequest) -> InvalidRequest:
    """Return the problem with the first Document of the batch, unless it names the one that is wrong."""
    return problem if str(problem).startswith("Document ") else InvalidRequest(f"Document {first!r}: {problem}")


def _some(taken: Container[str], **arguments: Any) -> dict[str, Any]:
    """Return those of the arguments that a method takes."""
    return {name: value for name, value in arguments.items() if name in taken}


class VectorIndexDriver(_IndexDriver):
    """Give ids and embeddings to `add`, `update` or `delete`, as the kind of request says."""

    def _rows(self, root: Document) -> Iterator[Document]:
        found = [doc for doc in super()._rows(root) if doc.embedding is not None]
        if not found:
            remedy = "give it one, or put an Encoder before this Pod"
            raise InvalidRequest(f"Document {root.id!r}: has no embedding to index; {remedy}")
        yield from found

    def _values(self, docs: Sequence[Document], executor: Any) -> Any:
        return vectors(docs)

    def _of_columns(self, found: Sequence[Columns], executor: Any) -> Any:
        return embeddings(found)


class KVIndexDriver(_IndexDriver):
    """Give ids and whole Documents, as bytes, to `add`, `update` or `delete`, as the kind of request says.

    Each level is kept for itself: chunks and matches are left out of their parents.
    """

    exclude: Fields = ("embedding",)
    """Fields that are not kept; the id always is."""

    fixed: ClassVar[frozenset[str]] = _IndexDriver.fixed | {"exclude"}

    def _values(self, docs: Sequence[Document], executor: Any) -> Any:
        left_out = {"chunks", "matches", "score", "evaluations", *self.exclude} - {"id"}
        return [document_to_bytes(doc.without(*left_out)) for doc in docs]

    def _of_columns(self, found: Sequence[Columns], executor: Any) -> Any:
        left_out = set(self.exclude) - {"id"}
        if "content" in left_out:
            left_out |= {"text", "buffer", "tensor"}
        rows = [rows_of(level, left_out) for level in found]
        return None if None in rows else [row for level in rows if level is not None for row in level]


class KeywordIndexDriver(_IndexDriver):
    """Give ids and texts to `add`, `update` or `delete`, as the kind of request says."""

    traversal_paths: Paths = ("r",)

    def _values(self, docs: Sequence[Document], executor: Any) -> Any:
        rows = [[text_of(doc, name) for name in executor.search_fields] for doc in docs]
        for doc, row in zip(docs, rows, strict=True):
            if not any(row):
                names = ", ".join(executor.search_fields)
                raise InvalidRequest(f"Document {doc.id!r}: has no text to index; give it text in {names}")
        return rows

    def _of_columns(self, found: Sequence[Columns], executor: Any) -> Any:
        if tuple(executor.search_fields) != ("text",) or any("text" not in level.fields for level in found):
            return None
        texts = contents(found)
        return [[text] for text in texts] if texts is not None and all(texts) else None
