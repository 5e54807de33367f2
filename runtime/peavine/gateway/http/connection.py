"""A connection, and what it may cost: uvicorn's protocols with bounds on heads, messages, answers and their times."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from peavine.gateway.http.pacing import Paced
from peavine.gateway.http.sharing import Share

__all__ = ["CONNECTION", "FREE_BYTES", "Shares", "protocols"]

CONNECTION: Final = "peavine.connection"
"""Where the scope of a request or WebSocket has its Paced protocol, with the transport."""
HEAD_SECONDS = 10.0
"""How long a client may take to send a request's head: its line and its headers."""
HEAD_BYTES: Final = 65536
"""Maximum size of a request's head, the trailers of a chunked body included."""
HEADERS: Final = 256
"""Maximum number of headers in it."""
LINGER_SECONDS: Final = 2.0
"""How long the rest of a body is read and dropped that was refused before it came: else its client would see a broken
connection, not the answer."""
FRAME_SECONDS = 5.0
"""How long a message on a WebSocket may take to be whole once it has begun."""
STEP_BYTES: Final = 65536
"""Bytes that have to come, or be read, for a connection to count as getting on."""
READ_SECONDS = 5.0
"""How long a client may take to read so many bytes of its answers."""
TOO_LARGE: Final = f"The request's head has more than {HEAD_BYTES} bytes or {HEADERS} headers."
FREE_BYTES: Final = 16384
"""A body or message of no more counts for nothing, so that large ones never keep a small one out: connections are
bounded."""
AT_ONCE: Final = struct.pack("ii", 1, 0)
"""To linger for 0 s."""
PART_COST: Final = 256
"""Bytes that a part of an unfinished message counts besides its own."""


class _TooLarge(Exception):
    """The head of a request is too large."""


@dataclass(frozen=True)
class Shares:
    """What all connections of a port share."""

    connections: Share
    unread: Share
    """Bytes of answers that are not sent because their clients do not read them."""
    bodies: Share
    """Bytes of bodies and messages that arrive."""


def protocols(shares: Shares) -> tuple[Any, Any]:
    """Return what uvicorn makes a connection from when it begins, and when it becomes a WebSocket."""
    return partial(_Http, shares), partial(_WebSocket, shares)


class _Connection(Paced):
    """What HTTP and WebSockets have in common: a place among all connections, and answers that wait to be read."""

    def __init__(self, shares: Shares, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connections, self._unread, self._bodies = shares.connections, shares.unread, shares.bodies
        self._reading: asyncio.TimerHandle | None = None
        self._left = 0

    def give_way(self) -> None:
        """Close the connection: there are too many, or too much is unread, and this one has got on least lately."""
        # Else the kernel would keep what is unread until the client, or nobody, reads it.
        self._paced.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self._paced.abort()

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._connections.hold(self, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.release(self)
        self._read()
        self.end_of_feeding()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._await_reading()

    def resume_writing(self) -> None:
        self._read()
        super().resume_writing()

    def _await_reading(self) -> None:
        """Count what the client has not read, and look in a while whether it has read some of it."""
        self._left = self._paced.get_write_buffer_size()
        self._reading = asyncio.get_running_loop().call_later(READ_SECONDS, self._look)
        self._unread.hold(self, self._left)

    def _look(self) -> None:
        if self._paced.get_write_buffer_size() > self._left - STEP_BYTES:
            self.give_way()
        else:
            self._await_reading()

    def _read(self) -> None:
        self._unread.release(self)
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None


class _Http(_Connection, HttpToolsProtocol):
    """Bounds what uvicorn does not: heads, their time, connections, and what one has the loop do at once.

    Among too many connections, one that waits for its client gives way: a new one, one that is kept open, one whose
    request is not whole. One whose request is being answered does not.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._patience: asyncio.TimerHandle | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._head: int | None = None
        """Bytes of a head that came; None while none is awaited, or before the first byte of one but the first."""
        self._lines = self._line_bytes = self._came = 0
        self._complaint = ""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._patience, self._linger):
            if timer is not None:
                timer.cancel()
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

    def is_hungry(self) -> bool:
        # Requests that are read while another is answered wait in memory, each in a hundred times its bytes.
        return not self.pipeline and super().is_hungry()

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
        self.look_again()
        if self.cycle.response_complete and self.cycle.more_body and not self.transport.is_closing():
            self._linger = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def send_400_response(self, msg: str) -> None:
        super().send_400_response(self._complaint or msg)

    def handle_websocket_upgrade(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._connections.release(self)
        self._read()
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


class _WebSocket(_Connection, WebSocketsSansIOProtocol):
    """Bounds what uvicorn does not: the parts and the time of a message that is not whole yet."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._patience: asyncio.TimerHandle | None = None
        self._steps = 0

    def connection_lost(self, exc: Exception | None) -> None:
        self._bodies.release(self)
        self._be_patient(False)
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
        if size > FREE_BYTES and not self.transport.is_closing():
            self._bodies.hold(self, size, progress=size // STEP_BYTES > self._steps)
        else:
            self._bodies.release(self)
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
