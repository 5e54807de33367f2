"""Units that clients formed: each item is checked, and the unit goes through the plan as it came.

What a unit holds is counted and admitted before it is parsed, and each item is answered, whatever becomes of the rest.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine

from peavine.errors import InvalidRequest, PeavineError
from peavine.gateway.admission import Admission
from peavine.gateway.checks import check, choose, issue, sanitize, seconds
from peavine.gateway.metrics import REQUESTS, SECONDS, UNIT_REQUESTS, kind_label
from peavine.graph import Plan
from peavine.router.question import Parcel
from peavine.router.router import Router
from peavine.v1 import pea_pb2
from peavine.wire.census import census
from peavine.wire.header import KIND_NUMBERS, name_of
from peavine.wire.status import code_of
from peavine.wire.unit import MAX_ITEMS, Stamped, bounded, parse, serialize

__all__ = ["Units"]

Answer = Callable[[int, int, bytes], None]
"""Takes number, failed and rest of the answer to a unit."""


class Units:
    """Takes units for a Flow."""

    def __init__(
        self,
        plan: Plan,
        router: Router,
        admission: Admission,
        status: Callable[[BaseException], pea_pb2.Status],
        spawn: Callable[[Coroutine[None, None, None]], asyncio.Task[None]],
    ) -> None:
        self._plan, self._router, self._admission, self._status, self._spawn = plan, router, admission, status, spawn

    def take(self, stamped: Stamped, answer: Answer, final: bool) -> asyncio.Task[None]:
        """Take a unit; `answer` is called once, when the task ends. Raises what refuses the unit as a whole.

        `final` says that the peer is a client. Another Flow says of each unit whether its answer goes to a client.
        """
        now, size, count = time.monotonic(), len(stamped.rest), 0
        try:
            count = bounded(stamped.rest)
            if not count:
                raise InvalidRequest(f"unit {stamped.number} has no items")
            self._admission.enter(count, size)
        except PeavineError as error:
            REQUESTS.labels("unknown", code_of(self._status(error).code).name).inc(max(1, count))
            raise
        try:
            unit = parse(stamped.rest)
            unit.final = unit.final or final
        except PeavineError:
            self._admission.undo(count, size)
            raise
        task = self._spawn(self._carry(stamped, unit, now, answer))
        # A task that is cancelled before it begins runs nothing of its own.
        task.add_done_callback(lambda _: self._admission.leave(count, size, time.monotonic() - now))
        return task

    async def _carry(self, stamped: Stamped, unit: pea_pb2.Unit, now: float, answer: Answer) -> None:
        """Bring a unit through the plan, and its answer back."""
        kind, count = kind_label(unit.kind), len(unit.items)
        refused: dict[int, pea_pb2.Status] = {}
        try:
            parcel = await self._checked(stamped, unit, refused, now)
            del unit  # a copy of what travels now
            answered = await self._router.run(parcel)
            codes = [item.header.status.code for item in parse(answered.rest).items] if answered.failed else []
            failed, rest = answered.failed, answered.rest
        except Exception as error:
            rest = _refusal(stamped, refused, self._status(error))
            codes = [item.header.status.code for item in parse(rest).items]
            failed = count
        SECONDS.labels(kind).observe(time.monotonic() - now)
        REQUESTS.labels(kind, "OK").inc(max(0, count - failed))
        for code in codes:
            if code:
                REQUESTS.labels(kind, code_of(code).name).inc()
        answer(stamped.number, failed, rest)

    async def _checked(
        self, stamped: Stamped, unit: pea_pb2.Unit, refused: dict[int, pea_pb2.Status], now: float
    ) -> Parcel:
        """Return a unit as it is to be sent. An item that is refused bears a status, which is noted in `refused`."""
        longest, number, count = 0.0, unit.kind, len(unit.items)
        unit.DiscardUnknownFields()
        most = self._plan.timeout(name_of(number)) if number in KIND_NUMBERS else 0.0
        for place, item in enumerate(unit.items):
            if place % MAX_ITEMS == MAX_ITEMS - 1:
                await asyncio.sleep(0)
            try:
                longest = max(longest, await self._check(item, stamped, number, most))
            except Exception as error:
                status = refused[place] = self._status(error)
                header = pea_pb2.Header(id=item.header.id, kind=item.header.kind, status=status)
                item.header.CopyFrom(header)
                del item.bodies[:]
        del unit.routes[:]
        final, unit.final = unit.final, False
        UNIT_REQUESTS.labels("client").observe(count)
        skew = time.time() - time.monotonic()
        return Parcel(number, count, serialize(unit), len(refused), now + longest, skew, final)

    async def _check(self, item: pea_pb2.Envelope, stamped: Stamped, kind: int, most: float) -> float:
        """Make an item ready to be sent, and return the seconds that it has: `most` or less. Raises what refuses it."""
        header = item.header
        sanitize(item)
        if header.kind != kind:
            raise InvalidRequest(f"header.kind: {header.kind}, and the unit's kind is {kind}")
        body = check(item, self._plan.max_message_bytes, self._router.accepts)
        choose(header, self._plan.fields)
        left = seconds(header, stamped.sent, most)
        for _ in census(body, self._plan.max_documents):
            await asyncio.sleep(0)
        header.deadline = time.time() + left
        issue(header, self._router.clock)
        return left


def _refusal(stamped: Stamped, refused: dict[int, pea_pb2.Status], status: pea_pb2.Status) -> bytes:
    """Return the answer to a unit of which nothing is answered; an item without a status of its own bears `status`."""
    unit = parse(stamped.rest)
    headers = [
        pea_pb2.Header(id=item.header.id, kind=item.header.kind, status=refused.get(place, status))
        for place, item in enumerate(unit.items)
    ]
    return serialize(pea_pb2.Unit(kind=unit.kind, items=[pea_pb2.Envelope(header=header) for header in headers]))
