"""What clients that send JSON may use of a gateway together: bytes that have come, memory for JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from peavine.gateway.http.messages import answer_cost, read, read_cost
from peavine.gateway.http.room import Room
from peavine.gateway.http.sharing import Share
from peavine.graph import Plan
from peavine.v1 import pea_pb2

__all__ = ["Intake"]

BODIES: Final = 3
"""Largest bodies that may be here at once; what is smaller counts by its bytes."""
ROOM: Final = 16
"""Memory for JSON, in largest messages. One that is all numbers takes twelve times its size."""

T = TypeVar("T")


class Intake:
    """One for each gateway process."""

    def __init__(self, plan: Plan) -> None:
        self.bodies = Share(BODIES * plan.max_message_bytes)
        self._room = Room(ROOM * plan.max_message_bytes, plan.timeout_seconds)

    async def read(self, raw: bytes | bytearray, work: Callable[[dict[str, Any]], T]) -> T:
        """Return what `work` makes of the JSON object in `raw`."""
        return await self._room.run(read_cost(raw, self._room.size), lambda: work(read(raw)))

    async def write(self, answer: pea_pb2.Envelope, work: Callable[[], bytes]) -> bytes:
        """Return what `work` makes of an answer."""
        return await self._room.run(answer_cost(answer), work)
