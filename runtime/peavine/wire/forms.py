"""Which form of Documents is sent: rows to whoever reads nothing else, columns where they cost less. Pure."""

from __future__ import annotations

from typing import Final

from peavine.documents import Batch
from peavine.errors import InvalidRequest
from peavine.v1 import pea_pb2
from peavine.wire.batches import batch_from_bytes, encoded
from peavine.wire.columns import is_columns

__all__ = ["as_rows", "request_body"]

FEW: Final = 8
"""Documents from which on columns cost less than rows, on the way through one Encoder; see bench/documents.py."""


def request_body(batch: Batch) -> bytes:
    """Return a request's Documents in the form that costs less. InvalidRequest says what cannot travel."""
    return encoded(batch, columns=len(batch.docs) >= FEW)


def as_rows(unit: pea_pb2.Unit) -> bool:
    """Turn bodies of columns into rows, in place; return whether there were any.

    A peer of a version that reads rows only would take columns for a body without Documents. What cannot be read stays
    unreadable, so that the peer refuses it.
    """
    found = False
    for item in unit.items:
        for place, body in enumerate(item.bodies):
            if is_columns(body):
                found = True
                try:
                    item.bodies[place] = encoded(batch_from_bytes(body), columns=False)
                except InvalidRequest:
                    item.bodies[place] = b"\x0a"
    return found
