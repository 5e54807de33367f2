"""Run units through an Executor's Drivers: from items to Calls, and from what became of them to answers. No waiting.

It runs on the Executor's thread, so that decoding and encoding do not hold up the event loop more than they must.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from peavine.drivers import Call, Query, Runner, Where
from peavine.errors import InvalidRequest, PeavineError
from peavine.pea.faults import Faults
from peavine.pea.passing import overdue
from peavine.spec import Pod
from peavine.spec.model import MAX_MESSAGE_BYTES
from peavine.spec.rules import MAX_DOCUMENTS
from peavine.v1 import pea_pb2
from peavine.wire.census import TOTAL, check_documents
from peavine.wire.kept import kept
from peavine.wire.report import filled, report_of, set_report
from peavine.wire.roots import count
from peavine.wire.status import status_of
from peavine.wire.tags import read_plain
from peavine.wire.unit import serialize

__all__ = ["Arrived", "Host", "execute"]


@dataclass(frozen=True)
class Host:
    """Where units are executed, as routes and errors say it, and what bounds them."""

    pod: str
    pea: str
    max_message_bytes: int
    max_documents: int
    """In one request."""
    max_batch: int
    """Documents in one call of the Executor, unless a single request has more."""
    expose_tracebacks: bool

    @classmethod
    def of(cls, pod: Pod, pea: str) -> Host:
        """Return the host that is a Pea of that Pod."""
        spec = pod.spec
        max_documents = spec.max_documents or MAX_DOCUMENTS
        return cls(
            pod=pod.metadata.name,
            pea=pea,
            max_message_bytes=spec.max_message_bytes or MAX_MESSAGE_BYTES,
            max_documents=max_documents,
            max_batch=spec.batching.max_size if spec.batching else TOTAL * max_documents,
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
        return sum(count(body) for item in self.unit.items for body in item.bodies[:1])


@dataclass(slots=True, eq=False)
class _Task:
    """An item to be executed."""

    item: pea_pb2.Envelope
    call: Call


def execute(
    runner: Runner, kind: str, units: Sequence[Arrived], host: Host, faults: Faults, where: Where
) -> list[tuple[int, bytes]]:
    """Return, for each unit, the number of its failed items and the rest of its answer.

    `where` is kept up to date with what the thread is doing. Their items are executed together, up to `max_batch`
    Documents at a time. Those that have too many Documents, whose deadline is over when their turn comes, or that bear
    an error already, are left out.
    """
    tasks: list[_Task] = []
    for arrived in units:
        for item in arrived.unit.items:
            if not item.header.HasField("status"):
                try:
                    tasks.append(_Task(item, _call(item, arrived, host)))
                except InvalidRequest as error:
                    _fail(item, status_of(error, host.pod, host.pea))
    for some in _bounded(tasks, host.max_batch):
        runner.run(kind, [task.call for task in some], where)
    end = time.time()
    for task in tasks:
        if not task.item.header.HasField("status"):
            fault = task.call.failure or task.call.skipped
            if fault is not None:
                faults.report(fault, kind, task.call.executor, task.call.driver)
            _answer(task.item, task.call, host, end)
    answers = []
    for arrived in units:
        unit = arrived.unit
        unit.routes.add(pod=host.pod, pea=host.pea, start=arrived.at, end=end)
        answers.append((sum(item.header.HasField("status") for item in unit.items), serialize(unit)))
    return answers


def _overdue(item: pea_pb2.Envelope, arrived: Arrived, host: Host) -> PeavineError | None:
    """Return the error of an item whose deadline has passed, None before."""
    by = time.time() - item.header.deadline - arrived.ahead
    return overdue(arrived.unit, host.pod, by) if by > 0 else None


def _fail(item: pea_pb2.Envelope, status: pea_pb2.Status) -> None:
    item.header.status.CopyFrom(status)
    del item.bodies[:]


def _call(item: pea_pb2.Envelope, arrived: Arrived, host: Host) -> Call:
    """Return what an item asks for. Raises InvalidRequest where it has too many Documents."""
    for body in item.bodies:
        check_documents(body, host.max_documents)
    header = item.header
    return Call(
        bodies=list(item.bodies),
        parameters=read_plain(header.parameters) if header.HasField("parameters") else {},
        queries=[
            Query(query.driver, read_plain(query.parameters), query.priority, query.disabled)
            for query in header.queries
        ],
        version=header.version,
        kept=kept(header.kind, header.fields) if arrived.unit.final else None,
        overdue=partial(_overdue, item, arrived, host),
    )


def _bounded(tasks: Sequence[_Task], most: int) -> Iterator[Sequence[_Task]]:
    """Cut into runs of at most so many Documents; a request that has more is alone."""
    # Two bytes are a Document, at the least.
    if sum(len(body) for task in tasks for body in task.call.bodies[:1]) <= 2 * most:
        if tasks:
            yield tasks
        return
    run: list[_Task] = []
    size = 0
    for task in tasks:
        documents = sum(map(count, task.call.bodies[:1]))
        if run and size + documents > most:
            yield run
            run, size = [], 0
        run.append(task)
        size += documents
    if run:
        yield run


def _answer(item: pea_pb2.Envelope, call: Call, host: Host, end: float) -> None:
    """Write into an item what became of its call."""
    failure = call.failure
    if failure is None and len(call.body) > host.max_message_bytes:
        failure = InvalidRequest(
            f"the answer has {len(call.body)} bytes (the limit is {host.max_message_bytes}); ask for less (top_k), "
            f"send fewer Documents a request, or raise spec.maxMessageBytes of the Flow"
        )
    if failure is None and call.report:
        try:
            set_report(item.header, filled([report_of(item.header), call.report]))
        except InvalidRequest as error:
            failure = error
    if failure is not None:
        _fail(item, _status(failure, call, host))
        return
    del item.bodies[:]
    item.bodies.append(call.body)
    item.header.top_k = call.top_k
    if call.skipped is not None:
        status = _status(call.skipped, call, host)
        item.header.routes.add(pod=host.pod, pea=host.pea, start=end, end=end, status=status)


def _status(error: PeavineError, call: Call, host: Host) -> pea_pb2.Status:
    status = status_of(error, host.pod, host.pea, host.expose_tracebacks)
    status.executor = status.executor or call.executor
    status.driver = status.driver or call.driver
    return status
