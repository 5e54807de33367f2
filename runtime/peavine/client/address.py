"""What a user may call a gateway, and the gRPC target that it means."""

from __future__ import annotations

import ipaddress

from peavine.errors import InvalidRequest

__all__ = ["DEFAULT_PORT", "target"]

DEFAULT_PORT = 8081
"""The gateway's gRPC port where the manifest says nothing else."""


def target(host: str) -> str:
    """Return the gRPC target of `HOST`, `HOST:PORT`, `grpc://HOST:PORT` or `unix:PATH`.

    Raises InvalidRequest where it is none of these, or names the HTTP port's protocol.
    """
    name = host.strip()
    if not name:
        raise InvalidRequest(f'host: is empty; give HOST:PORT, such as "localhost:{DEFAULT_PORT}", or "unix:/path"')
    if name.startswith("unix:"):
        if name in ("unix:", "unix://"):
            raise InvalidRequest(f'host: "{name}" names no socket; give "unix:/path/to/socket"')
        return name
    scheme, found, rest = name.partition("://")
    if found and scheme in ("http", "https", "ws", "wss"):
        machine = _split(rest.partition("/")[0], host)[0]
        raise InvalidRequest(
            f"host: the client speaks gRPC, not {scheme}; give the gRPC port of the gateway, such as "
            f'"{machine}:{DEFAULT_PORT}"'
        )
    if found and scheme != "grpc":
        raise InvalidRequest(f'host: "{scheme}://" is not known; give "grpc://HOST:PORT", "HOST:PORT" or "unix:PATH"')
    machine, port = _split((rest if found else name).rstrip("/"), host)
    return f"{machine}:{port}"


def _split(name: str, host: str) -> tuple[str, int]:
    """Return the machine and the port; an IPv6 address with a port stands in brackets."""
    if name.startswith("[") or name.count(":") > 1:
        address, closed, rest = name[1:].partition("]") if name.startswith("[") else (name, "]", "")
        if not closed or rest[:1] not in ("", ":") or not _is_ipv6(address):
            raise InvalidRequest(f'host: "{host}" is not an IPv6 address with its port, such as "[::1]:{DEFAULT_PORT}"')
        machine, colon, port = f"[{address}]", rest[:1], rest[1:]
    else:
        machine, colon, port = name.rpartition(":")
    if not colon:
        machine, port = machine or name, str(DEFAULT_PORT)
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise InvalidRequest(f'host: "{host}" has no port between 1 and 65535 after its last colon')
    if not machine or any(character in machine for character in "/ @?#"):
        raise InvalidRequest(f'host: "{host}" is not HOST:PORT')
    return machine, int(port)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
