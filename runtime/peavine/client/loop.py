"""The event loop behind synchronous clients: one for the whole process, in a thread of its own.

One, because grpc's asyncio half wakes every loop of a process for each event. It lives as long as a client does.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

import uvloop

__all__ = ["LOOP", "SharedLoop"]


class SharedLoop:
    """Starts the loop with its first user and stops it with its last."""

    def __init__(self) -> None:
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
                self._loop.set_exception_handler(_quiet)
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


def _quiet(loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
    """Say nothing of grpc's wake-ups that another loop of this process has taken."""
    if not isinstance(context.get("exception"), BlockingIOError):
        loop.default_exception_handler(dict(context))
