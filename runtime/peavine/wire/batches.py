"""A Batch as bytes and back, in either form: rows, the public one, or columns."""

from __future__ import annotations

from peavine.documents import Batch
from peavine.documents.columns import Columns
from peavine.wire.columns import columns_from_bytes, columns_of, columns_to_bytes, is_columns
from peavine.wire.documents import batch_to_bytes, rows_from_bytes

__all__ = ["batch_from_bytes", "encoded"]


def batch_from_bytes(data: bytes) -> Batch:
    """Return the Documents of a body in either form; InvalidRequest says where it is not a DocumentBatch."""
    return Batch(*columns_from_bytes(data)) if is_columns(data) else rows_from_bytes(data)


def encoded(batch: Batch, columns: bool) -> bytes:
    """Return the bytes of a Batch as columns, or else as rows; InvalidRequest says which Document cannot travel."""
    if not columns:
        return batch_to_bytes(batch.docs, batch.groundtruths)
    docs, truths = batch.parts
    return columns_to_bytes(
        docs if isinstance(docs, Columns) else columns_of(docs),
        truths if isinstance(truths, Columns) else columns_of(truths, "groundtruths"),
    )
