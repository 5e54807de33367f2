"""Serves an ASGI application in the event loop that runs already. Signals are not its business."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Generator

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from peavine.listening import address, bind

__all__ = ["Listener"]

PING_SECONDS = 20.0
"""Between pings on a WebSocket, and how long it may take to answer one."""
IDLE_SECONDS = 75
"""How long a connection without a request is kept open."""
HEAD_SECONDS = 10.0
"""How long a client may take to send a request's head: its line and its headers."""
HEAD_BYTES = 65536
"""How large that may be."""


class Listener:
    """One HTTP port."""

    def __init__(self, app: FastAPI, max_message_bytes: int) -> None:
        self._config = uvicorn.Config(
            app,
            loop="none",
            http=_Http,
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_keep_alive=IDLE_SECONDS,
            ws_max_size=max_message_bytes,
            ws_ping_interval=PING_SECONDS,
            ws_ping_timeout=PING_SECONDS,
            ws_per_message_deflate=False,
        )
        self._server = _Server(self._config)
        self._serving: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> str:
        """Listen, and return the address. Raises StartError when the port is taken."""
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


class _Http(HttpToolsProtocol):
    """Bounds what uvicorn does not: how long the head of a request may be, and how long in coming."""

    _patience: asyncio.TimerHandle | None = None
    _head: int | None = None
    """Bytes of it that came; None while none is awaited, or no byte of one came on a connection that is kept open."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._await_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._head is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        self._head = None
        if self._patience is not None:
            self._patience.cancel()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        awaited = self._head is not None
        super().data_received(data)
        if awaited and self._head is not None:
            self._head += len(data)
            if self._head > HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response(f"The request's head has more than {HEAD_BYTES} bytes.")

    def connection_lost(self, exc: Exception | None) -> None:
        if self._patience is not None:
            self._patience.cancel()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._head = 0
        self._patience = self.loop.call_later(HEAD_SECONDS, self.transport.close)


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
