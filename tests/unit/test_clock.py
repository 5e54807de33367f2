"""Whoever issues versions is never behind a shard's clock, whatever the clocks of the machines show."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine.clock import LIFETIME, MOST_AHEAD, Heard, Issuer, ShardClock
from peavine.errors import InvalidRequest

SECOND = 1_000_000


@dataclass
class World:
    """The true time, in microseconds, and machines whose clocks show something else."""

    now: int = 10**9 * SECOND

    def wall(self, off: int) -> int:
        return self.now + off


@dataclass
class Machine:
    world: World
    off: int = 0
    """What its clock shows besides the true time."""
    since: int = 0

    def wall(self) -> int:
        return self.world.now + self.off

    def ticks(self) -> int:
        return self.world.now - self.since

    def shard(self) -> ShardClock:
        clock = ShardClock(self.wall, self.ticks)
        clock.keeps = True
        return clock

    def issuer(self) -> Issuer:
        return Issuer(self.wall, self.ticks)


delays = st.integers(1, 2 * SECOND)
offs = st.integers(-3600 * SECOND, 3600 * SECOND)


@given(
    st.lists(offs, min_size=3, max_size=3),
    st.lists(
        st.tuples(st.sampled_from(["hear", "write", "pass", "step"]), st.integers(0, 1), delays, delays, offs),
        max_size=30,
    ),
)
def test_a_write_that_is_issued_after_another_was_answered_has_the_greater_version(
    found: list[int], steps: list[tuple[str, int, int, int, int]]
) -> None:
    world = World()
    keeper = Machine(world, found[0])
    shard = keeper.shard()
    machines = [Machine(world, off, since) for since, off in enumerate(found[1:])]
    issuers, heard = [machine.issuer() for machine in machines], [Heard(), Heard()]

    def talk(n: int, there: int, back: int) -> None:
        asked = machines[n].ticks()
        world.now += there
        shown = shard.seconds
        world.now += back
        heard[n].hear(shown, asked, machines[n].ticks())

    for n in (0, 1):
        issuers[n].follow(heard[n])
        talk(n, 500, 500)
    answered = 0
    for step, n, there, back, off in steps:
        if step == "hear":
            talk(n, there, back)
        elif step == "pass":
            world.now += 10 * there
        elif step == "step":  # whoever sets a clock; ours never runs backwards, and who hears us learns of a leap
            keeper.off += off
            for each in (0, 1):
                talk(each, 300, 300)
        else:
            version = issuers[n].issue()
            assert version > answered
            world.now += there
            try:
                shard.check(version)
            except InvalidRequest:
                continue  # refused, so not answered
            world.now = max(world.now, world.now + version - shard.now() + 1)  # the wait before the answer
            answered = version
            world.now += back


@given(st.lists(st.tuples(delays, delays), min_size=1, max_size=20), offs)
def test_the_bound_is_as_good_as_the_quickest_answer(talks: list[tuple[int, int]], off: int) -> None:
    world = World()
    shard, here = Machine(world, off).shard(), Machine(world)
    heard, issuer = Heard(), here.issuer()
    issuer.follow(heard)
    for there, back in talks:
        asked = here.ticks()
        world.now += there
        shown = shard.seconds
        world.now += back
        heard.hear(shown, asked, here.ticks())
    quickest = min(there + back for there, back in talks)
    assert 0 <= issuer.now() - shard.now() <= quickest + sum(map(sum, talks)) // 20_000 + len(talks) + 2


def test_versions_rise_and_leave_room_for_each_document_of_a_request() -> None:
    issuer = Machine(World()).issuer()
    first, second, third = issuer.issue(100), issuer.issue(), issuer.issue()
    assert second >= first + 100
    assert third > second


def test_a_shards_clock_never_runs_backwards() -> None:
    machine = Machine(World())
    clock = machine.shard()
    before = clock.now()
    machine.off -= 3600 * SECOND
    assert clock.now() >= before
    restarted = machine.shard()
    restarted.advance(before)
    assert restarted.now() >= before


def test_a_version_of_another_time_is_refused_with_the_remedy() -> None:
    clock = Machine(World()).shard()
    clock.check(clock.now() + MOST_AHEAD)
    clock.check(clock.now() - LIFETIME)
    with pytest.raises(InvalidRequest, match=r"30.0 s ahead of the shard's clock; synchronize the clocks"):
        clock.check(clock.now() + 30 * SECOND)
    with pytest.raises(InvalidRequest, match="was issued 7,200 s ago, and a write may take 3,600 s; send it again"):
        clock.check(clock.now() - 7200 * SECOND)


def test_who_keeps_nothing_shows_no_time_and_is_not_heeded() -> None:
    stateless = Machine(World(), 3600 * SECOND).shard()
    stateless.keeps = False
    assert stateless.seconds == 0
    here = Machine(World())
    issuer, heard = here.issuer(), Heard()
    issuer.follow(heard)
    heard.hear(stateless.seconds, here.ticks(), here.ticks())
    assert issuer.seconds == 0
    assert issuer.now() == here.wall()


@pytest.mark.parametrize("shown", [float("nan"), float("inf"), -1.0, 1e300])
def test_what_is_no_time_is_not_heeded(shown: float) -> None:
    heard = Heard()
    heard.hear(shown, 1, 2)
    assert heard.ahead(3) is None


def test_a_clock_that_is_not_heard_for_long_is_trusted_less() -> None:
    heard = Heard()
    heard.hear(1000.0, 0, 0)
    first = heard.ahead(0)
    assert first is not None
    assert [(heard.ahead(hours * 3600 * SECOND) or 0) - first for hours in (1, 1000)] == [180_000, 500_000]
