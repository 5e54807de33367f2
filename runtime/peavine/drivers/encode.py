"""Encode: content becomes embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from peavine.documents import Document, Level, Sparse
from peavine.documents.columns import Columns
from peavine.documents.sparse import is_masked
from peavine.drivers.columnar import contents, levels, set_embeddings
from peavine.drivers.driver import Count, Executing, Paths, Task, Traversing
from peavine.drivers.stack import alike, slices
from peavine.drivers.train import learner
from peavine.errors import ExecutorError, InvalidRequest
from peavine.executors.families import kind_for

__all__ = ["EncodeDriver", "MultiModalDriver"]


class EncodeDriver(Traversing, Executing):
    """Give the content of Documents to `encode`, and write the rows of its answer to their embeddings.

    A Document whose chunks are encoded, too, is left out: it is found by its parts.
    """

    method: str = "encode"
    batch_size: Count | None = None
    """How many Documents one call gets at the most; the Executor's own when left out."""

    fixed: ClassVar[frozenset[str]] = Executing.fixed | {"batch_size"}

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Encode all requests of the batch together."""
        if kind == "train" and learner(executor, self.method).train_on == "all":
            return  # before it has seen all of it, it can encode nothing
        named = kind_for(getattr(executor, self.method), kind)
        size = self.batch_size or executor.batch_size

        def encode(values: Any) -> Any:
            return _fitting(self.call(executor, self.method, values, **named), len(values), executor, self)

        found = self._regular(tasks)
        batch = contents(found) if found else None
        if found and batch is not None:
            answers = [encode(values) for values in slices(batch, size)]
            if not set_embeddings(found, answers):
                docs = [doc for level in self.levels(tasks) for doc in level.docs]
                for part, matrix in zip(slices(docs, size), answers, strict=True):
                    _write(part, matrix)
            return
        for group, batch in alike(_smallest(list(self.levels(tasks))), "content"):
            for part, values in zip(slices(group, size), slices(batch, size), strict=True):
                _write(part, encode(values))

    def _regular(self, tasks: Sequence[Task]) -> list[Columns] | None:
        """Return the levels to encode where none of them has chunks that are encoded, too."""
        paths = self.traversal_paths
        if len(paths) > 1 and levels(tasks, [path for path in paths if path.endswith("c")]) != []:
            return None
        return levels(tasks, paths)


def _smallest(levels: Sequence[Level]) -> list[Document]:
    """Return the Documents of some levels without those whose chunks are among them."""
    cut = {id(level.parent) for level in levels if level.edge == "chunks"}
    return [doc for level in levels for doc in level.docs if id(doc) not in cut]


def _fitting(rows: Any, count: int, executor: Any, driver: Executing) -> Any:
    """Return an answer as an array, or as scipy's CSR; one that does not fit is the Executor's fault."""
    if hasattr(rows, "tocsr"):
        matrix = rows.tocsr()
        fits = matrix.shape[0] == count
    else:
        matrix = np.asarray(rows)
        fits = not is_masked(rows) and matrix.ndim >= 2 and len(matrix) == count and matrix.dtype.kind in "biufc"
    if not fits:
        what = "a masked array" if is_masked(rows) else _shape(matrix)
        message = (
            f"{executor.name}.{driver.method}() returned {what} for {count} Documents; it must return numbers, a "
            "row for each"
        )
        raise ExecutorError(message, executor.name, type(driver).__name__, driver.method)
    return matrix


def _write(docs: Sequence[Document], matrix: Any) -> None:
    """Set the embeddings."""
    for place, doc in enumerate(docs):
        if isinstance(matrix, np.ndarray):
            doc.embedding = matrix[place]
        else:
            doc.embedding = Sparse.from_scipy(matrix[place : place + 1])


def _shape(matrix: Any) -> str:
    return f"{' x '.join(map(str, matrix.shape)) or 'one'} {matrix.dtype}"


class MultiModalDriver(Traversing, Executing):
    """Give the chunks of several modalities, a batch for each, to `encode`, and write its rows to their parents."""

    method: str = "encode"
    traversal_paths: Paths = ("r",)

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Encode all requests of the batch together."""
        docs = [doc for level in self.levels(tasks) for doc in level.docs]
        columns: list[list[Any]] = []
        for modality in executor.positional_modality:
            chunks = [_of_modality(doc, modality) for doc in docs]
            groups = list(alike(chunks, "content"))
            if len(groups) > 1:
                odd = groups[1][0][0]
                raise InvalidRequest(
                    f"Document {odd.id!r}: its content is of another kind or shape than that of "
                    f"{groups[0][0][0].id!r}, and both are of modality {modality!r}"
                )
            columns.append(groups[0][1] if groups else [])
        if docs:
            rows = self.call(executor, self.method, *columns)
            _write(docs, _fitting(rows, len(docs), executor, self))


def _of_modality(doc: Document, modality: str) -> Document:
    """Return the only chunk of a modality; it must have content, for there is nothing to leave out here."""
    found = [chunk for chunk in doc.chunks if chunk.modality == modality]
    if len(found) != 1:
        raise InvalidRequest(f"Document {doc.id!r}: needs one chunk of modality {modality!r}, and has {len(found)}")
    if found[0].content is None:
        raise InvalidRequest(f"Document {found[0].id!r}: has no content; give it text, a buffer or a tensor")
    return found[0]
