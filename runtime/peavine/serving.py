"""What every peavine process that serves does alike: listen, health, reflection, metrics, signals, last words.

It knows nothing of units, Executors or plans.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
from collections.abc import Callable, Mapping
from typing import Any, Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from prometheus_client import start_http_server

from peavine.errors import StartError
from peavine.listening import ANY, address, host_of, split
from peavine.wire.channel import use_grpc

__all__ = ["LIVE", "Server", "last_words", "method", "metrics", "stopped"]

LIVE: Final = "live"
"""The name under which health tells whether the process lives, whatever it waits for: only one that hangs is silent."""

KEEPALIVE: Final = (
    ("grpc.keepalive_time_ms", 5000),
    ("grpc.keepalive_timeout_ms", 3000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 1000),
)
"""A machine that lost its power says nothing: without pings its peers would wait for the deadline of every request.

Strikes are off although anybody may send pings: 200,000 on a connection cost 30 ms. With strikes they cost 360 ms and
310 MB, because gRPC prepares to close the connection again for each ping after the last strike.
"""

STRANGERS: Final = (
    # Without these a message that is not read yet, or not whole, is held here up to its full size.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 65536),
    ("grpc.max_concurrent_streams", 256),
    # No compression: what a small message becomes when it is unpacked has no limit.
    ("grpc.compression_enabled_algorithms_bitset", 1),
    ("grpc.max_metadata_size", 8192),
    ("grpc.absolute_max_metadata_size", 16384),
)
"""What bounds a connection that anybody may open."""

CONNECTIONS: Final = 4096
"""Maximum number of connections to a server. Each takes 18 KB, and up to 64 KiB of what has not been read."""
HANDSHAKE_SECONDS: Final = 20.0
"""How long a new connection may take to send its first frame."""
AGE_SECONDS: Final = 3600.0
"""Age at which a stream is drained: then new gateways get their share of clients, and nothing is kept for ever."""
CONNECTION_AGE: Final = 1.25
"""Age at which a connection is asked to end, as a multiple: its streams have ended by themselves before."""
IDLE_SECONDS: Final = 300.0
"""How long a connection without calls, or a client's stream on which nothing travels, stays open."""
SPARE_BYTES: Final = 1048576
"""What a message may have over the limits, so that what is a little too large is refused by name, not by gRPC."""

_log = logging.getLogger(__name__)

Raw = Callable[[Any, "grpc.aio.ServicerContext[Any, Any]"], Any]
"""A handler that takes and gives bytes."""


def method(handler: Raw, streams: bool = False) -> grpc.RpcMethodHandler[Any, Any]:
    """Return a handler of raw bytes, one to one or a stream in both directions."""
    if streams:
        return grpc.stream_stream_rpc_method_handler(handler)
    return grpc.unary_unary_rpc_method_handler(handler)


class Server:
    """A gRPC server with health and, by default, reflection. Not serving until `set_serving` is called."""

    def __init__(
        self,
        services: Mapping[str, Mapping[str, grpc.RpcMethodHandler[Any, Any]]],
        max_receive_bytes: int,
        max_calls: int,
        max_age: float,
        reflects: bool = True,
    ) -> None:
        use_grpc()
        options = (
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", min(max_receive_bytes, 2**31 - 1)),
            ("grpc.max_send_message_length", -1),
            ("grpc.max_allowed_incoming_connections", CONNECTIONS),
            ("grpc.server_handshake_timeout_ms", round(1000 * HANDSHAKE_SECONDS)),
            ("grpc.max_connection_idle_ms", round(1000 * IDLE_SECONDS)),
            ("grpc.max_connection_age_ms", round(1000 * CONNECTION_AGE * max_age)),
            ("grpc.max_connection_age_grace_ms", round(1000 * AGE_SECONDS)),
            *KEEPALIVE,
            *STRANGERS,
        )
        self._server = grpc.aio.server(options=options, maximum_concurrent_rpcs=max_calls)
        self._health = health.aio.HealthServicer()
        self._names = ("", *services)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        for name, methods in services.items():
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, dict(methods)),))
        if reflects:
            names = (*services, health.SERVICE_NAME, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, self._server)

    async def start(self, listen: str) -> str:
        """Listen on `HOST:PORT` or `unix:PATH` and return the address, with the port that was chosen for port 0.

        An IPv6 address is in brackets; `[::]` means all addresses, IPv6 and IPv4.
        """
        if (place := split(listen)) is not None:
            listen = address(host_of(place[0]), place[1])
        await self.set_serving(False)
        await self._health.set(LIVE, health_pb2.HealthCheckResponse.SERVING)
        try:
            port = self._server.add_insecure_port(listen)
        except RuntimeError as error:
            raise StartError(f"cannot listen on {listen}: {error}; is the address in use?") from error
        await self._server.start()
        return listen if listen.startswith("unix:") else f"{listen.rpartition(':')[0]}:{port}"

    async def set_serving(self, serving: bool) -> None:
        """Answer health checks accordingly."""
        states = health_pb2.HealthCheckResponse
        for name in self._names:
            await self._health.set(name, states.SERVING if serving else states.NOT_SERVING)

    async def stop(self, grace: float) -> None:
        """Take no new calls, and end what is left of the open ones after `grace` seconds."""
        await self._server.stop(grace)


def metrics(port: int | None, status: Callable[[], Any] | None = None) -> None:
    """Serve Prometheus metrics on that port of all addresses, from a thread of its own; None: do not.

    `status` returns what is served as JSON under /status, called from that thread. Raises StartError.
    """
    if port is None:
        return
    try:
        server, _ = start_http_server(port, host_of(ANY))
    except OSError as error:
        raise StartError(f"cannot serve metrics on port {port}: {error.strerror}; change --metrics-port") from error
    if status is not None:
        server.set_app(_with_status(server.get_app(), status))


def _with_status(app: Any, status: Callable[[], Any]) -> Any:
    """Return a WSGI application that serves /status besides what `app` serves."""

    def both(environ: Any, respond: Any) -> Any:
        if environ["PATH_INFO"] != "/status":
            return app(environ, respond)
        respond("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(status()).encode()]

    return both


def stopped() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set. A second signal ends the process at once, as usual."""
    event, loop = asyncio.Event(), asyncio.get_running_loop()

    def stop(number: signal.Signals) -> None:
        _log.info("stopping (%s): finishing what is in flight", number.name)
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(each)
        event.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    return event


MOST_LAST_WORDS = 3000
"""Bytes of an error; Kubernetes keeps 4096 of all that a process leaves, and cut JSON would be none."""


def last_words(error: str, pod: str, pea: str, executor: str = "", what: str = "cannot start") -> None:
    """Say why this process cannot go on: in the log and, for Kubernetes, in $PEAVINE_TERMINATION_LOG.

    Of the Executor's YAML it tells the first line that is no comment.
    """
    lines = (line.strip() for line in executor.splitlines())
    named = next((line for line in lines if line and not line.startswith("#")), "")
    short = error.encode(errors="backslashreplace")[:MOST_LAST_WORDS].decode(errors="ignore")
    report = {"error": short, "pod": pod, "pea": pea, "executor": named[:200]}
    _log.error("%s: %s", what, error)
    path = os.environ.get("PEAVINE_TERMINATION_LOG")
    if path:
        try:
            with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
                json.dump(report, file, ensure_ascii=False)
        except OSError as problem:
            _log.warning("could not write %s: %s", path, problem.strerror)
