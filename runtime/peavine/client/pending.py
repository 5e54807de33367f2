"""A request on its way: sent, waiting for its turn, waiting to be sent again, or split into two."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from peavine.client.answer import Answer
from peavine.errors import PeavineError
from peavine.v1 import pea_pb2
from peavine.wire.roots import roots
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
    answers: asyncio.Future[list[Answer]]
    """Its answer; of a request that was split, the answers to its parts, in the order of its Documents."""
    attempts: int = 0
    deadline: float | None = None
    """By the event loop's clock, from when it is first sent."""
    patience: float | None = None
    """By the same clock: when a request that is late is given up instead of sent again."""
    lates: int = 0
    """How often its Document was late when it was sent alone."""

    def succeed(self, answer: Answer) -> None:
        """End it with its answer."""
        if not self.answers.done():
            self.answers.set_result([answer])

    def fail(self, error: PeavineError) -> None:
        """End it with an error."""
        self.succeed(Answer(self.envelope.header.id, self.kind, self.documents, error=error))

    def named(self) -> str:
        """Return which Documents it has, for a message."""
        if not self.documents:
            return f"{self.kind} request without Documents"
        first = roots(self.envelope.bodies[0]).names[0]
        return f"Document {first!r}" if self.documents == 1 else f"{self.documents} Documents from {first!r} on"

    def split(self) -> list[Pending]:
        """Return its halves as requests of their own, never sent before. Their answers become its answers.

        A single Document that was sent behind others is one such part: it may have waited for them alone.
        """
        batch, middle = roots(self.envelope.bodies[0]), (self.documents + 1) // 2
        lates = self.lates + (self.documents == 1)
        parts = []
        for begin in range(0, self.documents, middle):
            end = min(begin + middle, self.documents)
            envelope = pea_pb2.Envelope(header=self.envelope.header, bodies=[batch.chosen(range(begin, end))])
            envelope.header.id = f"{self.envelope.header.id}.{begin}"
            envelope.header.timeout = self.timeout or 0
            if envelope.header.version:  # one was reserved for each Document, so that a later write stays the later
                envelope.header.version += begin
            answers: asyncio.Future[list[Answer]] = self.answers.get_loop().create_future()
            size, documents = envelope.ByteSize(), end - begin
            parts.append(
                Pending(
                    self.kind, envelope, size, documents, self.timeout, answers, patience=self.patience, lates=lates
                )
            )
        all_parts = asyncio.gather(*(part.answers for part in parts))
        all_parts.add_done_callback(self._joined)
        self.answers.add_done_callback(lambda _: all_parts.cancel())
        return parts

    def _joined(self, parts: asyncio.Future[list[list[Answer]]]) -> None:
        if parts.cancelled():
            self.answers.cancel()
        elif not self.answers.done():
            self.answers.set_result([answer for answers in parts.result() for answer in answers])


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
