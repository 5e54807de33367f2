"""Serves an ASGI application in the event loop that runs already. Signals are not its business."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Generator
from functools import partial
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from peavine.errors import StartError
from peavine.gateway.pacing import Paced
from peavine.gateway.sharing import Share

__all__ = ["CONNECTION", "SOCKET_BYTES", "Listener"]

CONNECTION: Final = "peavine.connection"
"""Where the scope of a request or WebSocket has its Paced protocol, with the transport."""
PING_SECONDS: Final = 20.0
"""Between pings on a WebSocket, and how long it may take to answer one."""
IDLE_SECONDS: Final = 75
"""How long a connection without a request is kept open."""
HEAD_SECONDS = 10.0
"""How long a client may take to send a request's head: its line and its headers."""
HEAD_BYTES: Final = 65536
"""Maximum size of a request's head, the trailers of a chunked body included."""
HEADERS: Final = 256
"""Maximum number of headers in it."""
LINGER_SECONDS: Final = 2.0
"""How long the rest of a body is read and dropped that was refused before it came: else its client would see a broken
connection, not the answer."""
CONNECTIONS: Final = 1024
"""Maximum number of connections, unless the Flow lets more requests be in flight than half of that."""
SOCKET_BYTES: Final = 1048576
"""Maximum size of a message on a WebSocket. What is larger goes in a request of its own."""
FRAME_SECONDS = 5.0
"""How long a message on a WebSocket may take to be whole once it has begun."""
STEP_BYTES: Final = 65536
"""Bytes that have to come for a connection to count as getting on."""
TOO_LARGE: Final = f"The request's head has more than {HEAD_BYTES} bytes or {HEADERS} headers."
PART_COST: Final = 256
"""Bytes that a part of an unfinished message counts besides its own."""


class Listener:
    """One HTTP port."""

    def __init__(self, app: FastAPI, max_message_bytes: int, max_in_flight: int) -> None:
        connections = Share(max(CONNECTIONS, 2 * max_in_flight))
        self._config = uvicorn.Config(
            app,
            loop="none",
            http=partial(_Http, connections),  # type: ignore[arg-type]  # called as the class is
            ws=partial(_WebSocket, connections),  # type: ignore[arg-type]  # the same
            lifespan="off",
            log_config=None,
            log_level="error",  # a warning for every odd request would be a stranger's to fill the log with
            access_log=False,
            server_header=False,
            timeout_keep_alive=IDLE_SECONDS,
            ws_max_size=min(SOCKET_BYTES, max_message_bytes),
            ws_ping_interval=PING_SECONDS,
            ws_ping_timeout=PING_SECONDS,
            ws_per_message_deflate=False,
        )
        self._server = _Server(self._config)
        self._serving: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> str:
        """Listen, and return the address. Raises StartError when the port is taken."""
        try:
            listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        except OSError as error:
            why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be listened on ({error.strerror})"
            raise StartError(f"HTTP port {port} of {host} {why}; give another with --http-port") from None
        self._serving = asyncio.create_task(self._server.serve(sockets=[listening]), name="http")
        up = asyncio.create_task(self._server.up.wait())
        await asyncio.wait((up, self._serving), return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        bound = listening.getsockname()
        return f"[{bound[0]}]:{bound[1]}" if ":" in bound[0] else f"{bound[0]}:{bound[1]}"

    async def stop(self, grace: float) -> None:
        """Take nothing new, and finish what came, within `grace` seconds."""
        if self._serving is None:
            return
        self._config.timeout_graceful_shutdown = max(1, round(grace))
        self._server.should_exit = True
        await self._serving


class _TooLarge(Exception):
    """The head of a request is too large."""


class _Http(Paced, HttpToolsProtocol):
    """Bounds what uvicorn does not: heads, their time, connections, and what one has the loop do at once.

    Among too many connections, one that waits for its client gives way: a new one, one that is kept open, one whose
    request is not whole. One whose request is being answered does not.
    """

    def __init__(self, connections: Share, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connections = connections
        self._patience: asyncio.TimerHandle | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._head: int | None = None
        """Bytes of a head that came; None while none is awaited, or before the first byte of one but the first."""
        self._lines = self._line_bytes = self._came = 0
        self._complaint = ""

    def give_way(self) -> None:
        """Close the connection: there are too many, and this one has got on least lately."""
        self.transport.close()

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._await_head()
        self._connections.hold(self, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.release(self)
        for timer in (self._patience, self._linger):
            if timer is not None:
                timer.cancel()
        self.end_of_feeding()
        super().connection_lost(exc)

    def feed(self, piece: bytes) -> None:
        awaited, before = self._head is not None, self._came // STEP_BYTES
        super().feed(piece)
        self._came += len(piece)
        if self._came // STEP_BYTES > before:
            self._place()
        if awaited and self._head is not None:
            self._head += len(piece)
            if self._head > HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response(TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[CONNECTION] = self  # type: ignore[typeddict-unknown-key]
        self._lines = self._line_bytes = 0
        if self._head is None:
            self._await_head()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._lines += 1
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._head = None
        if self._patience is not None:
            self._patience.cancel()
        super().on_headers_complete()
        self._place()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self._linger is not None:
            self._linger.cancel()
        self._place()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._place()
        if self.cycle.response_complete and self.cycle.more_body and not self.transport.is_closing():
            self._linger = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def send_400_response(self, msg: str) -> None:
        super().send_400_response(self._complaint or msg)

    def handle_websocket_upgrade(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._connections.release(self)
        self.end_of_feeding()
        super().handle_websocket_upgrade()

    def _count(self, size: int) -> None:
        self._line_bytes += size
        if self._line_bytes > HEAD_BYTES or self._lines > HEADERS:
            self._complaint = TOO_LARGE
            raise _TooLarge

    def _place(self) -> None:
        """Say that the connection has got on, and whether it is its client or the gateway who is to act next."""
        if self.transport.is_closing():
            return
        self._connections.hold(self, 1)
        if self.cycle is not None and not self.cycle.more_body and not self.cycle.response_complete:
            self._connections.settle(self)

    def _await_head(self) -> None:
        self._head = 0
        self._patience = self.loop.call_later(HEAD_SECONDS, self.transport.close)


class _WebSocket(Paced, WebSocketsSansIOProtocol):
    """Bounds what uvicorn does not: the parts and the time of a message that is not whole yet."""

    def __init__(self, connections: Share, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connections = connections
        self._patience: asyncio.TimerHandle | None = None
        self._steps = 0

    def give_way(self) -> None:
        """Close the connection: there are too many, and this one has got on least lately."""
        self.transport.close()

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._connections.hold(self, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.release(self)
        self._be_patient(False)
        self.end_of_feeding()
        super().connection_lost(exc)

    def feed(self, piece: bytes) -> None:
        super().feed(piece)
        if not self.handshake_complete or self.close_sent:
            return
        size = len(self.conn.reader.buffer) + sum(map(len, self.frames)) + PART_COST * len(self.frames)
        if size > self.config.ws_max_size + STEP_BYTES:
            self._fail(1009, f"a message has more than {self.config.ws_max_size} bytes, or too many parts")
        elif not size or size // STEP_BYTES > self._steps:
            self._be_patient(size > 0)
        elif self._patience is None:
            self._be_patient(True)
        self._steps = size // STEP_BYTES

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope[CONNECTION] = self  # type: ignore[typeddict-unknown-key]

    def send_receive_event_to_app(self) -> None:
        self._connections.hold(self, 1)
        super().send_receive_event_to_app()

    def handle_text(self, event: Any) -> None:
        # Whether it is UTF-8 is found out where JSON is read, which answers instead of logging a traceback.
        super().handle_bytes(event)

    def _be_patient(self, begin: bool) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._patience = self.loop.call_later(FRAME_SECONDS, self._late) if begin else None

    def _late(self) -> None:
        if self.read_paused or not self.writable.is_set():  # it is us who do not read
            self._be_patient(True)
        else:
            self._fail(1008, f"a message did not go on within {FRAME_SECONDS:g} s")

    def _fail(self, code: int, reason: str) -> None:
        self._be_patient(False)
        if not self.transport.is_closing() and not self.close_sent:
            self.conn.fail(code, reason)
            self.handle_parser_exception()


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
