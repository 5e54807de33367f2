"""Where a client works: in the process that made it, and in the event loop in which it was first used."""

from __future__ import annotations

import asyncio
import os

from peavine.client.loop import silence
from peavine.errors import PeavineError
from peavine.wire.channel import FORK_ADVICE

__all__ = ["Home"]


class Home:
    """The process and the event loop of one client. Elsewhere a call would wait for work that nobody does."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._process = os.getpid()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def inherited(self) -> bool:
        """Whether this process was forked after the client was made."""
        return self._process != os.getpid()

    @property
    def gone(self) -> bool:
        """Whether nothing of the client can be left here: it is the parent's, or its event loop has ended."""
        return self.inherited or (self._loop is not None and self._loop.is_closed())

    def check_process(self) -> None:
        """Raise PeavineError in a process that was forked after the client was made."""
        if self.inherited:
            raise PeavineError(
                f"the client of {self._host} was made before process {os.getpid()} was forked, and works only in the "
                f"process that made it; {FORK_ADVICE}"
            )

    def enter(self) -> asyncio.AbstractEventLoop:
        """Return the running event loop, or raise PeavineError if it is not the client's."""
        self.check_process()
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
            silence(loop)
        if self._loop is not loop:
            raise PeavineError(
                f"the client of {self._host} belongs to the event loop in which it was first used, and this is another "
                "one; make a client in each: every asyncio.run has a loop of its own"
            )
        return loop
