"""What a connection may have the event loop do at once, whatever comes on it: a little, then it is another's turn."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from typing import Any, Final, cast

__all__ = ["Paced", "is_gone"]

LEAST, MOST = 1024, 16384
"""Bytes that a protocol is given in one turn of the event loop, of the 256 KiB that a kernel may hand over."""
TURN_SECONDS: Final = 0.001
"""Processor time that a turn should take. 16 KiB of a body take less, of frames of 6 bytes fifty times as long."""


class _Transport:
    """A transport whose protocol says only for itself whether it wants more."""

    def __init__(self, transport: asyncio.Transport, changed: Any) -> None:
        self.real, self._changed = transport, changed
        self.wanted = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def pause_reading(self) -> None:
        self.wanted = False
        self._changed()

    def resume_reading(self) -> None:
        self.wanted = True
        self._changed()


class Paced(asyncio.Protocol):
    """To be mixed into a protocol: it is fed slice by slice, and not while it, or its peer, does not take any.

    A peer that reads no answers is not read from: what a protocol sends by itself, such as pongs, would pile up.
    """

    def connection_made(self, transport: Any) -> None:
        """Begin to feed the protocol."""
        real = transport.real if isinstance(transport, _Transport) else transport
        self._paced = cast(Any, _Transport(real, self.look_again))
        self._waiting: bytes | memoryview = b""
        self._size = LEAST
        self._writable, self._soon = True, False
        super().connection_made(self._paced)

    def data_received(self, data: bytes) -> None:
        """Take what came, and feed a slice of it."""
        self._waiting = b"".join((self._waiting, data)) if self._waiting else data
        if not self._soon:
            self._feed()

    def pause_writing(self) -> None:
        """Feed nothing until the peer reads again."""
        self._writable = False
        super().pause_writing()
        self.look_again()

    def resume_writing(self) -> None:
        """Go on."""
        self._writable = True
        super().resume_writing()
        self.look_again()

    def feed(self, piece: bytes) -> None:
        """Give the protocol a slice of what came."""
        super().data_received(piece)

    def is_hungry(self) -> bool:
        """Return whether the protocol takes more now."""
        return bool(self._paced.wanted) and self._writable

    def look_again(self) -> None:
        """Go on if the protocol is hungry: read if all that came was fed, else feed on after others had their turn."""
        if self._paced.real.is_closing():
            return
        hungry = self.is_hungry()
        if hungry and not self._waiting:
            self._paced.real.resume_reading()
        else:
            self._paced.real.pause_reading()
            if hungry and not self._soon:
                self._soon = True
                asyncio.get_running_loop().call_soon(self._feed)

    def end_of_feeding(self) -> None:
        """Drop what was not fed."""
        self._waiting = b""

    def _feed(self) -> None:
        self._soon = False
        if self._paced.real.is_closing():
            self._waiting = b""
        elif self._waiting and self.is_hungry():
            size, began = self._size, time.thread_time()
            piece, self._waiting = bytes(self._waiting[:size]), memoryview(self._waiting)[size:]
            self.feed(piece)
            self._size = min(2 * size, MOST) if time.thread_time() - began < TURN_SECONDS else max(size // 2, LEAST)
        self.look_again()


def is_gone(transport: asyncio.BaseTransport) -> bool:
    """Return whether the peer has closed the connection, also where the kernel has not handed over its last bytes yet.

    A process that stood still finds the end of a connection behind the request whose client has given up.
    """
    if transport.is_closing():
        return True
    connection = transport.get_extra_info("socket")
    if connection is None or not hasattr(socket, "TCP_INFO"):  # Linux has it
        return False
    try:
        (state,) = struct.unpack_from("B", connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1))
    except OSError:
        return True
    return bool(state != ESTABLISHED)


ESTABLISHED: Final = 1
"""TCP_ESTABLISHED of linux/tcp.h."""
