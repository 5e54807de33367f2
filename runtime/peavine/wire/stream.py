"""The answering side of Pea.Stream: Hello, then units by number. Knows nothing of what a unit says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol

import grpc

from peavine.clock import ticks
from peavine.errors import InvalidRequest, VersionMismatch
from peavine.wire import hello as hellos
from peavine.wire.duplex import Duplex
from peavine.wire.unit import CONTROL, Stamped, stamp, unstamp

__all__ = ["Stream", "Take"]

HELLO_SECONDS: Final = 10.0
"""How long a peer that opened a stream may take to say Hello."""

Take = Callable[["Stream", Stamped], None]
"""Takes a unit that arrived; it is answered later with `stream.answer`."""


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
        self._met = 0

    @property
    def alive(self) -> bool:
        """Whether the peer is still there to be answered."""
        return self._duplex.alive

    async def meet(self) -> bool:
        """Read the peer's Hello; return False where the peer ended the stream instead."""
        context = self._context
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                first = await context.read()
            if first is grpc.aio.EOF:
                return False
            self._met = ticks()
            hellos.check(first, context.peer())
        except TimeoutError:
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, f"no Hello within {HELLO_SECONDS:g} s")
        except VersionMismatch as error:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        except InvalidRequest as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        return True

    async def serve(self, hello: bytes, take: Take) -> None:
        """Say Hello, hand each unit to `take`, and return when the peer, or a drain, ended it.

        `hello` is without its stamp. Call `meet` first.
        """
        await self._context.write(stamp(hello, CONTROL, 0, self._shown(self._met)))

        def arrived(raw: bytes) -> None:
            unit = unstamp(raw)
            if unit.number == CONTROL or unit.number in self._open:
                raise InvalidRequest(f"unit {unit.number} is not a new one; number units upwards from 1")
            self._open[unit.number] = (len(raw), ticks())
            take(self, unit)

        await self._duplex.serve(arrived)

    def answer(self, number: int, failed: int, rest: bytes) -> None:
        """Send the answer to a unit that was taken. On a stream that is gone it does nothing."""
        if self.alive:
            size, arrived = self._open.pop(number)
            self._duplex.answer(stamp(rest, number, failed, self._shown(arrived)), size)

    def _shown(self, arrived: int) -> float:
        """Return what our clock showed when the peer's message arrived: the answer may take its time."""
        seconds = self._clock.seconds
        return seconds and seconds - (ticks() - arrived) / 1e6

    def drain(self) -> None:
        """Tell the peer to send nothing new, and end the stream once all that came is answered."""
        self._duplex.push(hellos.draining())
        self._duplex.drain()
