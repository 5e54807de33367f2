"""The root Documents of a body, in either form: how many, their ids, and bodies that have some of them. Pure.

Nothing of a Document but its id is read. Groundtruths stay with their Documents where there is one for each; else they
are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from google.protobuf.message import DecodeError

from peavine.documents import Batch
from peavine.documents.columns import Columns, concat
from peavine.documents.view import views
from peavine.errors import InvalidRequest
from peavine.v1 import shallow_pb2
from peavine.wire.batches import batch_from_bytes, encoded
from peavine.wire.columns import columns_from_bytes, columns_to_bytes, count_of, is_columns

__all__ = ["Roots", "count", "roots", "together"]


class Roots(Protocol):
    """The root Documents of one body."""

    names: Sequence[str]
    """Their ids, in order."""

    def chosen(self, places: Sequence[int]) -> bytes:
        """Return a body with the Documents at these places, in this order."""


def count(body: bytes) -> int:
    """Return how many Documents a body has; 0 where it cannot be read."""
    if is_columns(body):
        return count_of(body)
    try:
        return len(shallow(body).docs)
    except InvalidRequest:
        return 0


def roots(body: bytes) -> Roots:
    """Return the root Documents of a body. Raises InvalidRequest."""
    return _ColumnRoots(*columns_from_bytes(body)) if is_columns(body) else _RowRoots(shallow(body))


def together(bodies: Sequence[bytes]) -> Roots:
    """Return the root Documents of several bodies, one after the other. Raises InvalidRequest."""
    if not all(map(is_columns, bodies)):
        # Of Peas of several versions some may have answered in rows.
        bodies = [encoded(batch_from_bytes(body), columns=False) if is_columns(body) else body for body in bodies]
        batch = shallow_pb2.ShallowBatch()
        for each in map(shallow, bodies):
            paired = len(each.groundtruths) == len(each.docs)
            batch.docs.extend(each.docs)
            batch.groundtruths.extend(each.groundtruths if paired else [])
        return _RowRoots(batch)
    parts = [columns_from_bytes(body) for body in bodies]
    truths = [own if len(own) == len(docs) else Columns() for docs, own in parts]
    return _ColumnRoots(_joined([docs for docs, _ in parts]), _joined(truths))


class _RowRoots:
    def __init__(self, batch: shallow_pb2.ShallowBatch) -> None:
        self._batch = batch
        self._paired = len(batch.groundtruths) == len(batch.docs)
        self.names: Sequence[str] = [name_of(doc) for doc in batch.docs]

    def chosen(self, places: Sequence[int]) -> bytes:
        batch = self._batch
        return shallow_pb2.ShallowBatch(
            docs=[batch.docs[place] for place in places],
            groundtruths=[batch.groundtruths[place] for place in places] if self._paired else [],
        ).SerializeToString()


class _ColumnRoots:
    def __init__(self, docs: Columns, truths: Columns) -> None:
        self._docs, self._truths = docs, truths
        self.names: Sequence[str] = docs.texts("id")

    def chosen(self, places: Sequence[int]) -> bytes:
        rows = np.array(places, np.int64)
        paired = len(self._truths) == len(self._docs)
        return columns_to_bytes(self._docs.take(rows), self._truths.take(rows) if paired else None)


def _joined(several: Sequence[Columns]) -> Columns:
    joined = concat(several)
    if joined is None:  # arrays of different shapes
        body = encoded(Batch([view for columns in several for view in views(columns)]), columns=True)
        joined, _ = columns_from_bytes(body)
    return joined


def shallow(body: bytes) -> shallow_pb2.ShallowBatch:
    """Return a body of rows with its Documents unread. Raises InvalidRequest."""
    try:
        return shallow_pb2.ShallowBatch.FromString(body)
    except DecodeError as error:
        raise InvalidRequest(f"body: is not a DocumentBatch: {error}") from error


def name_of(doc: bytes) -> str:
    """Return the id of a serialized Document. Raises InvalidRequest."""
    try:
        return shallow_pb2.Named.FromString(doc).id
    except DecodeError as error:
        raise InvalidRequest(f"body: holds what is not a Document: {error}") from error
