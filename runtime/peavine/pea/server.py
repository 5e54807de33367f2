"""A Pea: one Executor behind a gRPC server. Units are taken here; the Executor's own thread does the work."""

from __future__ import annotations

import asyncio
import logging
import os
from functools import partial
from typing import Any, Final

import grpc

from peavine.errors import PeavineError
from peavine.graph import Plan
from peavine.pea.head import Head
from peavine.pea.settings import PeaSettings
from peavine.pea.work import Work
from peavine.serving import Server, last_words, method, metrics, stopped
from peavine.spec import Pod
from peavine.startup import read_plan, read_pod
from peavine.wire.hello import hello
from peavine.wire.stream import Stream
from peavine.wire.unit import Stamped

__all__ = ["PeaServer", "serve"]

WINDOW: Final = 8
"""Units that a peer may have here at once: enough to keep the Executor busy, few enough to lose little with the Pea."""
HEAD_WINDOW: Final = 32
"""The same for a head, which hands them on."""
WINDOW_MESSAGES: Final = 4
"""Largest messages that one stream may have here at once."""
SERVICE: Final = "peavine.v1.Pea"
CLOSE_SECONDS: Final = 5.0
"""How long an Executor may take to close, after the grace for requests."""

_log = logging.getLogger(__name__)


class PeaServer:
    """Serves one Pea, or with a plan a head. `start` returns when it can work; `stop` finishes what came."""

    def __init__(self, settings: PeaSettings, pod: Pod, plan: Plan | None = None) -> None:
        self.pod, self.settings = pod, settings
        self.name = settings.name or f"{pod.metadata.name}-{'head' if plan else settings.shard}"
        self.address = ""
        self._work = Head(pod, self.name, plan) if plan else Work(pod, self.name, pod.spec.uses, settings.data)
        self._window = max(HEAD_WINDOW if plan else WINDOW, 2 * pod.spec.concurrency)
        self._streams: set[Stream] = set()
        self._loaded = asyncio.Event()
        self._stopping = False
        self._hello = b""
        self._server = Server({SERVICE: {"Stream": method(self._stream, streams=True)}})

    async def start(self) -> str:
        """Listen, load the Executor, and return the address. Raises PeavineError where it cannot."""
        self.address = await self._server.start(self.settings.listen)
        try:
            await self._work.load()
        except Exception:
            await self._server.stop(0)  # grpc complains of a server that still runs when its loop has ended
            raise
        self._hello = hello(
            self.pod.metadata.name,
            self.name,
            self._work.accepts,
            window=self._window,
            concurrency=self._work.concurrency,
        )
        self._loaded.set()
        await self._server.set_serving(True)
        _log.info("%s serves on %s", self.name, self.address)
        return self.address

    async def stop(self, grace: float) -> bool:
        """Not serving; finish the units that came, within `grace` seconds; flush and close the Executor.

        Return whether the Executor could be closed: its code may hang.
        """
        self._stopping = True
        await self._server.set_serving(False)
        for stream in self._streams:
            stream.drain()
        await self._server.stop(grace)
        return await self._work.close(CLOSE_SECONDS)

    async def _stream(self, _: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        window_bytes = WINDOW_MESSAGES * (self.pod.spec.max_message_bytes or 16777216)
        stream = Stream(context, self._window, window_bytes, self._work.clock)
        if not await stream.meet():
            return
        await self._loaded.wait()
        if self._stopping:
            await context.abort(grpc.StatusCode.UNAVAILABLE, f"{self.name} is stopping")
        self._streams.add(stream)
        try:
            await stream.serve(self._hello, self._take)
        finally:
            self._streams.discard(stream)

    def _take(self, stream: Stream, unit: Stamped) -> None:
        self._work.put(unit, partial(stream.answer, unit.number), lambda: stream.alive)


async def serve(settings: PeaSettings) -> int:
    """Run a Pea until SIGTERM and return the process's exit code."""
    stop = stopped()
    pod_name, uses = "", ""
    try:
        pod = read_pod(settings.pod)
        pod_name, uses = pod.metadata.name, pod.spec.uses
        metrics(settings.metrics_port)
        server = PeaServer(settings, pod, read_plan(settings.plan) if settings.plan else None)
        starting, stopping = asyncio.ensure_future(server.start()), asyncio.ensure_future(stop.wait())
        await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        started = starting.done()
        if started:
            starting.result()
        else:
            starting.cancel()
    except Exception as error:
        last_words(str(error), pod_name, settings.name or f"{pod_name}-{settings.shard}", uses)
        if not isinstance(error, PeavineError):
            _log.exception("unexpected")
        return 1
    await stop.wait()
    if not await server.stop(pod.spec.timeouts.grace_seconds):
        # A thread that hangs, or loads a large model, cannot be ended, and Python would wait for it.
        logging.shutdown()
        os._exit(1 if started else 0)
    return 0
