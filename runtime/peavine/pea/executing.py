"""Run units through an Executor's Drivers: from items to Calls, and from what became of them to answers. No waiting.

It runs on the Executor's thread, so that decoding and encoding do not hold up the event loop more than they must.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.struct_pb2 import Struct

from peavine.drivers import Call, Query, Runner, Where
from peavine.errors import InvalidRequest, PeavineError
from peavine.pea.faults import Faults
from peavine.pea.passing import late
from peavine.spec import Pod
from peavine.v1 import pea_pb2
from peavine.wire.split import shallow
from peavine.wire.status import status_of
from peavine.wire.tags import read_struct
from peavine.wire.unit import serialize

__all__ = ["Arrived", "Place", "execute"]


@dataclass(frozen=True)
class Place:
    """Where units are executed, as routes and errors say it, and what bounds them."""

    pod: str
    pea: str
    max_message_bytes: int
    max_documents: int | None
    """In one call of the Executor; None: as many as a unit has."""
    expose_tracebacks: bool

    @classmethod
    def of(cls, pod: Pod, pea: str) -> Place:
        """Return the place of a Pea of that Pod."""
        spec = pod.spec
        return cls(
            pod=pod.metadata.name,
            pea=pea,
            max_message_bytes=spec.max_message_bytes or 16777216,
            max_documents=spec.batching.max_size if spec.batching else None,
            expose_tracebacks=bool(spec.expose_tracebacks),
        )


@dataclass(slots=True, eq=False)
class Arrived:
    """A unit that arrived, read but for its Documents."""

    unit: pea_pb2.Unit
    at: float
    """When, by this machine's clock."""
    ahead: float
    """What to add to the deadlines inside to read them by this machine's clock."""

    @property
    def deadline(self) -> float:
        """The latest of its items' deadlines, by this machine's clock."""
        return self.ahead + max((item.header.deadline for item in self.unit.items), default=0.0)

    @property
    def documents(self) -> int:
        """How many root Documents it has; a body that cannot be read has none."""
        return sum(_count(body) for item in self.unit.items for body in item.bodies[:1])


def execute(
    runner: Runner, kind: str, units: Sequence[Arrived], place: Place, faults: Faults, where: Where
) -> list[tuple[int, bytes]]:
    """Return, for each unit, the number of its failed items and the rest of its answer.

    `where` is kept up to date with what the thread is doing. All their items are executed together; those whose
    deadline is over, or that bear an error already, are left out.
    """
    calls: list[tuple[pea_pb2.Envelope, Call]] = []
    now = time.time()
    for arrived in units:
        for item in arrived.unit.items:
            if item.header.HasField("status"):
                continue
            over = now - item.header.deadline - arrived.ahead
            if over > 0:
                late(item, arrived.unit, pea_pb2.Route(pod=place.pod, pea=place.pea), over)
            else:
                calls.append((item, _call(item)))
    for some in _bounded([call for _, call in calls], place.max_documents):
        runner.run(kind, some, where)
    end = time.time()
    for item, call in calls:
        error = call.failure or call.skipped
        if error is not None:
            faults.report(error, kind, call.executor, call.driver)
        _answer(item, call, place, end)
    answers = []
    for arrived in units:
        unit = arrived.unit
        unit.routes.add(pod=place.pod, pea=place.pea, start=arrived.at, end=end)
        answers.append((sum(item.header.HasField("status") for item in unit.items), serialize(unit)))
    return answers


def _count(body: bytes) -> int:
    try:
        return len(shallow(body).docs)
    except InvalidRequest:
        return 0


def _call(item: pea_pb2.Envelope) -> Call:
    header = item.header
    return Call(
        bodies=list(item.bodies),
        parameters=_plain(header.parameters) if header.HasField("parameters") else {},
        queries=[
            Query(query.driver, _plain(query.parameters), query.priority, query.disabled) for query in header.queries
        ],
        version=header.version,
    )


def _plain(struct: Struct) -> dict[str, Any]:
    """Return the values; a Struct has only doubles, and a whole number of them is meant as one."""
    return {name: _whole(value) for name, value in read_struct(struct).items()}


def _whole(value: Any) -> Any:
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_whole(each) for each in value]
        case dict():
            return {name: _whole(each) for name, each in value.items()}
    return value


def _bounded(calls: Sequence[Call], most: int | None) -> Iterator[Sequence[Call]]:
    """Cut into runs of at most so many Documents; a call that has more is alone."""
    if most is None:
        if calls:
            yield calls
        return
    run: list[Call] = []
    size = 0
    for call in calls:
        count = sum(map(_count, call.bodies[:1]))
        if run and size + count > most:
            yield run
            run, size = [], 0
        run.append(call)
        size += count
    if run:
        yield run


def _answer(item: pea_pb2.Envelope, call: Call, place: Place, end: float) -> None:
    """Write into an item what became of its call."""
    failure = call.failure
    if failure is None and len(call.body) > place.max_message_bytes:
        failure = InvalidRequest(
            f"the answer has {len(call.body)} bytes, and {place.max_message_bytes} are the most; ask for less (top_k), "
            f"send fewer Documents a request, or raise spec.maxMessageBytes of the Flow"
        )
    del item.bodies[:]
    if failure is not None:
        item.header.status.CopyFrom(_status(failure, call, place))
        return
    item.bodies.append(call.body)
    item.header.top_k = call.top_k
    if call.skipped is not None:
        status = _status(call.skipped, call, place)
        item.header.routes.add(pod=place.pod, pea=place.pea, start=end, end=end, status=status)


def _status(error: PeavineError, call: Call, place: Place) -> pea_pb2.Status:
    status = status_of(error, place.pod, place.pea, place.expose_tracebacks)
    status.executor = status.executor or call.executor
    status.driver = status.driver or call.driver
    return status
