from __future__ import annotations

import asyncio

from peavine_operator.workqueue import Workqueue


async def test_a_key_added_often_is_worked_on_once() -> None:
    queue = Workqueue[str]()
    queue.add(["a", "b", "a"])
    assert [await queue.next(), await queue.next()] == ["a", "b"]
    assert len(queue) == 0


async def test_a_key_is_never_worked_on_twice_at_once() -> None:
    queue = Workqueue[str]()
    queue.add(["a"])
    assert await queue.next() == "a"
    queue.add(["a", "b"])
    assert await queue.next() == "b"
    queue.done("a")
    assert await queue.next() == "a"


async def test_a_key_that_fails_waits_longer_every_time_and_never_longer_than_a_minute() -> None:
    queue = Workqueue[str]()
    delays = []
    for _ in range(12):
        delays.append(queue.done("a", failed=True) or 0)
    assert 0.25 <= delays[0] <= 0.5
    assert all(delay <= 60 for delay in delays)
    assert delays[-1] >= 30
    queue.done("a")
    assert (queue.done("a", failed=True) or 0) <= 0.5


async def test_a_key_for_later_comes_at_its_time() -> None:
    queue = Workqueue[str]()
    queue.add_later("a", 60)
    queue.add_later("a", 0.01)
    async with asyncio.timeout(5):
        assert await queue.next() == "a"


async def test_work_that_raises_nothing_goes_on_with_what_failed() -> None:
    queue, seen, succeeded = Workqueue[str](), list[str](), asyncio.Event()

    async def act(key: str) -> bool:
        seen.append(key)
        if len(seen) == 2:
            succeeded.set()
        return succeeded.is_set()

    queue.add(["a"])
    worker = asyncio.create_task(queue.work(act))
    async with asyncio.timeout(5):
        await succeeded.wait()
    worker.cancel()
    assert seen == ["a", "a"]
