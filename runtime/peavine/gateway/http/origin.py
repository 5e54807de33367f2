"""Web pages of other sites, which a browser lets send requests to this machine: what gives them away is refused."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

import grpc
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from peavine.gateway.http.problems import Refused, problem, response, status

__all__ = ["OwnNames", "is_loopback", "is_same_origin"]


def is_loopback(host: str) -> bool:
    """Return whether a name or address is this machine's own, and no other machine's."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def is_same_origin(headers: Mapping[str, str]) -> bool:
    """Return whether a WebSocket is not opened by a page of another site: browsers say of which page it is."""
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


class OwnNames:
    """Answers only to this machine's own names, for a gateway that listens on a loopback address.

    Any site can give its own name the address 127.0.0.1 (DNS rebinding); then its pages are of the same origin as what
    they reach there. Their requests still bear the site's name.
    """

    def __init__(self, app: ASGIApp, gateway: str) -> None:
        self._app, self._gateway = app, gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        host = Headers(scope=scope).get("host", "") if scope["type"] in ("http", "websocket") else ""
        if not host or is_loopback(urlsplit(f"//{host}").hostname or host):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            refused = Refused(
                421,
                f'host: "{host:.100}" is not a name of this machine, and this gateway listens on a loopback address; '
                "use localhost or 127.0.0.1, or start it with --host 0.0.0.0 to be reached by other names",
                grpc.StatusCode.PERMISSION_DENIED,
            )
            await response(problem(status(refused, self._gateway), refused))(scope, receive, send)
