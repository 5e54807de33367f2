"""The gRPC edge: the Gateway service, and Pea.Stream for clients that form units. It converts and delegates."""

from __future__ import annotations

import asyncio
from typing import Any, Final, NoReturn

import grpc

from peavine.errors import InvalidRequest, PeavineError
from peavine.gateway.checks import MAX_ID_BYTES
from peavine.gateway.edge import Asked, Edge, envelope_of
from peavine.gateway.reading import Reading
from peavine.serving import IDLE_SECONDS, method
from peavine.spec import KINDS
from peavine.v1 import pea_pb2
from peavine.wire.duplex import Duplex
from peavine.wire.header import kind_of
from peavine.wire.hello import hello
from peavine.wire.sending import send
from peavine.wire.status import code_of, status_of
from peavine.wire.stream import Stream
from peavine.wire.streams import Streams
from peavine.wire.unit import MAX_HEADER_BYTES, Stamped

__all__ = ["GrpcEdge"]

CALL_WINDOW: Final = 256
"""Requests of one Call that may be unanswered at once."""
WAITING: Final = 2
"""Calls that may wait to be read, for each request that may be in flight. It leaves room for other calls, see CALLS."""
UNIT_WINDOW: Final = 32
"""The same for units of one stream."""
WINDOW_MESSAGES: Final = 4
"""Largest messages that one stream may have here at once."""
RETRY_AFTER: Final = "grpc-retry-pushback-ms"
STATUS: Final = "peavine-status-bin"
"""Trailing metadata of a failed call: the Status, with Pod, Executor and Driver."""

MAX_MESSAGE_LENGTH: Final = 1000
"""Characters of an error in trailing metadata, of which clients take 8 KiB."""
MAX_STATUS_BYTES: Final = 5000
"""Bytes of a Status there, which are sent in base64."""

Context = grpc.aio.ServicerContext[Any, Any]


class GrpcEdge:
    """The services of a gateway, by name, for a server."""

    def __init__(self, edge: Edge, max_age: float) -> None:
        self._edge = edge
        self._reading = Reading(edge.plan.max_message_bytes, WAITING * edge.plan.max_in_flight)
        self._streams = Streams(max_age, IDLE_SECONDS)
        self._window_bytes = WINDOW_MESSAGES * edge.plan.max_message_bytes
        # As streams, so that a message is read only when it is its turn. On the wire they are the same.
        kinds = {kind.capitalize(): method(self._one(kind_of(kind)), streams=True) for kind in KINDS}
        self.services = {
            "peavine.v1.Gateway": {
                **kinds,
                "Call": method(self._call, streams=True),
                "Info": method(self._info, streams=True),
            },
            "peavine.v1.Pea": {"Stream": method(self._stream, streams=True)},
        }

    def drain(self) -> None:
        """End the streams once all that came on them is answered."""
        self._streams.drain("this gateway is stopping; connect again")

    def _one(self, kind: pea_pb2.Kind.ValueType) -> Any:
        async def answer(_: Any, context: Context) -> None:
            try:
                raw = await self._reading.read(context)
                if raw is grpc.aio.EOF:
                    raise InvalidRequest("the call ended without a request")
                envelope = envelope_of(raw)
            except PeavineError as error:
                await _abort(context, status_of(error, pea=self._edge.name))
            envelope.header.kind = kind
            answered: asyncio.Future[tuple[bytes, bool]] = asyncio.get_running_loop().create_future()

            def done(raw: bytes, failed: bool) -> None:
                if not answered.done():
                    answered.set_result((raw, failed))

            asked = self._edge.submit(envelope, len(raw), done, context.time_remaining())
            try:
                said, failed = await answered
            finally:
                self._edge.drop(asked)
            if failed:
                await _abort(context, pea_pb2.Envelope.FromString(said).header.status)
            await send(context, said)

        return answer

    async def _call(self, _: Any, context: Context) -> None:
        duplex = Duplex(context, CALL_WINDOW, self._window_bytes)
        asked: dict[str, Asked | None] = {}

        def take(raw: bytes) -> None:
            envelope = envelope_of(raw)
            name, size = envelope.header.id, len(raw)
            if not name or name in asked:
                raise InvalidRequest(
                    f'header.id: "{name[:MAX_ID_BYTES]}" is on its way already'
                    if name
                    else "header.id: is needed to match the answer"
                )

            def done(answer: bytes, _: bool) -> None:
                asked.pop(name, None)
                duplex.answer(answer, size)

            asked[name] = None
            one = self._edge.submit(envelope, size, done)
            if one is not None:
                asked[name] = one

        await self._add(duplex, context)
        try:
            await duplex.serve(take)
        finally:
            self._streams.remove(duplex)
            for one in list(asked.values()):
                self._edge.drop(one)
        if duplex.draining:
            await context.abort(grpc.StatusCode.UNAVAILABLE, duplex.draining)

    async def _stream(self, _: Any, context: Context) -> None:
        plan = self._edge.plan
        stream = Stream(context, UNIT_WINDOW, self._window_bytes, self._edge.router.clock)
        tasks: set[asyncio.Task[None]] = set()

        def take(stream: Stream, unit: Stamped) -> None:
            task = self._edge.units.take(unit, stream.answer, stream.final)
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        async def ready() -> bytes:
            router = self._edge.router
            return hello(
                plan.name,
                self._edge.name,
                router.accepts,
                window=UNIT_WINDOW,
                concurrency=router.width,
                max_bytes=plan.max_message_bytes + MAX_HEADER_BYTES,
                final=True,
            )

        await self._add(stream, context)
        try:
            await stream.serve(ready, take, self._edge.name)
        finally:
            self._streams.remove(stream)
            for task in list(tasks):
                task.cancel()

    async def _info(self, _: Any, context: Context) -> None:
        await send(context, self._edge.info().SerializeToString())

    async def _add(self, stream: Duplex | Stream, context: Context) -> None:
        try:
            self._streams.add(stream)
        except PeavineError as error:
            await _abort(context, status_of(error, pea=self._edge.name))


async def _abort(context: Context, status: pea_pb2.Status) -> NoReturn:
    """End a call with an error. Trailing metadata has its limit at the client: what is too long is cut."""
    status.message = status.message[:MAX_MESSAGE_LENGTH]
    if status.ByteSize() > MAX_STATUS_BYTES:
        status.ClearField("traceback")
    trailing: list[tuple[str, str | bytes]] = []
    if status.ByteSize() <= MAX_STATUS_BYTES:
        trailing.append((STATUS, status.SerializeToString()))
    if status.retry_after:
        trailing.append((RETRY_AFTER, str(round(1000 * status.retry_after))))
    await context.abort(code_of(status.code), status.message, tuple(trailing))
