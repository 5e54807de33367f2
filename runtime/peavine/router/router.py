"""Run a plan: each unit goes through its steps, parents before children, branches at the same time.

Gateway and head use it alike. It parses a unit only where branches meet, where shards answer, and to say what failed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from peavine.clock import Issuer
from peavine.errors import LATE_REMEDY, DeadlineExceeded, PeavineError, Unavailable
from peavine.graph import GATEWAY, Plan, Step
from peavine.router.question import Parcel
from peavine.router.replicas import Replicas
from peavine.router.shards import Shards
from peavine.router.trail import Trail
from peavine.v1 import pea_pb2
from peavine.wire.header import name_of
from peavine.wire.hello import hello, together
from peavine.wire.join import join

__all__ = ["Router"]


class Stage(Protocol):
    """What runs a step: the Peas of a Pod, or its shards."""

    @property
    def accepts(self) -> dict[str, frozenset[str]] | None:
        """Parameters by kind; None before a Pea was there to say."""

    @property
    def ready(self) -> int:
        """Peas that take work; 0 when some shard has none."""

    @property
    def workers(self) -> int:
        """Units that are worked on at once."""

    @property
    def idle(self) -> bool:
        """Whether a Pea has a thread with nothing to do."""

    @property
    def free(self) -> bool:
        """Whether a unit that comes now is sent now."""

    @property
    def trouble(self) -> str:
        """Why it cannot work; empty when it can."""

    async def start(self) -> None:
        """Begin to connect."""

    async def stop(self) -> None:
        """Close all connections."""

    async def ask(self, parcel: Parcel, deadline: float) -> Parcel:
        """Return the parcel as it was answered."""


class Router:
    """Runs one plan. `changed` is called when a Pea became free, or came, or went."""

    def __init__(self, plan: Plan, pea: str, changed: Callable[[], object] = lambda: None) -> None:
        greeting = hello(plan.name, pea)
        self.plan = plan
        self.changed = changed
        self.clock = Issuer()
        """The Flow's: no shard's clock is ahead of it."""
        self.accepts: dict[str, frozenset[str]] | None = None
        """All parameters that a Pod of the plan takes, by kind of request; None while a Pod has yet to say."""
        self.width = 1
        """The most units that one step works on at once: to keep all busy, work must be in that many parts."""
        self.depth = 1
        """The most units that all steps together work on at once."""
        self._stages: dict[str, Stage] = {step.pod: self._stage(step, greeting) for step in plan.steps}
        self._roots = [self._stages[step.pod] for step in plan.steps if GATEWAY in step.needs]
        self._chain = all(
            step.needs == [before] for step, before in zip(plan.steps, [GATEWAY, *self._stages], strict=False)
        )

    def _stage(self, step: Step, greeting: bytes) -> Stage:
        if len(step.shards) > 1:
            return Shards(step, greeting, self, self.clock)
        return Replicas(step.pod, step.shards[0], greeting, self, self.clock)

    def peas_changed(self) -> None:
        """Hear from a stage that Peas came or went."""
        self.width = max(1, *(stage.workers for stage in self._stages.values()))
        known = [stage.accepts for stage in self._stages.values()]
        self.accepts = None if None in known else together(each for each in known if each is not None)
        self.depth = max(1, sum(stage.workers for stage in self._stages.values()))
        self.changed()

    def work_done(self) -> None:
        """Hear from a stage that a Pea can take more than before."""
        self.changed()

    async def start(self) -> None:
        """Begin to connect to every Pea of the plan."""
        await asyncio.gather(*(stage.start() for stage in self._stages.values()))

    async def stop(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(stage.stop() for stage in self._stages.values()))

    @property
    def ready(self) -> bool:
        """Whether every Pod has a Pea that takes work."""
        return all(stage.ready for stage in self._stages.values())

    @property
    def ready_peas(self) -> dict[str, int]:
        """How many Peas of each Pod take work."""
        return {pod: stage.ready for pod, stage in self._stages.items()}

    @property
    def idle(self) -> bool:
        """Whether a unit that starts now finds a Pea with nothing to do."""
        return all(stage.idle for stage in self._roots)

    @property
    def free(self) -> bool:
        """Whether a unit that starts now is sent now."""
        return all(stage.free for stage in self._roots)

    async def run(self, parcel: Parcel) -> Parcel:
        """Return the parcel as the last step answered it.

        Errors of single items are in it. Raises DeadlineExceeded or Unavailable when all of it got no answer.
        """
        final, parcel.final = parcel.final, False
        if self._chain:
            for step in self.plan.steps:
                parcel = await self._step(step, parcel, final)
            return parcel
        done: dict[str, asyncio.Task[Parcel]] = {}
        try:
            async with asyncio.TaskGroup() as group:
                for step in self.plan.steps:
                    done[step.pod] = group.create_task(self._joined(step, parcel, done, final))
        except* PeavineError as several:
            raise several.exceptions[0] from None
        return done[self.plan.steps[-1].pod].result()

    async def _joined(self, step: Step, asked: Parcel, done: dict[str, asyncio.Task[Parcel]], final: bool) -> Parcel:
        """Await the step's parents, and run it on what they answered."""
        parents = [asked if name == GATEWAY else await done[name] for name in step.needs]
        parcel = (
            parents[0] if len(parents) == 1 else asked.after(*join([parent.rest for parent in parents], asked.count))
        )
        return await self._step(step, parcel, final)

    async def _step(self, step: Step, parcel: Parcel, final: bool) -> Parcel:
        if parcel.failed >= parcel.count:
            return parcel
        trail, pod = parcel.trail, step.pod
        parcel.final = final and step is self.plan.steps[-1]
        trail.enter(pod)
        try:
            own = step.timeout(name_of(pea_pb2.Kind.ValueType(parcel.kind)))
            deadline = min(parcel.deadline, time.monotonic() + own)
            answered = await self._stages[pod].ask(parcel, deadline)
        except TimeoutError:
            raise self.late(trail) from None
        trail.leave(pod)
        return answered

    def late(self, trail: Trail) -> DeadlineExceeded | Unavailable:
        """Return what to say of a unit whose time is over: the hop that it waits for, and what the others took."""
        asked = [self._stages[pod] for pod in trail.waits] if trail.waits else self._roots
        troubles = [stage.trouble for stage in asked if stage.trouble]
        if troubles:
            return Unavailable(f"{'; '.join(troubles)}; {trail}")
        return DeadlineExceeded(f"deadline exceeded: {trail}; {LATE_REMEDY}")
