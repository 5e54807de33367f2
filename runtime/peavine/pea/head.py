"""A Pod's head: a router behind a Pea's interface. Before and after the shards an Executor may run in it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from peavine.errors import LATE_REMEDY, DeadlineExceeded, InvalidRequest
from peavine.graph import Plan
from peavine.pea.watch import PATIENCE_SECONDS
from peavine.pea.worker import MAX_HEADER_BYTES, Answer, Worker
from peavine.router.question import Parcel
from peavine.router.router import Router
from peavine.spec import Pod
from peavine.v1 import pea_pb2
from peavine.wire.census import census
from peavine.wire.hello import together
from peavine.wire.join import fail
from peavine.wire.status import status_of
from peavine.wire.unit import FINAL, Stamped, received, routes_field, serialize

__all__ = ["Head"]

LONGEST_SECONDS: Final = 86400.0
"""What a Flow's timeoutSeconds may be: a unit with a later deadline was not sent by a gateway."""


class Head:
    """Does for a Pod of several shards what `Worker` does for one Pea."""

    def __init__(
        self,
        pod: Pod,
        pea: str,
        plan: Plan,
        least_patience: float = PATIENCE_SECONDS,
        sources: Sequence[Path] = (),
    ) -> None:
        self.accepts: Mapping[str, frozenset[str]] = {}
        self.concurrency = 1
        self._pod, self._pea = pod.metadata.name, pea
        self._max_documents = plan.max_documents
        self._came = asyncio.Event()
        self._router = Router(plan, pea, self._came.set)
        chosen = (pod.spec.chosen("before"), pod.spec.chosen("after"))
        self._before, self._after = (
            Worker(pod, pea, each, None, least_patience, sources) if each else None for each in chosen
        )
        self.workers = [worker for worker in (self._before, self._after) if worker is not None]
        """What runs an Executor in this process."""
        self.clock = self._router.clock
        self._tasks: set[asyncio.Task[None]] = set()

    async def load(self) -> None:
        """Return when both Executors are loaded and a shard is there: then its parameters are known.

        It does not wait for all of them. A head that starts while a shard is away, as when a node is drained, must be
        there for those who ask, so that they can wait for the shard within their deadlines.
        """
        for worker in self.workers:
            await worker.load()
        await self._router.start()
        while self._router.accepts is None:
            self._came.clear()
            await self._came.wait()
        self.concurrency = self._router.width
        self.accepts = together([self._router.accepts or {}, *(worker.accepts for worker in self.workers)])

    def put(self, stamped: Stamped, answer: Answer, wanted: Callable[[], bool] = lambda: True) -> None:
        """Take a unit; it is answered once, later. Raises InvalidRequest where no router would send it."""
        unit = received(stamped, MAX_HEADER_BYTES)
        task = asyncio.create_task(self._carry(stamped, unit, answer, wanted))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    executor = None
    """A head keeps nothing."""

    def healthy(self) -> str | None:
        """Return why an Executor cannot work any longer, None while they can."""
        return next((reason for worker in self.workers if (reason := worker.healthy()) is not None), None)

    async def close(self, grace: float) -> bool:
        """Close the connections and both Executors."""
        for task in self._tasks:
            task.cancel()
        await self._router.stop()
        return all([await worker.close(grace) for worker in self.workers])

    async def _carry(self, stamped: Stamped, unit: pea_pb2.Unit, answer: Answer, wanted: Callable[[], bool]) -> None:
        at, now = time.time(), time.monotonic()
        latest = max((item.header.deadline for item in unit.items), default=0.0)
        skew = stamped.sent - now
        deadline = min(latest - skew, now + LONGEST_SECONDS)
        rest, final = stamped.rest, unit.final
        if final and self.workers:
            # Only the last of this Pod leaves out what the client did not ask for.
            unit.final = False
            rest = serialize(unit)
        parcel = Parcel(unit.kind, len(unit.items), rest, stamped.failed, deadline, skew)
        try:
            excessive = await self._count(unit)
            if excessive:
                parcel = parcel.after(serialize(unit), stamped.failed + excessive)
            parcel = await self._through(self._before, parcel, wanted)
            parcel.final = final and self._after is None
            parcel = await self._router.run(parcel)
            parcel.final = final
            parcel = await self._through(self._after, parcel, wanted)
            route = routes_field(pea_pb2.Route(pod=self._pod, pea=self._pea, start=at, end=time.time()))
            answer(parcel.failed, parcel.rest + route)
        except Exception as error:
            rest, failed = fail(unit, status_of(error, self._pod, self._pea))
            answer(failed, rest)

    async def _count(self, unit: pea_pb2.Unit) -> int:
        """Refuse items that have too many Documents, and return how many these are."""
        excessive = 0
        for item in unit.items:
            try:
                for body in item.bodies:
                    for _ in census(body, self._max_documents):
                        await asyncio.sleep(0)
            except InvalidRequest as error:
                excessive += not item.header.HasField("status")
                item.header.status.CopyFrom(status_of(error, self._pod, self._pea))
                del item.bodies[:]
        return excessive

    async def _through(self, worker: Worker | None, parcel: Parcel, wanted: Callable[[], bool]) -> Parcel:
        """Return the parcel as an Executor of this process leaves it."""
        if worker is None or parcel.failed >= parcel.count:
            return parcel
        done: asyncio.Future[Parcel] = asyncio.get_running_loop().create_future()

        def answer(failed: int, rest: bytes) -> None:
            if not done.done():
                done.set_result(parcel.after(rest, failed))

        rest = parcel.rest + FINAL if parcel.final else parcel.rest
        stamped = Stamped(0, parcel.failed, time.monotonic() + parcel.skew, rest)
        waiting = worker.put(stamped, answer, wanted)
        try:
            async with asyncio.timeout(parcel.deadline - time.monotonic()):
                return await done
        except TimeoutError:
            where = f'in the head of Pod "{self._pod}": {parcel.trail}'
            raise DeadlineExceeded(f"deadline exceeded {where}; {LATE_REMEDY}") from None
        finally:
            worker.forget(waiting)
