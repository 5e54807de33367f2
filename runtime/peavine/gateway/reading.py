"""Who may send a message now: gRPC hands over messages whole, and holds what came of one that is being read.

Until a call is read, flow control keeps its client at 64 KiB, so only few are read at once. What is small or quick is
there at once. What is not moves, after a moment, to a place of its own, of which there are few as well: then slow
clients cannot keep quick ones out, and what all of them have sent is bounded.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Final

import grpc

from peavine.errors import DeadlineExceeded, Overloaded

__all__ = ["Reading"]

QUICK: Final = 8
"""Messages that are read at once, each for a moment."""
QUICK_SECONDS: Final = 0.05
"""How long such a moment is."""
SLOW_BYTES: Final = 134217728
"""What slow messages may take together."""
SLOW_PLACES: Final = (4, 256)
"""How many there are, at the least and at the most, whatever the largest message is."""
SLOW_SECONDS: Final = 30.0
"""How long a message may be in coming."""


class Reading:
    """Reads the one message of a call. `max_bytes` is the largest."""

    def __init__(self, max_bytes: int) -> None:
        self._quick = QUICK
        self._slow = min(max(SLOW_BYTES // max_bytes, SLOW_PLACES[0]), SLOW_PLACES[1])
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def read(self, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        """Return the message, or grpc.aio.EOF where there is none. Raises Overloaded, DeadlineExceeded."""
        await self._enter()
        quick = True
        reading = asyncio.ensure_future(context.read())
        reading.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            await asyncio.wait((reading,), timeout=QUICK_SECONDS)
            if not reading.done():
                # When this process is late itself, what is there already is seen now.
                await asyncio.sleep(0)
            if not reading.done():
                if not self._slow:
                    raise Overloaded("too many slow messages are being received here; try again later", 1.0)
                self._slow -= 1
                quick = False
                self._leave()
                await asyncio.wait((reading,), timeout=SLOW_SECONDS)
            if not reading.done():
                raise DeadlineExceeded(f"the request did not arrive within {SLOW_SECONDS:g} s; send less in a request")
            return reading.result()
        finally:
            reading.cancel()
            if quick:
                self._leave()
            else:
                self._slow += 1

    async def _enter(self) -> None:
        if self._quick:
            self._quick -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()
            raise

    def _leave(self) -> None:
        """Hand the place to whoever came last: who came before waits behind slow ones, and may be one."""
        while self._waiting:
            turn = self._waiting.pop()
            if not turn.done():
                turn.set_result(None)
                return
        self._quick += 1
