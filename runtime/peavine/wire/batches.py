"""A Batch as bytes and back, in either form: rows, the public one, or columns."""

from __future__ import annotations

from peavine.documents import Batch
from peavine.documents.columns import Columns
from peavine.documents.view import source_of
from peavine.wire.columns import columns_from_bytes, columns_of, columns_to_bytes, is_columns
from peavine.wire.documents import batch_to_bytes, rows_from_bytes
from peavine.wire.kept import Kept, cut_columns

__all__ = ["batch_from_bytes", "columns_in", "encoded"]


def batch_from_bytes(data: bytes) -> Batch:
    """Return the Documents of a body in either form; InvalidRequest says where it is not a DocumentBatch."""
    return Batch(*columns_from_bytes(data)) if is_columns(data) else rows_from_bytes(data)


def columns_in(batch: Batch) -> Columns | None:
    """Return the Documents of a batch that came as columns, with all that was done to views of them; else None.

    What is done to the columns is done to the batch.
    """
    docs, _ = batch.parts
    if not isinstance(docs, Columns):
        if source_of(docs) is None:
            return None
        docs = columns_of(docs)
        batch.replace(docs)
    return docs


def encoded(batch: Batch, columns: bool, kept: Kept | None = None) -> bytes:
    """Return the bytes of a Batch as columns, or else as rows; InvalidRequest says which Document cannot travel.

    `kept` are the only fields that are written, and then without groundtruths; None for everything.
    """
    if not columns:
        return batch_to_bytes(batch.docs, batch.groundtruths) if kept is None else batch_to_bytes(batch.docs, kept=kept)
    docs, truths = batch.parts
    if kept is not None:
        return columns_to_bytes(cut_columns(docs if isinstance(docs, Columns) else columns_of(docs), kept))
    return columns_to_bytes(
        docs if isinstance(docs, Columns) else columns_of(docs),
        truths if isinstance(truths, Columns) else columns_of(truths, "groundtruths"),
    )
