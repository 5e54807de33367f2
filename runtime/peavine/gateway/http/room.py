"""Memory that JSON may take at once. What needs more than there is waits its turn, and works on a thread."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, TypeVar

from peavine.errors import Overloaded

__all__ = ["Room"]

INLINE_BYTES: Final = 131072
"""What takes less memory takes less time than handing it to a thread, and is done at once."""

T = TypeVar("T")


class Room:
    """So many bytes, and how many seconds of waiting for them are enough."""

    def __init__(self, size: int, seconds: float) -> None:
        self.size = size
        self._free = size
        self._seconds = seconds
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def run(self, size: int, work: Callable[[], T]) -> T:
        """Return the result of work that takes so many bytes; what takes more than there are runs alone.

        Raises Overloaded when there is no room in time.
        """
        if size <= INLINE_BYTES:
            return work()
        size = min(size, self.size)
        await self._enter(size)
        running = asyncio.get_running_loop().run_in_executor(None, work)

        def leave(done: asyncio.Future[T]) -> None:
            if not done.cancelled():
                done.exception()  # seen, though nobody may wait for it any more
            self._leave(size)

        # A thread goes on when nobody waits for it any more, and needs its room until it ends.
        running.add_done_callback(leave)
        return await asyncio.shield(running)

    async def _enter(self, size: int) -> None:
        if not self._waiting and size <= self._free:
            self._free -= size
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            async with asyncio.timeout(self._seconds):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._leave(size)
            else:
                self._waiting = deque(each for each in self._waiting if each[1] is not turn)
                self._admit()
            if not isinstance(error, TimeoutError):
                raise
            raise Overloaded(
                f"there was no memory to read or write JSON within {self._seconds:g} s; try again, send arrays as "
                "base64 or by gRPC, or raise spec.gateway.replicas of the Flow",
                retry_after=1.0,
            ) from None

    def _leave(self, size: int) -> None:
        self._free += size
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._free:
            size, turn = self._waiting.popleft()
            if not turn.done():
                self._free -= size
                turn.set_result(None)
