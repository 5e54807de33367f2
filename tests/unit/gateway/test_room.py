import asyncio
import threading

import pytest

from peavine.errors import Overloaded
from peavine.gateway.http.room import INLINE_BYTES, Room

LARGE = 4 * INLINE_BYTES


class Work:
    """Work that is done once it is allowed to be, and says when it began."""

    def __init__(self) -> None:
        self.began, self.may_end = threading.Event(), threading.Event()

    def __call__(self) -> threading.Thread:
        self.began.set()
        assert self.may_end.wait(20)
        return threading.current_thread()


def start(room: Room, size: int) -> tuple[Work, asyncio.Task[threading.Thread]]:
    work = Work()
    return work, asyncio.create_task(room.run(size, work))


async def began(*works: Work) -> None:
    for work in works:
        assert await asyncio.to_thread(work.began.wait, 20)


async def turn() -> None:
    """Let all that can go on now go on."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_small_work_is_done_at_once_and_large_work_on_a_thread() -> None:
    room = Room(LARGE, 20)
    assert await room.run(INLINE_BYTES, threading.current_thread) is threading.current_thread()
    assert await room.run(LARGE, threading.current_thread) is not threading.current_thread()


async def test_as_much_is_done_together_as_there_is_room_and_the_rest_in_turn() -> None:
    room = Room(2 * LARGE, 20)
    (a, doing_a), (b, doing_b), (c, doing_c), (d, doing_d) = (
        start(room, size) for size in (LARGE, LARGE, 2 * LARGE, LARGE)
    )
    await began(a, b)
    a.may_end.set()
    await doing_a
    await turn()
    assert not c.began.is_set()
    assert not d.began.is_set()  # it would fit, but is not first
    b.may_end.set()
    await began(c)
    assert not d.began.is_set()
    for work in (c, d):
        work.may_end.set()
    await asyncio.gather(doing_b, doing_c, doing_d)


async def test_what_needs_more_than_there_is_has_all_of_it() -> None:
    room = Room(LARGE, 20)
    (a, doing_a), (b, doing_b) = start(room, 100 * LARGE), start(room, LARGE)
    await began(a)
    await turn()
    assert not b.began.is_set()
    for work in (a, b):
        work.may_end.set()
    await asyncio.gather(doing_a, doing_b)


async def test_a_thread_keeps_its_room_when_nobody_waits_for_it_any_more() -> None:
    room = Room(LARGE, 20)
    a, doing_a = start(room, LARGE)
    await began(a)
    doing_a.cancel()
    b, doing_b = start(room, LARGE)
    await turn()
    assert doing_a.cancelled()
    assert not b.began.is_set()
    a.may_end.set()
    await began(b)
    b.may_end.set()
    await doing_b


async def test_one_that_stops_waiting_lets_the_next_one_in() -> None:
    room = Room(2 * LARGE, 20)
    (a, doing_a), (b, doing_b), (c, doing_c) = start(room, LARGE), start(room, 2 * LARGE), start(room, LARGE)
    await began(a)
    doing_b.cancel()
    await began(c)
    for work in (a, c):
        work.may_end.set()
    await asyncio.gather(doing_a, doing_c)
    assert not b.began.is_set()


async def test_waiting_too_long_is_overload_and_errors_are_the_callers() -> None:
    room = Room(LARGE, 0.05)
    a, doing_a = start(room, LARGE)
    await began(a)
    with pytest.raises(Overloaded, match=r"no memory to read or write JSON within 0\.05 s"):
        await room.run(LARGE, Work())
    a.may_end.set()
    await doing_a

    def fail() -> None:
        raise ValueError("its own")

    with pytest.raises(ValueError, match="its own"):
        await room.run(LARGE, fail)
    assert await room.run(LARGE, lambda: 1) == 1
