"""From a target to addresses: a name may stand for many Peas, and for others a second later."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

__all__ = ["is_fixed", "resolve"]


def is_fixed(target: str) -> bool:
    """Return whether a target is an address already, so that it need not be resolved again and again."""
    if target.startswith("unix:"):
        return True
    try:
        ipaddress.ip_address(target.rpartition(":")[0].strip("[]"))
    except ValueError:
        return False
    return True


async def resolve(target: str) -> set[str]:
    """Return the addresses of `HOST:PORT` or `unix:PATH`, as gRPC writes them. Raises OSError when there are none."""
    if is_fixed(target):
        return {target}
    host, _, port = target.rpartition(":")
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
    return {_address(family, str(place[0]), int(place[1])) for family, _, _, _, place in found}


def _address(family: int, host: str, port: int) -> str:
    return f"[{host}]:{port}" if family == socket.AF_INET6 else f"{host}:{port}"
