"""A Pod's head: a router behind a Pea's interface. Before and after the shards an Executor may run in it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from peavine.errors import LATE_REMEDY, DeadlineExceeded
from peavine.graph import Plan
from peavine.pea.work import Answer, Work
from peavine.router.question import Parcel
from peavine.router.router import Router
from peavine.spec import Pod
from peavine.v1 import pea_pb2
from peavine.wire.hello import together
from peavine.wire.join import fail
from peavine.wire.status import status_of
from peavine.wire.unit import Stamped, parse, routes_field

__all__ = ["Head"]


class Head:
    """Does for a Pod of several shards what `Work` does for one Pea."""

    def __init__(self, pod: Pod, pea: str, plan: Plan) -> None:
        self.accepts: Mapping[str, frozenset[str]] = {}
        self.concurrency = 1
        self._pod, self._pea = pod.metadata.name, pea
        self._came = asyncio.Event()
        self._router = Router(plan, pea, self._came.set)
        self._before = Work(pod, pea, pod.spec.uses_before, None) if pod.spec.uses_before else None
        self._after = Work(pod, pea, pod.spec.uses_after, None) if pod.spec.uses_after else None
        self.clock = self._router.clock
        self._tasks: set[asyncio.Task[None]] = set()

    async def load(self) -> None:
        """Return when both Executors are loaded and a shard is there: then its parameters are known.

        It does not wait for all of them. A head that starts while a shard is away, as when a node is drained, must be
        there for those who ask, so that they can wait for the shard within their deadlines.
        """
        works = [work for work in (self._before, self._after) if work is not None]
        for work in works:
            await work.load()
        await self._router.start()
        while self._router.accepts is None:
            self._came.clear()
            await self._came.wait()
        self.concurrency = self._router.width
        self.accepts = together([self._router.accepts or {}, *(work.accepts for work in works)])

    def put(self, stamped: Stamped, answer: Answer, wanted: Callable[[], bool] = lambda: True) -> None:
        """Take a unit; it is answered once, later. Raises InvalidRequest where it cannot be read."""
        task = asyncio.create_task(self._carry(stamped, parse(stamped.rest), answer, wanted))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self, grace: float) -> bool:
        """Close the connections and both Executors."""
        for task in self._tasks:
            task.cancel()
        await self._router.stop()
        works = [work for work in (self._before, self._after) if work is not None]
        return all([await work.close(grace) for work in works])

    async def _carry(self, stamped: Stamped, unit: pea_pb2.Unit, answer: Answer, wanted: Callable[[], bool]) -> None:
        at, now = time.time(), time.monotonic()
        latest = max((item.header.deadline for item in unit.items), default=0.0)
        skew = stamped.sent - now
        parcel = Parcel(unit.kind, len(unit.items), stamped.rest, stamped.failed, latest - skew, skew)
        try:
            parcel = await self._through(self._before, parcel, wanted)
            parcel = await self._router.run(parcel)
            parcel = await self._through(self._after, parcel, wanted)
            route = routes_field(pea_pb2.Route(pod=self._pod, pea=self._pea, start=at, end=time.time()))
            answer(parcel.failed, parcel.rest + route)
        except Exception as error:
            rest, failed = fail(parse(parcel.rest), status_of(error, self._pod, self._pea))
            answer(failed, rest)

    async def _through(self, work: Work | None, parcel: Parcel, wanted: Callable[[], bool]) -> Parcel:
        """Return the parcel as an Executor of this process leaves it."""
        if work is None or parcel.failed >= parcel.count:
            return parcel
        done: asyncio.Future[Parcel] = asyncio.get_running_loop().create_future()

        def answer(failed: int, rest: bytes) -> None:
            if not done.done():
                done.set_result(parcel.after(rest, failed))

        stamped = Stamped(0, parcel.failed, time.monotonic() + parcel.skew, parcel.rest)
        waiting = work.put(stamped, answer, wanted)
        try:
            async with asyncio.timeout(parcel.deadline - time.monotonic()):
                return await done
        except TimeoutError:
            where = f'in the head of Pod "{self._pod}": {parcel.trail}'
            raise DeadlineExceeded(f"deadline exceeded {where}; {LATE_REMEDY}") from None
        finally:
            work.forget(waiting)
