"""A gateway process: the edge behind gRPC and HTTP, its health, its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from typing import Final

from peavine import listening
from peavine.errors import PeavineError
from peavine.gateway.edge import Edge
from peavine.gateway.grpc import GrpcEdge
from peavine.gateway.http.app import app
from peavine.gateway.http.intake import Intake
from peavine.gateway.http.listener import Listener
from peavine.gateway.http.websocket import Sockets
from peavine.gateway.settings import GatewaySettings
from peavine.graph import Plan
from peavine.serving import SPARE_BYTES, Server, last_words, metrics, stopped
from peavine.startup import read_plan
from peavine.wire.streams import MAX_STREAMS

__all__ = ["GatewayServer", "serve"]

HEALTH_SECONDS: Final = 0.1
"""How often it looks whether it is ready."""

CALLS: Final = 4
"""Calls that may be open for each request that may be in flight, streams aside; they wait to be read, or for health."""

_log = logging.getLogger(__name__)


class GatewayServer:
    """Serves one gateway. It is ready, and says so, once every Pod of its plan has had a Pea that takes work.

    After that it stays ready: while a Pod is away, requests wait here within their deadlines. If all gateways went too,
    clients would find nobody to wait at.
    """

    def __init__(self, settings: GatewaySettings, plan: Plan) -> None:
        self.settings = settings
        self.address = ""
        """Where it serves gRPC, once it listens."""
        self.http_address = ""
        """Where it serves HTTP, if it does."""
        self.edge = Edge(plan, settings.name or f"{plan.name}-gateway")
        self._grpc = GrpcEdge(self.edge, settings.max_age)
        self._server = Server(
            self._grpc.services,
            plan.max_message_bytes + SPARE_BYTES,
            CALLS * plan.max_in_flight + MAX_STREAMS,
            settings.max_age,
            reflects=plan.reflection,
        )
        intake = Intake(plan)
        self._sockets = Sockets(self.edge, intake)
        application = app(self.edge, intake, self._sockets, settings.host)
        self._listener = Listener(application, plan, intake.bodies)
        self._health: asyncio.Task[None] | None = None

    async def start(self) -> str:
        """Listen, begin to connect, and return the address of the gRPC service."""
        settings = self.settings
        self.address = await self._server.start(listening.address(settings.host, settings.grpc_port))
        addresses = {"grpc": self.address}
        if settings.http_port is not None:
            self.http_address = await self._listener.start(settings.host, settings.http_port)
            addresses["http"] = self.http_address
        await self.edge.start()
        self._health = asyncio.create_task(self._watch(), name="health")
        if settings.addresses is not None:
            settings.addresses.write_text(json.dumps(addresses))
        for name, address in addresses.items():
            _log.info("%s serves %s on %s", self.edge.name, "gRPC" if name == "grpc" else "HTTP", address)
        return self.address

    async def stop(self, grace: float) -> None:
        """Not serving; finish what came, within `grace` seconds."""
        if self._health is not None:
            self._health.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._health
        await self._set_serving(False)
        self._grpc.drain()
        await asyncio.gather(self._server.stop(grace), self._stop_http(grace))
        await self.edge.stop()

    async def _stop_http(self, grace: float) -> None:
        until = time.monotonic() + grace
        await self._sockets.drain(grace)
        await self._listener.stop(until - time.monotonic())

    async def _set_serving(self, serving: bool) -> None:
        self.edge.serving = serving
        await self._server.set_serving(serving)

    async def _watch(self) -> None:
        while True:
            if self.edge.ready:
                await self._set_serving(True)
                _log.info("%s is ready", self.edge.name)
                return
            await asyncio.sleep(HEALTH_SECONDS)


async def serve(settings: GatewaySettings) -> int:
    """Run a gateway until SIGTERM and return the process's exit code."""
    stop = stopped()
    name = settings.name or "gateway"
    try:
        plan = read_plan(settings.plan)
        metrics(settings.metrics_port)
        server = GatewayServer(settings, plan)
        await server.start()
    except Exception as error:
        last_words(str(error), "", name)
        if not isinstance(error, PeavineError):
            _log.exception("unexpected")
        return 1
    await stop.wait()
    await server.stop(plan.grace_seconds)
    return 0
