"""The event loop behind synchronous clients: one for the whole process, in a thread of its own.

One, because grpc's asyncio half wakes every loop of a process for each event. It lives as long as a client does. A
process that is forked has none of it: a fork copies no threads.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from typing import Any

import uvloop

__all__ = ["LOOP", "SharedLoop", "silence"]


class SharedLoop:
    """Starts the loop with its first user and stops it with its last."""

    def __init__(self) -> None:
        self._start_anew()
        os.register_at_fork(after_in_child=self._start_anew)

    def _start_anew(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def acquire(self) -> asyncio.AbstractEventLoop:
        """Return the running loop. Each call needs a release."""
        with self._lock:
            self._users += 1
            if self._loop is None:
                self._loop = uvloop.new_event_loop()
                silence(self._loop)
                # A daemon, so that a program that forgets to close its client still ends.
                self._thread = threading.Thread(target=self._loop.run_forever, name="peavine-client", daemon=True)
                self._thread.start()
            return self._loop

    def hold(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Return whether that loop still runs. If so it goes on until a release."""
        with self._lock:
            if self._loop is not loop:
                return False
            self._users += 1
            return True

    def release(self) -> None:
        """Give it back; the last user waits until its thread has ended."""
        with self._lock:
            self._users -= 1
            if self._users or self._loop is None or self._thread is None:
                return
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        asyncio.run_coroutine_threadsafe(_end(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


LOOP = SharedLoop()


async def _end() -> None:
    """End what a call that nobody waits for has left on this loop."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()


def silence(loop: asyncio.AbstractEventLoop) -> None:
    """Keep grpc's wake-ups that another loop of this process has taken from being reported as errors of this one."""
    before = loop.get_exception_handler()
    if not isinstance(before, _Silencer):
        loop.set_exception_handler(_Silencer(before))


class _Silencer:
    """Handles what a loop reports as the handler `before` does, except for grpc's lost wake-ups."""

    def __init__(self, before: Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object] | None) -> None:
        self._before = before

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if isinstance(context.get("exception"), BlockingIOError) and "CompletionQueue" in str(context.get("message")):
            return
        if self._before is None:
            loop.default_exception_handler(context)
        else:
            self._before(loop, context)
