"""A request on its way: sent, waiting for its turn, or waiting to be sent again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from peavine.client.answer import Answer
from peavine.errors import PeavineError
from peavine.v1 import pea_pb2
from peavine.wire.unit import MAX_BYTES, MAX_ITEMS

__all__ = ["Pending", "take"]


@dataclass(slots=True, eq=False)
class Pending:
    """A request whose answer is awaited."""

    kind: str
    envelope: pea_pb2.Envelope
    size: int
    """Bytes on the wire."""
    documents: int
    timeout: float | None
    """Seconds that the user grants; None for what the Flow says."""
    answer: asyncio.Future[Answer]
    attempts: int = 0
    deadline: float | None = None
    """By the event loop's clock, from when it is first sent."""

    def fail(self, error: PeavineError) -> None:
        """End it with an error."""
        if not self.answer.done():
            self.answer.set_result(Answer(self.envelope.header.id, self.kind, self.documents, error=error))


def take(waiting: list[Pending], most: int, partial: bool) -> list[Pending]:
    """Remove and return what makes the next unit: requests of one kind, in order, within its bounds, `most` at most.

    Without `partial` nothing is taken until the unit is full, as in Nagle's algorithm (RFC 896).
    """
    most = min(most, MAX_ITEMS)
    size, count = 0, 0
    for pending in waiting:
        size += pending.size
        if count and (pending.kind != waiting[0].kind or size > MAX_BYTES or count == most):
            break
        count += 1
    if not partial and count == len(waiting) and count < most and size < MAX_BYTES:
        return []
    taken, waiting[:count] = waiting[:count], []
    return taken
