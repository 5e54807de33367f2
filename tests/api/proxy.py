"""A proxy in front of an API server that fails as a test asks it to: with a status, with another body, or silently."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from cluster.plane import Plane

PASSED_ON = ("Authorization", "Content-Type", "User-Agent", "Accept")


@dataclass
class Fault:
    """Answers of the proxy's own, in turn, to requests whose method and path contain these words."""

    method: str
    words: tuple[str, ...]
    answers: list[tuple[int, Any]]
    """Status and body; status 0 breaks the connection. The last one repeats if `forever`."""
    forever: bool = False

    def answer(self, method: str, path: str) -> tuple[int, Any] | None:
        """Return the next answer, if this request is to have one."""
        if not self.answers or method != self.method or not all(word in path for word in self.words):
            return None
        return self.answers[0] if self.forever and len(self.answers) == 1 else self.answers.pop(0)


def failure(status: int, reason: str = "") -> tuple[int, Any]:
    """Return an answer as the API server gives it."""
    message = f"the proxy answers {status}"
    return status, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status, "message": message,
                    "reason": reason}  # fmt: skip


BROKEN = 0, None
"""The connection is closed without an answer."""
EXPIRED = 200, {"type": "ERROR", "object": failure(410, "Expired")[1]}
"""A watch that begins too long ago."""


class Proxy(ThreadingHTTPServer):
    """Listens on a port of 127.0.0.1 that the kernel chooses, without TLS."""

    daemon_threads = True

    def __init__(self, server: Plane) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.target = urlsplit(server.url).netloc
        self.trusted = ssl.create_default_context(cafile=server.ca)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.faults: list[Fault] = []
        self.failed: list[str] = []
        """Requests that failed: method and path."""
        self._away = False
        self._open: set[socket.socket] = set()

    def goes_away(self) -> None:
        """Break every connection, and answer nothing any more."""
        self._away = True
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def is_back(self) -> None:
        self._away = False

    def answer(self, method: str, path: str) -> tuple[int, Any] | None:
        """Return the answer to a request that is to fail."""
        found = BROKEN if self._away else None
        for fault in self.faults:
            found = found or fault.answer(method, path)
        if found:
            self.failed.append(f"{method} {path}")
        return found

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that ends early is what tests ask for."""


class Handler(BaseHTTPRequestHandler):
    """Passes on one request after another, and the answers as they come: watches do not end."""

    protocol_version = "HTTP/1.1"
    server: Proxy

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.server.answer(self.command, self.path)
        if fault == BROKEN:
            self.close_connection = True
        elif fault:
            status, answer = fault
            data = json.dumps(answer).encode() + b"\n"
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        else:
            self._ask(body)

    def _ask(self, body: bytes) -> None:
        asking = http.client.HTTPSConnection(self.server.target, context=self.server.trusted, timeout=90)
        try:
            headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
            asking.request(self.command, self.path, body, headers)
            response = asking.getresponse()
            self.send_response(response.status)
            self.send_header("Content-Type", response.headers.get("Content-Type", "application/json"))
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            while part := response.read1(1 << 16):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")
        finally:
            asking.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on

    def log_message(self, *_: Any) -> None:
        """Print nothing: what failed is in `failed`."""


@contextmanager
def proxy(server: Plane) -> Iterator[Proxy]:
    """Have a proxy in front of an API server."""
    made = Proxy(server)
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.1})
    thread.start()
    try:
        yield made
    finally:
        made.goes_away()
        made.shutdown()
        thread.join()
        made.server_close()
