"""Where to listen: addresses of both families, and sockets for them.

`::` means all addresses of this machine: IPv6 and IPv4, or IPv4 alone where the kernel has no IPv6.
"""

from __future__ import annotations

import errno
import socket
from typing import Final

from peavine.errors import StartError

__all__ = ["ANY", "address", "bind", "host_of", "reachable", "split"]

ANY: Final = "::"


def split(text: str) -> tuple[str, int] | None:
    """Return host and port of `HOST:PORT`, with an IPv6 address in brackets; None for anything else."""
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdecimal() and int(port) < 65536):
        return None
    bracketed = host.startswith("[") and host.endswith("]")
    if (":" in host) is not bracketed:
        return None
    return host.strip("[]"), int(port)


def address(host: str, port: int) -> str:
    """Return `HOST:PORT`, with an IPv6 address in brackets."""
    host = host.strip("[]")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def host_of(host: str) -> str:
    """Return the host to listen on: without brackets, and 0.0.0.0 for `::` where the kernel has no IPv6."""
    host = host.strip("[]")
    return "0.0.0.0" if host == ANY and not socket.has_dualstack_ipv6() else host


def bind(host: str, port: int, what: str, option: str) -> socket.socket:
    """Return a socket that listens on HOST and PORT. Raises StartError.

    `what` is the protocol, and `option` the option by which a user chooses another port.
    """
    host = host_of(host)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, dualstack_ipv6=host == ANY)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            remedy = f"stop what uses it, or choose another with {option}"
            raise StartError(f"{what} port {port} on {host} is in use; {remedy}") from error
        raise StartError(f"cannot listen on {address(host, port)} for {what}: {error.strerror}") from error


def reachable(listened: str) -> str:
    """Return the address at which this machine reaches what listens on `listened`."""
    host, _, port = listened.rpartition(":")
    return f"127.0.0.1:{port}" if host in ("0.0.0.0", "[::]", "") else listened
