"""The answering side of a bidirectional stream: one reader, one writer, a window. What messages mean is not known here.

Memory is bounded without a bound on any queue: while `window` messages are unanswered, or answered and not yet taken by
the peer's connection, nothing more is read, and gRPC's flow control holds the peer back.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import grpc

from peavine.errors import InvalidRequest
from peavine.wire.sending import send

__all__ = ["Duplex"]


class Duplex:
    """One peer's stream of raw messages. Each that arrives is answered once, in any order, with `answer`."""

    def __init__(self, context: grpc.aio.ServicerContext[Any, Any], window: int, window_bytes: int) -> None:
        self.alive = True
        self.draining = ""
        """Why the stream is ending; empty while it is not."""
        self._context = context
        self._window, self._window_bytes = window, window_bytes
        self._held = 0
        self._held_bytes = 0
        self._heard = time.monotonic()
        self._sending: float | None = None
        """Since when the peer has been sent a message that it has not taken."""
        self._out: deque[tuple[bytes, int, int]] = deque()
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._ended = False
        self._broken = False

    @property
    def silent_since(self) -> float | None:
        """Since when it has been the peer's turn, by the monotonic clock; None while it waits for an answer."""
        if self._sending is not None:
            return self._sending
        return None if self._held else self._heard

    async def serve(self, take: Callable[[bytes], None]) -> None:
        """Hand each message to `take` until the peer has sent all and is answered, or a drain is done.

        `take` may raise InvalidRequest for what cannot be answered: it ends the stream.
        """
        reader = asyncio.create_task(self._read(take))
        writer = asyncio.create_task(self._write())
        try:
            await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
            if reader.done():
                reader.result()
                self._ended = True
                self._wake.set()
            await writer
        except Exception as error:
            # grpc cannot end a stream while a message is being written: it would stay open for ever.
            self._broken = True
            self._wake.set()
            await asyncio.wait((writer,))
            if isinstance(error, InvalidRequest):
                await self._context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            raise
        finally:
            self.alive = False
            for task in (reader, writer):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task

    def answer(self, raw: bytes, asked_bytes: int) -> None:
        """Send the answer to a message that had `asked_bytes`. On a stream that is gone it does nothing."""
        self._out.append((raw, 1, asked_bytes))
        self._wake.set()

    def push(self, raw: bytes) -> None:
        """Send a message that answers none."""
        self._out.append((raw, 0, 0))
        self._wake.set()

    def drain(self, reason: str) -> None:
        """End the stream as soon as all that came is answered."""
        self.draining = reason
        self._wake.set()

    async def _read(self, take: Callable[[bytes], None]) -> None:
        read = self._context.read
        while True:
            while self._held >= self._window or self._held_bytes >= self._window_bytes:
                self._room.clear()
                await self._room.wait()
            raw = await read()
            if raw is grpc.aio.EOF:
                return
            self._heard = time.monotonic()
            self._held += 1
            self._held_bytes += len(raw)
            take(raw)

    async def _write(self) -> None:
        out, context = self._out, self._context
        while True:
            while out and not self._broken:
                raw, count, size = out.popleft()
                self._sending = time.monotonic()
                await send(context, raw)
                self._sending = None
                if count:
                    self._held -= count
                    self._held_bytes -= size
                    self._heard = time.monotonic()
                    self._room.set()
            if self._broken or ((self.draining or self._ended) and not self._held):
                return
            self._wake.clear()
            await self._wake.wait()
