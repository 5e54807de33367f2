"""The asking side of Pea.Stream: one address, one connection at a time, opened again whenever it breaks."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol

import grpc

from peavine.backoff import Backoff
from peavine.clock import Heard, Issuer, ticks
from peavine.errors import PeavineError, Unavailable
from peavine.router.question import Question
from peavine.v1 import pea_pb2
from peavine.wire import hello as hellos
from peavine.wire.channel import channel, reason
from peavine.wire.forms import as_rows
from peavine.wire.status import error_of
from peavine.wire.unit import ALONE, CONTROL, FINAL, MAX_BYTES, MAX_ITEMS, REFUSED, parse, serialize, stamp, unstamp

__all__ = ["Link"]

METHOD: Final = "/peavine.v1.Pea/Stream"
HELLO_SECONDS: Final = 60.0
"""A Pea answers Hello when its Executor is loaded; after this long the connection is tried anew."""
BACKOFF: Final = Backoff(0.05, 1.0)
"""Between two attempts to connect."""
KEEPALIVE: Final = (
    ("grpc.keepalive_time_ms", 5000),
    ("grpc.keepalive_timeout_ms", 3000),
    ("grpc.http2.max_pings_without_data", 0),
)

_log = logging.getLogger(__name__)


class LinkOwner(Protocol):
    """What uses a link, and is called when something happens to it."""

    def met(self, hello: pea_pb2.Hello) -> None:
        """A Pea was connected; this is its Hello."""

    def changed(self) -> None:
        """A link began or stopped taking work."""

    def answered(self) -> None:
        """A link has room for another unit."""

    def lost(self, questions: list[Question]) -> None:
        """A link was closed or broke, and these questions are unanswered."""

    def drained(self, link: Link) -> None:
        """A Pea wants this link to close. It may take new work on another one."""


class Link:
    """The stream to one Pea."""

    def __init__(self, address: str, hello: bytes, owner: LinkOwner, clock: Issuer) -> None:
        self.address = address
        self.problem = "not connected yet"
        self.serving = False
        """Whether it takes new work: connected, and not draining."""
        self.load = 0
        """Items that it has not answered."""
        self.workers = 1
        """Units that its Pea works on at once."""
        self.max_bytes = 0
        """Size of a unit that its Pea takes; 0 while it has not said."""
        self._columns = False
        """Whether its Pea reads columns."""
        self._finals = False
        """Whether its Pea knows what a final unit is."""
        self.turn = 0
        """When it was last chosen, so that equals take turns."""
        self._hello = hello
        self._owner = owner
        self._clock, self._heard = clock, Heard()
        clock.follow(self._heard)
        self._pending: dict[int, Question] = {}
        self._window = 0
        self._number = 0
        self._out: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._leaving = False
        self._task = asyncio.create_task(self._run(), name=f"link {address}")

    @property
    def free(self) -> bool:
        """Whether it takes one more unit now."""
        return self.serving and len(self._pending) < self._window and not self._is_trying

    @property
    def _is_trying(self) -> bool:
        """Whether its Pea has a unit that another Pea may have died of."""
        return any(question.deaths for question in itertools.islice(self._pending.values(), 1))

    def takes(self, question: Question) -> bool:
        """Return whether it takes this unit now.

        One that a Pea may have died of has the next Pea for itself: when that one dies, too, nothing else is blamed.
        """
        return self.free and not (question.deaths and self._pending)

    @property
    def idle(self) -> bool:
        """Whether its Pea has a thread with nothing to do."""
        return self.serving and len(self._pending) < self.workers

    def send(self, question: Question) -> None:
        """Send a question; only when `free`. Its answer is set here, or it is handed to `lost`."""
        parcel = question.parcel
        self._number += 1
        self._pending[self._number] = question
        self.load += parcel.count
        question.asked = ticks()
        rest = parcel.rest if self._columns else _rows(parcel.rest)
        more = (ALONE if question.deaths else b"") + (FINAL if parcel.final and self._finals else b"")
        # The deadlines inside were read from a clock that may be another machine's: say what that one shows now.
        self._out.append(stamp(rest, self._number, parcel.failed, time.monotonic() + parcel.skew, more))
        self._wake.set()

    def leave(self, gone: Callable[[Link], None]) -> None:
        """Take nothing new, close once all that was asked is answered, and then call `gone`."""
        self._leaving = True
        self._task.add_done_callback(lambda _: self._clock.forget(self._heard))
        self._task.add_done_callback(lambda _: gone(self))
        self.serving = False
        if not self._pending:
            self._task.cancel()

    async def close(self) -> None:
        """Close now. What is unanswered is lost."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        failures = 0
        while not self._leaving:
            began = time.monotonic()
            try:
                await self._connection()
                self.problem = "the Pea ended the stream"
            except grpc.aio.AioRpcError as error:
                self._note(reason(error))
            except (PeavineError, TimeoutError, asyncio.InvalidStateError) as error:
                self._note(str(error) or f"no Hello within {HELLO_SECONDS:g} s")
            except Exception as error:  # a link that gave up would lose its Pea for good
                _log.exception("%s: unexpected; connecting again", self.address)
                self.problem = f"{type(error).__name__}: {error}"
            if self._leaving:
                return
            failures = 1 if time.monotonic() - began > BACKOFF.longest else failures + 1
            await asyncio.sleep(BACKOFF.delay(failures))

    def _note(self, problem: str) -> None:
        if problem != self.problem:
            _log.info("%s: %s; trying again", self.address, problem)
        self.problem = problem

    async def _connection(self) -> None:
        """Connect, and return or raise when the connection is over."""
        family = "" if self.address.startswith("unix:") else "ipv6:" if self.address.startswith("[") else "ipv4:"
        connection = channel(family + self.address, *KEEPALIVE)
        writer: asyncio.Task[None] | None = None
        ended = False
        try:
            call: Any = connection.stream_stream(METHOD)()
            async with asyncio.timeout(HELLO_SECONDS):
                asked = ticks()
                await call.write(stamp(self._hello, CONTROL, 0, time.time()))
                raw = await call.read()
            if raw is grpc.aio.EOF:
                raise Unavailable("the Pea ended the stream before it said Hello")
            said = hellos.check(raw, self.address)
            self._heard.hear(unstamp(raw).sent, asked, ticks())
            self._window, self.workers, self.max_bytes = max(1, said.window), max(1, said.concurrency), said.max_bytes
            self._columns, self._finals = hellos.reads_columns(said), said.final
            self.serving, self.problem = not self._leaving, ""
            _log.info("%s: connected to %s", self.address, said.pea)
            self._owner.met(said)
            self._owner.changed()
            writer = asyncio.create_task(self._write(call))
            await self._read(call)
            ended = True
        finally:
            self.serving = False
            if writer is not None:
                writer.cancel()
            pending, self._pending, self.load = list(self._pending.values()), {}, 0
            if not ended:
                # What was not written yet was not the end of the Pea.
                for question in _suspects(pending[: len(pending) - len(self._out)], self.workers):
                    question.deaths += 1
            self._out.clear()
            self._owner.lost(pending)
            self._owner.changed()
            await connection.close()

    async def _read(self, call: Any) -> None:
        while (raw := await call.read()) is not grpc.aio.EOF:
            number, failed, shown, rest = unstamp(raw)
            if number == CONTROL:
                if parse(rest).draining and not self._leaving:
                    self._owner.drained(self)
                continue
            question = self._pending.pop(number, None)
            if question is None:
                continue
            self.load -= question.parcel.count
            self._heard.hear(shown, question.asked, ticks())
            if not question.answer.done():
                if failed == REFUSED:
                    question.answer.set_exception(_refusal(rest))
                else:
                    question.answer.set_result(question.parcel.after(rest, failed))
            if self._leaving and not self._pending:
                return
            self._owner.answered()

    async def _write(self, call: Any) -> None:
        # When a write fails the stream is broken, and the reader learns that too.
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError, asyncio.CancelledError):
            while True:
                while self._out:
                    await call.write(self._out.popleft())
                self._wake.clear()
                await self._wake.wait()


def _suspects(pending: Sequence[Question], workers: int) -> Iterator[Question]:
    """Yield what a Pea may have worked on when it died: the oldest units, and those that it executes with them."""
    items = size = 0
    alone = False
    for question in pending:
        parcel = question.parcel
        items, size = items + parcel.count, size + len(parcel.rest)
        if alone or question.deaths or items == parcel.count or items > MAX_ITEMS or size > MAX_BYTES:
            if not workers:
                return
            workers -= 1
            items, size, alone = parcel.count, len(parcel.rest), question.deaths > 0
        yield question


def _rows(rest: bytes) -> bytes:
    """Return a unit without columns, for a Pea of a version that does not read them."""
    unit = parse(rest)
    return serialize(unit) if as_rows(unit) else rest


def _refusal(rest: bytes) -> PeavineError:
    """Return why a Pea refused a unit as a whole."""
    try:
        return error_of(parse(rest).refused)
    except PeavineError as error:
        return error
