"""When a unit leaves, and with what."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from peavine.gateway import forming
from peavine.gateway.forming import Forming
from peavine.wire.unit import MAX_BYTES, MAX_ITEMS


@dataclass(eq=False)
class Request:
    """A request that waits."""

    name: int
    kind: int = 2
    size: int = 100


class Peas:
    """What forming asks of the Peas of a plan."""

    def __init__(self, width: int = 1) -> None:
        self.width, self.depth, self.idle, self.free = width, 2 * width, True, True
        self.changed: Callable[[], object] = lambda: None


class Gate:
    """Forming, with what left."""

    def __init__(self, peas: Peas) -> None:
        self.left: list[list[int]] = []
        self.happened = asyncio.Event()
        self.forming: Forming[Request] = Forming(peas, self.leave)

    def leave(self, unit: list[Request]) -> None:
        self.left.append([request.name for request in unit])
        self.happened.set()

    async def add(self, *requests: Request) -> list[list[int]]:
        for request in requests:
            self.forming.add(request)
        return await self.looked()

    async def looked(self) -> list[list[int]]:
        """Return what left up to now, once all that was to be looked at was."""
        for _ in range(10):
            await asyncio.sleep(0)
        return self.left


@pytest.fixture(autouse=True)
def long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine the few milliseconds that requests wait for company may be over before a test looks."""
    monkeypatch.setattr(forming, "LINGER_SECONDS", 1.0)


def several(count: int) -> list[Request]:
    return [Request(number) for number in range(count)]


async def test_a_lone_request_leaves_at_once() -> None:
    assert await Gate(Peas()).add(Request(1)) == [[1]]


async def test_what_comes_while_a_unit_is_out_leaves_together_when_it_is_back() -> None:
    gate = Gate(Peas())
    await gate.add(Request(1))
    assert await gate.add(Request(2), Request(3)) == [[1]]
    gate.forming.returned(1)
    assert await gate.looked() == [[1], [2, 3]]


async def test_nobody_waits_long_for_company_while_a_pea_is_idle() -> None:
    gate = Gate(Peas())
    await gate.add(Request(1))
    assert await gate.add(Request(2)) == [[1]]
    gate.happened.clear()
    async with asyncio.timeout(30):
        await gate.happened.wait()
    assert gate.left == [[1], [2]]


async def test_nothing_leaves_for_peas_that_are_busy_but_a_full_unit() -> None:
    peas = Peas()
    peas.idle = False
    gate = Gate(peas)
    assert await gate.add(*several(MAX_ITEMS - 1)) == []
    assert [len(unit) for unit in await gate.add(Request(-1))] == [MAX_ITEMS]


async def test_nothing_at_all_leaves_where_no_pea_has_room() -> None:
    peas = Peas()
    peas.idle = peas.free = False
    gate = Gate(peas)
    assert await gate.add(*several(3 * MAX_ITEMS)) == []
    peas.idle = peas.free = True
    peas.changed()
    assert [len(unit) for unit in await gate.looked()] == [MAX_ITEMS] * 3


async def test_replicas_get_equal_parts_of_a_burst() -> None:
    gate = Gate(Peas(width=4))
    assert [len(unit) for unit in await gate.add(*several(40))] == [10, 10, 10, 10]


async def test_a_large_request_is_a_unit_alone() -> None:
    gate = Gate(Peas())
    left = await gate.add(Request(1), Request(2, size=MAX_BYTES), Request(3), Request(4))
    assert left[:2] == [[1], [2]]


async def test_kinds_do_not_share_a_unit() -> None:
    gate = Gate(Peas(width=2))
    assert sorted(await gate.add(Request(1, kind=1), Request(2, kind=2))) == [[1], [2]]


async def test_what_nobody_waits_for_does_not_leave_and_does_not_pile_up() -> None:
    peas = Peas()
    peas.idle = peas.free = False
    gate = Gate(peas)
    first, *given_up = several(1000)
    left = weakref.ref(given_up[500])
    await gate.add(first, *given_up)
    while given_up:
        gate.forming.forget(given_up.pop())
    assert left() is None
    peas.idle = peas.free = True
    peas.changed()
    assert await gate.looked() == [[first.name]]
    assert await gate.add(Request(-1)) == [[first.name]]
    gate.forming.returned(1)
    assert await gate.looked() == [[first.name], [-1]]
