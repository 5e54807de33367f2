"""Lets the event loop's work use the thread that called: a user's iterators and callbacks run where he expects them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

from peavine.client.loop import LOOP
from peavine.errors import Unavailable

__all__ = ["Caller", "on"]

T = TypeVar("T")


class Caller:
    """The calling thread of one call: it waits for a coroutine on `loop`, and meanwhile runs what that hands it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._work: SimpleQueue[tuple[Any, tuple[Any, ...], asyncio.Future[Any]] | None] = SimpleQueue()

    async def __call__(self, work: Any, /, *arguments: Any) -> Any:
        """Run it in the thread that waits. For coroutines on the loop."""
        done = self._loop.create_future()
        self._work.put((work, arguments, done))
        return await done

    def leave(self, end: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a coroutine for its effect, and wait for it unless this is the loop's own thread.

        That may be: the garbage collector ends generators in whatever thread it runs in. A loop that has ended has
        nothing to end.
        """
        if on(self._loop):
            self._loop.create_task(end())
            return
        with contextlib.suppress(Unavailable):
            self.wait(_awaiting(end))

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Return what the coroutine returns. An interrupt of the thread cancels it first.

        Raises Unavailable when the client was closed, so that its loop has ended.
        """
        if not LOOP.hold(self._loop):  # it does not end before those who wait have their answer
            coroutine.close()
            raise Unavailable("the client is closed")
        try:
            waited = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
            waited.add_done_callback(lambda _: self._work.put(None))
            try:
                self._serve()
            except BaseException:
                waited.cancel()
                raise
            return waited.result()
        finally:
            LOOP.release()

    def _serve(self) -> None:
        while (handed := self._work.get()) is not None:
            work, arguments, done = handed
            outcome: Future[Any] = Future()
            try:
                outcome.set_result(work(*arguments))
            except Exception as error:
                outcome.set_exception(error)
            self._loop.call_soon_threadsafe(_settle, done, outcome)


async def _awaiting(end: Callable[[], Coroutine[Any, Any, None]]) -> None:
    await end()


def on(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether this thread is the loop's."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


def _settle(done: asyncio.Future[Any], outcome: Future[Any]) -> None:
    if done.cancelled():
        return
    error = outcome.exception()
    if isinstance(error, StopIteration):  # which no future can hold
        error = RuntimeError("the callback raised StopIteration")
    if error is None:
        done.set_result(outcome.result())
    else:
        done.set_exception(error)
