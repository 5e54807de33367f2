"""A step over several shards: who is asked, by kind of request, and how their answers become one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterable, Mapping
from typing import Final, TypeVar

from peavine.clock import Issuer
from peavine.graph import Step
from peavine.router.question import Parcel
from peavine.router.replicas import Observer, Replicas
from peavine.spec import OnMissingShard, PollingPolicy
from peavine.v1 import pea_pb2
from peavine.wire import statistics
from peavine.wire.header import name_of
from peavine.wire.join import union
from peavine.wire.merge import merge
from peavine.wire.report import put_back, taken_out
from peavine.wire.split import assemble, cover, split
from peavine.wire.unit import answered, parse, serialize

__all__ = ["Shards"]

PARTIAL_SHARE: Final = 0.8
"""Of the time that is left: how long a partial answer waits for a shard that is there but silent."""


K = TypeVar("K")


class Shards:
    """The shards of a Pod."""

    def __init__(self, step: Step, hello: bytes, observer: Observer, clock: Issuer) -> None:
        self._step = step
        self._shards = [
            Replicas(f"{step.pod}, shard {number}", targets, hello, observer, clock)
            for number, targets in enumerate(step.shards)
        ]
        self._partial = step.on_missing_shard == OnMissingShard.PARTIAL

    async def start(self) -> None:
        """Begin to connect."""
        await asyncio.gather(*(shard.start() for shard in self._shards))

    async def stop(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(shard.stop() for shard in self._shards))

    @property
    def accepts(self) -> dict[str, frozenset[str]] | None:
        """Parameters by kind; all shards take the same."""
        return next((shard.accepts for shard in self._shards if shard.accepts is not None), None)

    @property
    def ready(self) -> int:
        """Peas of the shard that has the fewest; where partial answers will do, of the one that has the most."""
        counts = [shard.ready for shard in self._shards]
        return max(counts) if self._partial else min(counts)

    @property
    def workers(self) -> int:
        """Units that all shards work on at once: as many as the one that does the fewest, of those that are there."""
        return min((workers for shard in self._shards if (workers := shard.workers)), default=0)

    @property
    def idle(self) -> bool:
        """Whether every shard has a Pea with nothing to do."""
        return all(shard.idle for shard in self._shards)

    @property
    def free(self) -> bool:
        """Whether every shard takes one more unit now."""
        return all(shard.free for shard in self._shards)

    @property
    def trouble(self) -> str:
        """Which shards cannot be reached, and why; empty when all can."""
        return "; ".join(shard.trouble for shard in self._shards if shard.trouble)

    async def ask(self, parcel: Parcel, deadline: float) -> Parcel:
        """Return the parcel as the shards answered it. Raises TimeoutError at `deadline`, Unavailable."""
        kind = name_of(pea_pb2.Kind.ValueType(parcel.kind))
        policy: PollingPolicy = getattr(self._step.polling, kind)
        if policy == PollingPolicy.ANY:
            return await min(self._shards, key=lambda shard: shard.load).ask(parcel, deadline)
        if policy == PollingPolicy.ALL:
            return await self._all(parcel, deadline)
        if parcel.kind == pea_pb2.READ:
            return await self._read(parcel, deadline)
        return await self._owners(parcel, deadline)

    async def _read(self, parcel: Parcel, deadline: float) -> Parcel:
        """Ask the owners of the Documents that are read by id; ask all shards what is about no Document."""
        unit = parse(parcel.rest)
        named = [any(item.bodies) for item in unit.items]
        if all(named) or not any(named):
            return await (self._owners if all(named) else self._all)(parcel, deadline)
        places = {way: [place for place, each in enumerate(named) if each == way] for way in (True, False)}
        parts = {
            way: parcel.part(serialize(pea_pb2.Unit(kind=unit.kind, items=[unit.items[n] for n in own])), len(own))
            for way, own in places.items()
        }
        done = await _every({True: self._owners(parts[True], deadline), False: self._all(parts[False], deadline)})
        read = {way: answered(answer.rest, len(places[way])) for way, answer in done.items()}
        for way, answer in read.items():
            for place, item in zip(places[way], answer.items, strict=True):
                unit.items[place].CopyFrom(item)
        routes = union([unit.routes, *(answer.routes for answer in read.values())])
        del unit.routes[:]
        unit.routes.extend(routes)
        return parcel.after(serialize(unit), sum(answer.failed for answer in done.values()))

    async def _owners(self, parcel: Parcel, deadline: float) -> Parcel:
        unit = parse(parcel.rest)
        parts = split(unit, len(self._shards))
        partial = self._partial and parcel.kind == pea_pb2.READ
        shards, deadline = self._asked(parts, deadline) if partial else (list(parts), deadline)
        asking = {
            shard: self._shards[shard].ask(
                parcel.part(serialize(parts[shard].unit), len(parts[shard].unit.items)), deadline
            )
            for shard in shards
        }
        answers = await (_some(asking) if partial else _every(asking))
        read = {shard: answered(answer.rest, len(parts[shard].unit.items)) for shard, answer in answers.items()}
        if parcel.kind == pea_pb2.READ:
            cover(unit, parts, read.keys(), len(self._shards))
        failed = assemble(unit, {shard: parts[shard] for shard in read}, read)
        return parcel.after(serialize(unit), failed)

    async def _all(self, parcel: Parcel, deadline: float) -> Parcel:
        unit = parse(parcel.rest)
        earlier = taken_out(unit)
        drivers = statistics.asking(self.accepts, name_of(pea_pb2.Kind.ValueType(parcel.kind)))
        if drivers:
            now = time.monotonic()
            soon = now + (deadline - now) / 2 if self._partial else deadline
            statistics.ask(unit, drivers)
            answers = await self._each(parcel.after(serialize(unit), parcel.failed), soon)
            statistics.take_back(unit, drivers)
            statistics.give(unit, drivers, answers)
        if drivers or any(earlier):
            parcel = parcel.after(serialize(unit), parcel.failed)
        merged, failed = merge(await self._each(parcel, deadline), len(self._shards), self._partial)
        statistics.take_back(merged, drivers)
        failed += put_back(merged, earlier)
        return parcel.after(serialize(merged), failed)

    async def _each(self, parcel: Parcel, deadline: float) -> list[pea_pb2.Unit]:
        """Return what every shard answers, or where partial answers will do, every shard that is there."""
        every = range(len(self._shards))
        shards, deadline = self._asked(every, deadline) if self._partial else (list(every), deadline)
        asking = {shard: self._shards[shard].ask(parcel, deadline) for shard in shards}
        answers = await (_some(asking) if self._partial else _every(asking))
        return [answered(answer.rest, parcel.count) for answer in answers.values()]

    def _asked(self, shards: Iterable[int], deadline: float) -> tuple[list[int], float]:
        """Return which of these shards a partial answer is asked of, and until when it waits for them.

        Who is known to be gone is not waited for, as long as somebody is there.
        """
        every = list(shards)
        now = time.monotonic()
        return [shard for shard in every if self._shards[shard].ready] or every, now + PARTIAL_SHARE * (deadline - now)


async def _some(asking: Mapping[int, Coroutine[None, None, Parcel]]) -> dict[int, Parcel]:
    """Return the answers that came, or raise the first error where none did."""
    outcomes = dict(zip(asking, await asyncio.gather(*asking.values(), return_exceptions=True), strict=True))
    found = {key: outcome for key, outcome in outcomes.items() if isinstance(outcome, Parcel)}
    if asking and not found:
        raise next(outcome for outcome in outcomes.values() if isinstance(outcome, BaseException))
    return found


async def _every(asking: Mapping[K, Coroutine[None, None, Parcel]]) -> dict[K, Parcel]:
    """Return all answers, or raise the first error and ask no more."""
    tasks = {key: asyncio.ensure_future(one) for key, one in asking.items()}
    try:
        return dict(zip(tasks, await asyncio.gather(*tasks.values()), strict=True))
    finally:
        for task in tasks.values():
            task.cancel()
