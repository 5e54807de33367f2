"""From many Documents to one array: what Executors are given. Nothing here calls an Executor."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from peavine.documents import Document, Sparse, Tensor
from peavine.errors import InvalidRequest

__all__ = ["MAX_WRITTEN_OUT", "Field", "WritingOut", "alike", "slices", "vectors"]

Field = Literal["content", "embedding"]

MAX_WRITTEN_OUT = 2**25
"""Numbers that the sparse arrays of a batch may have with their zeros: 256 MiB of doubles."""


class WritingOut:
    """Makes arrays of a batch's Sparse ones, zeros and all, below a bound in all: a few bytes can say any shape."""

    def __init__(self) -> None:
        self._size = 0

    def __call__(self, doc: Document, tensor: Tensor) -> NDArray[Any]:
        """Return the Document's tensor or embedding as an array; InvalidRequest where that would be too large."""
        if not isinstance(tensor, Sparse):
            return tensor
        self._size += math.prod(tensor.shape)
        if self._size > MAX_WRITTEN_OUT:
            raise InvalidRequest(
                f"Document {doc.id!r}: with its sparse array {tensor.shape[0]} x {tensor.shape[1]} those of the batch "
                f"have {self._size:,} numbers when the zeros are written out (the limit is {MAX_WRITTEN_OUT:,})"
            )
        return tensor.to_dense()


def alike(docs: Iterable[Document], field: Field) -> Iterator[tuple[list[Document], Any]]:
    """Yield groups of Documents whose content, or embedding, is of one kind, and that as a batch.

    Text is a list of str, bytes are a list of bytes, and arrays of one shape and type are one array, B x shape. So an
    Executor gets the same whether Documents of other kinds travel beside them or not. A Document that has nothing in
    `field` is left out if it has chunks, or an embedding already; else it is an InvalidRequest that names it.
    """
    groups: dict[Any, list[Document]] = {}
    dense = WritingOut()
    for doc in docs:
        value = getattr(doc, field)
        if value is None:
            if doc.is_leaf and doc.embedding is None:
                raise InvalidRequest(f"Document {doc.id!r}: has no {field}{_REMEDY[field]}")
            continue
        if not isinstance(value, str | bytes) and not value.shape:
            what = "tensor" if field == "content" else field
            raise InvalidRequest(f"Document {doc.id!r}: its {what} is a single number without a dimension; give a list")
        key = type(value) if isinstance(value, str | bytes) else (value.shape, value.dtype)
        groups.setdefault(key, []).append(doc)
    for key, group in groups.items():
        values: Any = [getattr(doc, field) for doc in group]
        if not isinstance(key, type):
            values = _stacked([dense(doc, value) for doc, value in zip(group, values, strict=True)])
        yield group, values


_REMEDY = {
    "content": "; give it text, a buffer or a tensor",
    "embedding": "; give it one, or put an Encoder before this Pod",
}


def _stacked(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
    return arrays[0][np.newaxis] if len(arrays) == 1 else np.stack(arrays)


def slices(batch: Any, size: int | None) -> Iterator[Any]:
    """Yield a batch, or a list, in parts of at most `size`."""
    if size is None or size >= len(batch):
        yield batch
        return
    for start in range(0, len(batch), size):
        yield batch[start : start + size]


def vectors(docs: Sequence[Document]) -> NDArray[Any]:
    """Return the embeddings as B x D; InvalidRequest names a Document whose numbers or dimension do not fit."""
    rows: list[NDArray[Any]] = []
    dense = WritingOut()
    for doc in docs:
        assert doc.embedding is not None
        row = dense(doc, doc.embedding)
        if row.dtype.kind not in "biuf" or row.size == 0 or row.ndim == 0 or row.size != row.shape[-1]:
            shape = f"of shape {row.shape} and type {row.dtype}"
            raise InvalidRequest(f"Document {doc.id!r}: an embedding is one list of numbers, not an array {shape}")
        row = row.reshape(-1)
        if rows and row.shape != rows[0].shape:
            raise InvalidRequest(
                f"Document {doc.id!r}: its embedding has {row.size} numbers, and that of {docs[0].id!r}, in the same "
                f"batch, has {rows[0].size}"
            )
        rows.append(row)
    stacked = _stacked(rows)
    finite = np.isfinite(stacked).all(axis=1)
    if not finite.all():
        bad = docs[int(np.argmin(finite))]
        raise InvalidRequest(f"Document {bad.id!r}: the embedding holds NaN or an infinity")
    return stacked
