"""Sends messages to peers, and closes the connections of those that do not take them.

A server cannot end a call while a message of it waits for the peer's flow control: gRPC would keep call and message for
as long as the peer likes. So the connection is closed below gRPC.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
from typing import Any, Final
from urllib.parse import unquote

import grpc

__all__ = ["send"]

SECONDS: Final = 60.0
"""How long a small message may wait for its peer."""
RATE: Final = 13107
"""Bytes a second that a peer takes at least: 64 KiB in 5 s, as over HTTP."""


async def send(context: grpc.aio.ServicerContext[Any, Any], raw: bytes) -> None:
    """Write a message. When the peer does not take it in time, its connection is closed, and all calls on it end."""
    timer = asyncio.get_running_loop().call_later(SECONDS + len(raw) / RATE, _disconnect, context)
    try:
        await context.write(raw)
    finally:
        timer.cancel()


def _disconnect(context: grpc.aio.ServicerContext[Any, Any]) -> None:
    """Close the connection of a call. gRPC names the peer: `ipv4:10.0.0.1:5000`, `ipv6:%5B::1%5D:5000`."""
    scheme, _, rest = unquote(context.peer()).partition(":")
    if scheme not in ("ipv4", "ipv6"):
        return  # a unix socket: only who may use this machine can open it
    host, _, port = rest.rpartition(":")
    wanted = (_plain(host.strip("[]")), int(port))
    for name in os.listdir("/dev/fd"):
        with contextlib.suppress(OSError):  # not a socket, not connected, or closed meanwhile
            one = socket.socket(fileno=int(name))
            try:
                if one.family in (socket.AF_INET, socket.AF_INET6):
                    address = one.getpeername()
                    if (_plain(address[0]), address[1]) == wanted:
                        one.shutdown(socket.SHUT_RDWR)
            finally:
                one.detach()


def _plain(host: str) -> str:
    """Return an address without its zone, and that of an IPv4 peer of an IPv6 socket as IPv4."""
    address = ipaddress.ip_address(host.partition("%")[0])
    return str(getattr(address, "ipv4_mapped", None) or address)
