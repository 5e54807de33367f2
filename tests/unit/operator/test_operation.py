from __future__ import annotations

import asyncio

import pytest

from peavine_operator.operation import together


class Work:
    """Goes on for ever, and knows whether it does."""

    def __init__(self) -> None:
        self.began, self.goes_on = asyncio.Event(), False

    async def run(self) -> None:
        self.goes_on = True
        self.began.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.goes_on = False


async def test_nothing_goes_on_when_the_whole_is_cancelled() -> None:
    works, stop = [Work(), Work()], asyncio.Event()
    whole = asyncio.create_task(together([work.run() for work in works], stop))
    async with asyncio.timeout(5):
        for work in works:
            await work.began.wait()
        whole.cancel()
        with pytest.raises(asyncio.CancelledError):
            await whole
    assert [work.goes_on for work in works] == [False, False]
    assert stop.is_set()


async def test_all_end_when_one_fails_and_its_error_is_told() -> None:
    work, stop = Work(), asyncio.Event()

    async def fail() -> None:
        await work.began.wait()
        raise OSError("no more disk")

    async with asyncio.timeout(5):
        with pytest.raises(OSError, match="no more disk"):
            await together([work.run(), fail()], stop)
    assert not work.goes_on


async def test_all_end_well_when_they_are_told_to() -> None:
    work, stop = Work(), asyncio.Event()
    whole = asyncio.create_task(together([work.run()], stop))
    async with asyncio.timeout(5):
        await work.began.wait()
        stop.set()
        await whole
    assert not work.goes_on
