"""The gRPC edge: the Gateway service, and Pea.Stream for clients that form units. It converts and delegates."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import grpc

from peavine.errors import InvalidRequest
from peavine.gateway.edge import Asked, Edge, envelope_of
from peavine.serving import method
from peavine.spec import KINDS
from peavine.v1 import pea_pb2
from peavine.wire.duplex import Duplex
from peavine.wire.header import kind_of
from peavine.wire.hello import hello
from peavine.wire.status import code_of
from peavine.wire.stream import Stream
from peavine.wire.unit import Stamped

__all__ = ["GrpcEdge"]

CALL_WINDOW: Final = 256
"""Requests of one Call that may be unanswered at once."""
UNIT_WINDOW: Final = 32
"""The same for units of one stream."""
WINDOW_MESSAGES: Final = 4
"""Largest messages that one stream may have here at once."""
RETRY_AFTER: Final = "grpc-retry-pushback-ms"
STATUS: Final = "peavine-status-bin"
"""Trailing metadata of a failed call: the Status, with Pod, Executor and Driver."""

Context = grpc.aio.ServicerContext[Any, Any]


class GrpcEdge:
    """The services of a gateway, by name, for a server."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._open: set[Duplex | Stream] = set()
        self._window_bytes = WINDOW_MESSAGES * edge.plan.max_message_bytes
        kinds = {kind.capitalize(): method(self._one(kind_of(kind))) for kind in KINDS}
        self.services = {
            "peavine.v1.Gateway": {**kinds, "Call": method(self._call, streams=True), "Info": method(self._info)},
            "peavine.v1.Pea": {"Stream": method(self._stream, streams=True)},
        }

    def drain(self) -> None:
        """End the streams once all that came on them is answered."""
        for stream in self._open:
            stream.drain()

    def _one(self, kind: pea_pb2.Kind.ValueType) -> Any:
        async def answer(raw: bytes, context: Context) -> bytes:
            try:
                envelope = envelope_of(raw)
            except InvalidRequest as error:
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
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
            return said

        return answer

    async def _call(self, _: Any, context: Context) -> None:
        duplex = Duplex(context, CALL_WINDOW, self._window_bytes)
        asked: dict[str, Asked | None] = {}

        def take(raw: bytes) -> None:
            envelope = envelope_of(raw)
            name, size = envelope.header.id, len(raw)
            if not name or name in asked:
                raise InvalidRequest(
                    f'header.id: "{name}" is on its way already' if name else "header.id: is needed to match the answer"
                )

            def done(answer: bytes, _: bool) -> None:
                asked.pop(name, None)
                duplex.answer(answer, size)

            asked[name] = None
            one = self._edge.submit(envelope, size, done)
            if one is not None:
                asked[name] = one

        self._open.add(duplex)
        try:
            await duplex.serve(take)
        finally:
            self._open.discard(duplex)
            for one in list(asked.values()):
                self._edge.drop(one)
        if duplex.draining:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "this gateway is stopping; connect again")

    async def _stream(self, _: Any, context: Context) -> None:
        plan = self._edge.plan
        stream = Stream(context, UNIT_WINDOW, self._window_bytes, self._edge.router.clock)
        if not await stream.meet():
            return
        tasks: set[asyncio.Task[None]] = set()

        def take(stream: Stream, unit: Stamped) -> None:
            task = self._edge.take(unit, stream.answer)
            if task is not None:
                tasks.add(task)
                task.add_done_callback(tasks.discard)

        self._open.add(stream)
        try:
            router = self._edge.router
            said = hello(plan.name, self._edge.name, router.accepts, window=UNIT_WINDOW, concurrency=router.width)
            await stream.serve(said, take)
        finally:
            self._open.discard(stream)
            for task in list(tasks):
                task.cancel()

    async def _info(self, _: bytes, __: Context) -> bytes:
        return self._edge.info().SerializeToString()


async def _abort(context: Context, status: pea_pb2.Status) -> None:
    trailing: list[tuple[str, str | bytes]] = [(STATUS, status.SerializeToString())]
    if status.retry_after:
        trailing.append((RETRY_AFTER, str(round(1000 * status.retry_after))))
    await context.abort(code_of(status.code), status.message, tuple(trailing))
