"""Serves an ASGI application in the event loop that runs already. Signals are not its business."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
from collections.abc import Generator
from typing import Final

import uvicorn
from fastapi import FastAPI

from peavine.gateway.http.connection import Shares, protocols
from peavine.gateway.http.sharing import Share
from peavine.graph import Plan
from peavine.listening import address, bind

__all__ = ["Listener"]

PING_SECONDS: Final = 20.0
"""Between pings on a WebSocket, and how long it may take to answer one."""
IDLE_SECONDS: Final = 75
"""How long a connection without a request is kept open."""
CONNECTIONS: Final = 1024
"""Maximum number of connections, unless the Flow lets more requests be in flight than half of that."""
SOCKET_BYTES: Final = 1048576
"""Maximum size of a message on a WebSocket. What is larger goes in a request of its own."""
UNREAD: Final = 4
"""Largest messages that clients together may leave unread; what is smaller counts by its bytes."""
FILES: Final = 65536
"""Open files that are enough."""


class Listener:
    """One HTTP port."""

    def __init__(self, app: FastAPI, plan: Plan, bodies: Share) -> None:
        shares = Shares(Share(max(CONNECTIONS, 2 * plan.max_in_flight)), Share(UNREAD * plan.max_message_bytes), bodies)
        http, websocket = protocols(shares)
        self._config = uvicorn.Config(
            app,
            loop="none",
            http=http,
            ws=websocket,
            lifespan="off",
            log_config=None,
            log_level="error",  # a warning for every odd request would be a stranger's to fill the log with
            access_log=False,
            server_header=False,
            timeout_keep_alive=IDLE_SECONDS,
            ws_max_size=min(SOCKET_BYTES, plan.max_message_bytes),
            ws_ping_interval=PING_SECONDS,
            ws_ping_timeout=PING_SECONDS,
            ws_per_message_deflate=False,
        )
        self._server = _Server(self._config)
        self._serving: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> str:
        """Listen, and return the address. Raises StartError when the port is taken."""
        _raise_file_limit()
        listening = bind(host, port, "HTTP", "--http-port")
        self._serving = asyncio.create_task(self._server.serve(sockets=[listening]), name="http")
        up = asyncio.create_task(self._server.up.wait())
        await asyncio.wait((up, self._serving), return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        return address(*listening.getsockname()[:2])

    async def stop(self, grace: float) -> None:
        """Take nothing new, and finish what came, within `grace` seconds."""
        if self._serving is None:
            return
        self._config.timeout_graceful_shutdown = max(1, round(grace))
        self._server.should_exit = True
        await self._serving


class _Server(uvicorn.Server):
    """One that says when it listens, and leaves signals to whoever owns the process."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def _raise_file_limit() -> None:
    """Let this process have as many files, and so connections, as the system lets it have; many begin with 256."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if most == resource.RLIM_INFINITY else min(FILES, most)
    if now != resource.RLIM_INFINITY and now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
