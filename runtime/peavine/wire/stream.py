"""The answering side of Pea.Stream: Hello, then units by number. Knows nothing of what a unit says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

import grpc

from peavine.clock import ticks
from peavine.errors import InvalidRequest, VersionMismatch
from peavine.wire import hello as hellos
from peavine.wire.duplex import Duplex
from peavine.wire.sending import send
from peavine.wire.status import status_of
from peavine.wire.unit import CONTROL, REFUSED, Stamped, refusal, stamp, unstamp

__all__ = ["Stream", "Take"]

HELLO_SECONDS: Final = 10.0
"""How long a peer that opened a stream may take to say Hello."""

Take = Callable[["Stream", Stamped], None]
"""Takes a unit that arrived; it is answered later with `stream.answer`. What it raises is the answer to the unit."""


Ready = Callable[[], Awaitable[bytes]]
"""Returns our Hello, without its stamp, once this side can take units."""


class Clock(Protocol):
    """What the versions of writes are compared with."""

    @property
    def seconds(self) -> float:
        """The time in seconds since 1970; 0 where nothing is kept."""


class Stream:
    """One peer's stream. `serve` runs it to its end; units that it hands out are answered in any order."""

    def __init__(
        self, context: grpc.aio.ServicerContext[Any, Any], window: int, window_bytes: int, clock: Clock
    ) -> None:
        self._context, self._clock = context, clock
        self._duplex = Duplex(context, window, window_bytes)
        self._open: dict[int, tuple[int, int]] = {}
        """Bytes of each unanswered unit, and when it arrived, in ticks."""
        self._greeted = False
        self.final = False
        """Whether the peer is a client: nobody works on its answers any more."""
        self._drained = asyncio.Event()

    @property
    def alive(self) -> bool:
        """Whether the peer is still there to be answered."""
        return self._duplex.alive

    @property
    def silent_since(self) -> float | None:
        """Since when it has been the peer's turn, by the monotonic clock; None while it waits for an answer."""
        return self._duplex.silent_since

    async def serve(self, ready: Ready, take: Take, pea: str) -> None:
        """Exchange Hellos, hand each unit to `take`, and return when the peer, or a drain, ended it.

        `pea` is the name of this side, for errors.
        """
        context = self._context
        try:
            if not await self._greeting():
                return
            met = ticks()
        except TimeoutError:
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, f"no Hello within {HELLO_SECONDS:g} s")
        except VersionMismatch as error:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        except InvalidRequest as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        hello = await ready()
        await send(context, stamp(hello, CONTROL, 0, self._shown(met)))
        self._greeted = True

        def arrived(raw: bytes) -> None:
            unit = unstamp(raw)
            if unit.number == CONTROL or unit.number in self._open:
                raise InvalidRequest(f"unit {unit.number} is not a new one; number units upwards from 1")
            self._open[unit.number] = (len(raw), ticks())
            try:
                take(self, unit)
            except Exception as error:  # others share the stream: it goes on
                self.answer(unit.number, REFUSED, refusal(status_of(error, pea=pea)))

        if self._drained.is_set():
            self._duplex.push(hellos.draining())
        await self._duplex.serve(arrived)

    async def _greeting(self) -> bool:
        """Await the peer's Hello, and return whether there is one: the peer may leave, or the stream be drained."""
        reading = asyncio.ensure_future(self._context.read())
        reading.add_done_callback(lambda done: done.cancelled() or done.exception())
        drained = asyncio.ensure_future(self._drained.wait())
        try:
            await asyncio.wait((reading, drained), timeout=HELLO_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                if drained.done():
                    return False
                raise TimeoutError
        finally:
            drained.cancel()
            reading.cancel()
        if reading.result() is grpc.aio.EOF:
            return False
        self.final = hellos.check(reading.result(), self._context.peer()).final
        return True

    def answer(self, number: int, failed: int, rest: bytes) -> None:
        """Send the answer to a unit that was taken. On a stream that is gone it does nothing."""
        if self.alive:
            size, arrived = self._open.pop(number)
            self._duplex.answer(stamp(rest, number, failed, self._shown(arrived)), size)

    def _shown(self, arrived: int) -> float:
        """Return what our clock showed when the peer's message arrived: the answer may take its time."""
        seconds = self._clock.seconds
        return seconds and seconds - (ticks() - arrived) / 1e6

    def drain(self, reason: str) -> None:
        """Tell the peer to send nothing new, and end the stream once all that came is answered."""
        self._drained.set()
        if self._greeted:
            self._duplex.push(hellos.draining())
        self._duplex.drain(reason)
