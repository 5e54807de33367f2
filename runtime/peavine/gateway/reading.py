"""Which call's message is read now: gRPC hands over messages whole, and holds what has arrived of each one it reads.

Until a call is read, flow control keeps its client at 64 KiB, so only few are read at once. A message that is small, or
comes quickly, has arrived within a moment. Any other moves to a place of its own, of which there are few as well. So
slow clients cannot keep quick ones out, and what all of them have sent is bounded, as far as no message exceeds the
limit. Connections take turns, so one with many calls delays only itself.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from typing import Any, Final

import grpc

from peavine.errors import DeadlineExceeded, Overloaded

__all__ = ["Reading"]

QUICK: Final = 8
"""Number of messages that are read at once, each for a moment."""
QUICK_SECONDS: Final = 0.05, 0.005
"""Length of that moment: while no more connections wait than can be read at once, and at least."""
SPARE_SECONDS: Final = 0.005
"""How much longer that moment is, because this process may itself be late in seeing what has arrived."""
SLOW_BYTES: Final = 134217728
"""Memory for all slow messages together."""
SLOW_PLACES: Final = (4, 256)
"""Minimum and maximum number of slow messages, whatever the size limit of a message is."""
SLOW_SECONDS: Final = 30.0
"""How long a message may take to arrive."""


class Reading:
    """Reads the one message of a call. `max_bytes` is the largest, and `max_waiting` how many calls may wait."""

    def __init__(self, max_bytes: int, max_waiting: int) -> None:
        self._quick = QUICK
        self._slow = min(max(SLOW_BYTES // max_bytes, SLOW_PLACES[0]), SLOW_PLACES[1])
        self._left = max_waiting
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        """Calls that wait to be read, oldest first, by connection; the next connection to have its turn is first."""

    async def read(self, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        """Return the message, or grpc.aio.EOF where there is none. Raises Overloaded, DeadlineExceeded."""
        await self._enter(context)
        loop = asyncio.get_running_loop()
        quick = True
        timer: asyncio.TimerHandle

        def look_again() -> None:
            nonlocal timer
            timer = loop.call_later(SPARE_SECONDS, slow_down)

        def slow_down() -> None:
            nonlocal quick
            if not self._slow:
                limit.reschedule(0)
                return
            quick = False
            self._slow -= 1
            self._leave()
            limit.reschedule(loop.time() + SLOW_SECONDS)

        crowd = max(1.0, len(self._waiting) / QUICK)
        timer = loop.call_later(max(QUICK_SECONDS[0] / crowd, QUICK_SECONDS[1]), look_again)
        try:
            async with asyncio.timeout(None) as limit:
                return await context.read()
        except TimeoutError:
            if quick:
                raise Overloaded("too many slow messages are being received here; try again later", 1.0) from None
            late = f"the request did not arrive within {SLOW_SECONDS:g} s; send less in a request"
            raise DeadlineExceeded(late) from None
        finally:
            timer.cancel()
            if quick:
                self._leave()
            else:
                self._slow += 1

    async def _enter(self, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        if self._quick:
            self._quick -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(context.peer(), deque()).append(turn)
        self._left -= 1
        if self._left < 0:
            self._refuse_one()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._leave()
            raise

    def _refuse_one(self) -> None:
        """Refuse the newest call of the connection that has most of those that wait."""
        peer = max(self._waiting, key=lambda peer: len(self._waiting[peer]))
        turns = self._waiting[peer]
        turn = turns.pop()
        if not turns:
            del self._waiting[peer]
        self._left += 1
        if not turn.done():
            turn.set_exception(Overloaded("too many calls are waiting to be received here; try again later", 1.0))

    def _leave(self) -> None:
        """Hand the place to the call that has waited longest on the connection whose turn it is."""
        while self._waiting:
            peer, turns = self._waiting.popitem(last=False)
            turn = turns.popleft()
            self._left += 1
            if turns:
                self._waiting[peer] = turns
            if not turn.done():
                turn.set_result(None)
                return
        self._quick += 1
