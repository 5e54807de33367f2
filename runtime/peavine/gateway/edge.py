"""The edge: where requests come in and answers go out, whatever the transport.

Single requests are checked, bounded and put into units here; what clients form themselves is in `units`. Nothing here
knows of gRPC or HTTP. Each request is answered exactly once: by
the Flow, or with a status that says why not, at its deadline at the latest.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from peavine.errors import InvalidRequest, PeavineError
from peavine.gateway.admission import Admission
from peavine.gateway.checks import check, choose, issue, sanitize, seconds
from peavine.gateway.forming import Forming
from peavine.gateway.metrics import IN_FLIGHT, PEAS, REQUESTS, SECONDS, UNIT_REQUESTS, kind_label
from peavine.gateway.units import Units
from peavine.graph import Plan
from peavine.router.question import Parcel
from peavine.router.router import Router
from peavine.router.trail import Trail
from peavine.v1 import gateway_pb2, pea_pb2
from peavine.version import __version__
from peavine.wire.census import census
from peavine.wire.header import name_of
from peavine.wire.hello import PROTOCOL
from peavine.wire.status import code_of, status_of
from peavine.wire.unit import answered, bounded, item_field, parse, serialize

__all__ = ["Asked", "Edge", "envelope_of"]

IN_FLIGHT_MESSAGES: Final = 16
"""Largest messages that may be in flight at once; what is smaller counts by its bytes."""

_COUNTED: Final = object()
_log = logging.getLogger(__name__)

Done = Callable[[bytes, bool], None]
"""Takes the answer, an Envelope's bytes, and whether it bears an error."""


@dataclass(slots=True, eq=False)
class Asked:
    """A single request in flight."""

    envelope: pea_pb2.Envelope
    size: int
    arrived: float
    deadline: float
    done: Done | None
    timer: asyncio.TimerHandle | None = None
    waits: bool = False
    """Whether it waits to leave in a unit."""
    parcel: Parcel | None = None
    """The unit that it left in; None before."""

    @property
    def kind(self) -> int:
        """Number of its Kind."""
        return self.envelope.header.kind


class Edge:
    """Takes requests for a Flow. One for each gateway process."""

    def __init__(self, plan: Plan, name: str) -> None:
        self.plan, self.name = plan, name
        self.router = Router(plan, name)
        self.serving = False
        """Whether it was ready, and was not told to end since: what health and readiness tell."""
        self._admission = Admission(plan.max_in_flight, IN_FLIGHT_MESSAGES * plan.max_message_bytes)
        self._forming: Forming[Asked] = Forming(self.router, self._leave)
        self._tasks: set[asyncio.Task[None]] = set()
        self.units = Units(plan, self.router, self._admission, self._status, self._spawn)
        IN_FLIGHT.set_function(lambda: self._admission.requests)
        for step in plan.steps:
            PEAS.labels(step.pod).set_function(partial(self._peas, step.pod))

    async def start(self) -> None:
        """Begin to connect to the Peas."""
        await self.router.start()

    async def stop(self) -> None:
        """Close the connections to the Peas."""
        for task in self._tasks:
            task.cancel()
        await self.router.stop()

    @property
    def ready(self) -> bool:
        """Whether every Pod of the plan has a Pea that takes work."""
        return self.router.ready

    @property
    def in_flight(self) -> int:
        """Requests that are not answered yet."""
        return self._admission.requests

    def _peas(self, pod: str) -> int:
        return self.router.ready_peas[pod]

    def info(self) -> gateway_pb2.FlowInfo:
        """Return what a client may want to know before it asks."""
        ready = self.router.ready_peas
        return gateway_pb2.FlowInfo(
            flow=self.plan.name,
            version=__version__,
            protocol=PROTOCOL,
            max_message_bytes=self.plan.max_message_bytes,
            max_documents=self.plan.max_documents,
            max_in_flight=self.plan.max_in_flight,
            timeout=self.plan.timeout_seconds,
            index_timeout=self.plan.index_timeout_seconds,
            train_timeout=self.plan.train_timeout_seconds,
            pods=[
                gateway_pb2.PodInfo(
                    name=step.pod,
                    needs=step.needs,
                    shards=step.shards_behind or len(step.shards),
                    ready=ready[step.pod],
                )
                for step in self.plan.steps
            ],
        )

    async def ask(self, envelope: pea_pb2.Envelope) -> pea_pb2.Envelope:
        """Return the answer to one request; what went wrong is in its header's status. Raises nothing of ours.

        When the caller is cancelled, so is the request.
        """
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        def done(raw: bytes, _: bool) -> None:
            if not answered.done():
                answered.set_result(raw)

        asked = self.submit(envelope, envelope.ByteSize(), done)
        try:
            return pea_pb2.Envelope.FromString(await answered)
        finally:
            self.drop(asked)

    def submit(self, envelope: pea_pb2.Envelope, size: int, done: Done, grants: float | None = None) -> Asked | None:
        """Take one request of `size` bytes; `done` is called once, perhaps before this returns.

        `grants` is how many seconds the transport says that the client waits. Returns None when it is answered already.
        """
        header, now = envelope.header, time.monotonic()
        try:
            self._admission.enter(1, size)
        except PeavineError as error:
            self._finish_refused(envelope, done, error)
            return None
        try:
            sanitize(envelope)
            body = check(envelope, self.plan.max_message_bytes, self.router.accepts)
            choose(header, self.plan.fields)
            most = self.plan.timeout(name_of(header.kind))
            left = seconds(header, None, most if grants is None else min(grants, most))
            counting = census(body, self.plan.max_documents)
            counted = next(counting, _COUNTED)
        except Exception as error:
            self._admission.undo(1, size)
            self._finish_refused(envelope, done, error)
            return None
        header.deadline = time.time() + left
        issue(header, self.router.clock)
        asked = Asked(envelope, size, now, now + left, done)
        asked.timer = asyncio.get_running_loop().call_later(left, self._expire, asked)
        if counted is _COUNTED:
            self._wait(asked)
        else:
            self._spawn(self._count(asked, counting))
        return asked

    async def _count(self, asked: Asked, counting: Iterator[None]) -> None:
        """Finish to count the Documents of a request, and let it wait to leave."""
        try:
            for _ in counting:
                await asyncio.sleep(0)
                if asked.done is None:
                    return
            self._wait(asked)
        except Exception as error:
            self._refuse(asked, error)

    def _wait(self, asked: Asked) -> None:
        asked.waits = True
        self._forming.add(asked)

    def drop(self, asked: Asked | None) -> None:
        """Forget a request whose client is gone. It does not leave if it has not left."""
        if asked is not None and asked.done is not None:
            self._close(asked)

    def _leave(self, together: list[Asked]) -> None:
        """Send single requests on their way as one unit."""
        now, clock = time.monotonic(), time.time()
        kind = together[0].envelope.header.kind
        rest = serialize(pea_pb2.Unit(kind=kind, items=[asked.envelope for asked in together]))
        parcel = Parcel(
            kind, len(together), rest, 0, max(asked.deadline for asked in together), clock - now, final=True
        )
        for asked in together:
            asked.parcel, asked.waits = parcel, False
        UNIT_REQUESTS.labels("gateway").observe(len(together))
        self._spawn(self._together(together, parcel))

    async def _together(self, together: list[Asked], parcel: Parcel) -> None:
        """Bring a unit through the plan, and each answer to its own client."""
        try:
            unit = answered((await self.router.run(parcel)).rest, len(together))
            # Bytes of a header that are appended to a message are merged into its header when it is read.
            routes = pea_pb2.Envelope(header=pea_pb2.Header(routes=unit.routes)).SerializeToString()
            for asked, item in zip(together, unit.items, strict=True):
                if asked.done is not None:
                    self._finish(asked, item, routes)
        except Exception as error:
            status = self._status(error)
            for asked in together:
                if asked.done is not None:
                    self._finish(asked, _refusal(asked.envelope, status))
        finally:
            self._forming.returned(len(together))

    def _finish(self, asked: Asked, item: pea_pb2.Envelope, routes: bytes = b"") -> None:
        header, done = item.header, asked.done
        header.ClearField("deadline")
        kind, failed = kind_label(asked.kind), header.HasField("status")
        SECONDS.labels(kind).observe(time.monotonic() - asked.arrived)
        REQUESTS.labels(kind, code_of(header.status.code).name if failed else "OK").inc()
        self._close(asked)
        if done is not None:
            done(item.SerializeToString() + routes, failed)

    def _refuse(self, asked: Asked, error: BaseException) -> None:
        if asked.done is not None:
            self._finish(asked, _refusal(asked.envelope, self._status(error)))

    def _finish_refused(self, envelope: pea_pb2.Envelope, done: Done, error: BaseException) -> None:
        status = self._status(error)
        REQUESTS.labels(kind_label(envelope.header.kind), code_of(status.code).name).inc()
        done(_refusal(envelope, status).SerializeToString(), True)

    def _expire(self, asked: Asked) -> None:
        """Answer a request whose time is over, wherever it is."""
        self._refuse(asked, self.router.late(asked.parcel.trail if asked.parcel is not None else Trail()))

    def _close(self, asked: Asked) -> None:
        asked.done = None
        if asked.timer is not None:
            asked.timer.cancel()
        if asked.waits:
            self._forming.forget(asked)
        self._admission.leave(1, asked.size, time.monotonic() - asked.arrived)

    def _status(self, error: BaseException) -> pea_pb2.Status:
        return status_of(error, pea=self.name)

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("unexpected, after all that could be answered was", exc_info=error)


def envelope_of(raw: bytes) -> pea_pb2.Envelope:
    """Return a client's request, its Documents left alone. Raises InvalidRequest."""
    try:
        # As an item of a unit, which is how it goes on: protobuf bounds the depth of the whole.
        rest = item_field(raw)
        bounded(rest)
        (envelope,) = parse(rest).items
    except InvalidRequest as error:
        raise InvalidRequest(f"this is not a peavine.v1.Request: {error}") from error
    envelope.DiscardUnknownFields()
    return envelope


def _refusal(envelope: pea_pb2.Envelope, status: pea_pb2.Status) -> pea_pb2.Envelope:
    """Return the answer to a request that the Flow did not answer: its header with the status, no Documents."""
    header = pea_pb2.Header(id=envelope.header.id, kind=envelope.header.kind, status=status)
    return pea_pb2.Envelope(header=header)
