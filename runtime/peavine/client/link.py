"""One stream of units to a gateway: what was sent on it and not answered. Retries and deadlines are its owner's."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc.aio

from peavine.client.address import DEFAULT_PORT
from peavine.client.info import seconds
from peavine.client.pace import Pace
from peavine.client.pending import Pending
from peavine.clock import Heard, Issuer, ticks
from peavine.errors import ExecutorError, InvalidRequest, PeavineError, Unavailable
from peavine.v1 import gateway_pb2, gateway_pb2_grpc, pea_pb2
from peavine.wire.channel import channel, is_http, reason
from peavine.wire.forms import as_rows
from peavine.wire.hello import check, hello, reads_columns
from peavine.wire.status import status_of
from peavine.wire.unit import CONTROL, MAX_ITEMS, parse, serialize, stamp, unstamp

__all__ = ["Link"]

_KEEPALIVE = (
    # A machine that lost its power says nothing: without pings its end would be known at the requests' deadlines.
    ("grpc.keepalive_time_ms", 5000),
    ("grpc.keepalive_timeout_ms", 2000),
    ("grpc.http2.max_pings_without_data", 0),
)
_UNITS = 2
"""Units among which the requests that may be out are divided, at the least: while one is worked on, the next is there.
A Flow whose Pods work on more at once gets that many."""
_LAST_SECONDS = 0.01
"""How long a link that is closed waits for grpc's last words."""


@dataclass(slots=True)
class _Sent:
    """A unit that is out, and when it left by the monotonic clock."""

    requests: Sequence[Pending]
    at: float
    asked: int
    """When it left, in ticks of `peavine.clock`."""


class Link:
    """An open stream. Made by `Link.open`."""

    def __init__(self, target: str, clock: Issuer) -> None:
        self.info = gateway_pb2.FlowInfo()
        self.leaving = False
        """Whether the server asked for nothing new."""
        self.heard = time.monotonic()
        """When something last came from the server."""
        self._channel = channel(target, *_KEEPALIVE)
        self._stream: grpc.aio.StreamStreamCall[bytes, bytes] = self._channel.stream_stream("/peavine.v1.Pea/Stream")()
        self._gateway = gateway_pb2_grpc.GatewayStub(self._channel)
        self._columns = False
        """Whether the gateway reads columns."""
        self._window = 0
        self._parts = _UNITS
        self._pace = Pace(1)
        self._unanswered: dict[int, _Sent] = {}
        self._number = 0
        self._closed = False
        self._clock, self._heard = clock, Heard()
        clock.follow(self._heard)

    @classmethod
    async def open(cls, target: str, limit: float, clock: Issuer) -> Link:
        """Connect within `limit` seconds, or raise Unavailable, VersionMismatch, or InvalidRequest for an HTTP port."""
        link = cls(target, clock)
        try:
            async with asyncio.timeout(limit):
                await link._greet()
        except TimeoutError:
            await link.close()
            raise Unavailable(f"no connection within {limit:g} s") from None
        except BaseException:
            await link.close()
            raise
        return link

    @property
    def out(self) -> int:
        """Units that are not answered yet."""
        return len(self._unanswered)

    @property
    def room(self) -> int:
        """Requests that may be sent now, in one unit."""
        if self.leaving or self.out >= self._window:
            return 0
        left = self._pace.requests - sum(len(sent.requests) for sent in self._unanswered.values())
        return max(0, min(left, -(-self._pace.requests // self._parts)))

    @property
    def pace(self) -> int:
        """Requests that may be out at once."""
        return self._pace.requests

    @property
    def hungry(self) -> bool:
        """Whether the next unit should leave at once, full or not. Else requests gather for it."""
        return self.out < self._parts

    async def send(self, requests: Sequence[Pending], unit: pea_pb2.Unit) -> None:
        """Send a unit. It counts as unanswered from before it is written, so nothing is lost when that fails."""
        if not self._columns:
            as_rows(unit)
        self._number += 1
        self._unanswered[self._number] = _Sent(requests, time.monotonic(), ticks())
        await self._write(stamp(serialize(unit), self._number, 0, time.time()))

    async def receive(self) -> tuple[Sequence[Pending], pea_pb2.Unit, float]:
        """Return the requests of the next unit that is answered, its answer, and the seconds that it took.

        Raises Unavailable at the stream's end.
        """
        while True:
            number, _, shown, rest = unstamp(await self._read())
            sent = self._unanswered.pop(number, None)
            try:
                unit = parse(rest)
            except InvalidRequest as error:  # others wait on this stream: it goes on
                unit = pea_pb2.Unit(refused=status_of(ExecutorError(f"the gateway's answer cannot be read: {error}")))
            self.leaving = self.leaving or unit.draining
            if sent is None:
                continue
            self._heard.hear(shown, sent.asked, ticks())
            took = self.heard - sent.at
            codes = [unit.refused.code, *(item.header.status.code for item in unit.items)]
            if grpc.StatusCode.RESOURCE_EXHAUSTED.value[0] in codes:
                self._pace.refused()
            else:
                self._pace.answered(len(sent.requests), took, max(map(self.seconds, sent.requests)))
            return sent.requests, unit, took

    def seconds(self, request: Pending) -> float:
        """Return how long a request may take."""
        return request.timeout or seconds(self.info, request.kind)

    def unanswered(self) -> list[Pending]:
        """Remove and return what was sent and not answered, in the order in which it was sent."""
        sent, self._unanswered = self._unanswered, {}
        return [request for unit in sent.values() for request in unit.requests]

    async def ask_info(self, limit: float | None) -> gateway_pb2.FlowInfo:
        """Ask what the gateway says of its Flow; Unavailable when there is no answer within `limit` seconds."""
        try:
            return await self._gateway.Info(gateway_pb2.InfoRequest(), timeout=limit)
        except grpc.aio.AioRpcError as error:
            raise Unavailable(reason(error)) from None

    async def close(self) -> None:
        """End the stream and the connection."""
        self._stream.cancel()
        self._clock.forget(self._heard)
        if self._closed:
            return
        self._closed = True
        # grpc tells of the end of a cancelled stream only later, and complains where its event loop has ended by then.
        # It tells of one thing after the other, so when it tells that this call failed, it has told that, too.
        nothing: Any = self._channel.unary_unary("/peavine.v1.Gateway/Nothing")
        with contextlib.suppress(grpc.aio.AioRpcError):
            await nothing(b"", timeout=_LAST_SECONDS)
        await self._channel.close()

    async def _greet(self) -> None:
        """Exchange Hellos, and learn the Flow's limits."""
        asked = ticks()
        await self._write(stamp(hello("", "client", final=True), CONTROL, 0, time.time()))
        raw = await self._read()
        greeting = check(raw, "the gateway")
        self._heard.hear(unstamp(raw).sent, asked, ticks())
        self.info = await self.ask_info(None)
        self._columns = reads_columns(greeting)
        self._window, self._parts = greeting.window, max(_UNITS, greeting.concurrency)
        self._pace = Pace(greeting.window * MAX_ITEMS)

    async def _write(self, raw: bytes) -> None:
        try:
            await self._stream.write(raw)
        except asyncio.CancelledError:
            _raise_if_cancelled()
            raise Unavailable("the link was closed") from None
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError) as error:
            raise await self._end(error) from None

    async def _read(self) -> bytes:
        try:
            raw = await self._stream.read()
        except asyncio.CancelledError:
            _raise_if_cancelled()
            raise Unavailable("the link was closed") from None
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError) as error:
            raise await self._end(error) from None
        if not isinstance(raw, bytes):
            raise await self._end(None)
        self.heard = time.monotonic()
        return raw

    async def _end(self, error: BaseException | None) -> PeavineError:
        """Return why the stream ended."""
        if isinstance(error, grpc.aio.AioRpcError):
            if is_http(error):
                return InvalidRequest(
                    f"an HTTP server answers, and the client speaks gRPC; give the gateway's gRPC port "
                    f"({DEFAULT_PORT} unless the manifest says otherwise)"
                )
            return Unavailable(reason(error))
        code, details = await self._stream.code(), await self._stream.details()
        if code is grpc.StatusCode.OK:
            return Unavailable("the gateway ended the stream")
        if code is grpc.StatusCode.UNIMPLEMENTED:
            return Unavailable("what answers there is not a peavine gateway")
        return Unavailable(details or code.name)


def _raise_if_cancelled() -> None:
    """Raise when it is this task that was cancelled. grpc raises the same when only the stream was."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
