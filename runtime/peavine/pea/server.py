"""A Pea: one Executor behind a gRPC server. Units are taken here; the Executor's own thread does the work."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, Final

import grpc

from peavine.errors import PeavineError
from peavine.pea.loading import read_pod
from peavine.pea.passing import passed
from peavine.pea.settings import PeaSettings
from peavine.pea.work import Work
from peavine.serving import Server, last_words, method, metrics, stopped
from peavine.spec import Pod
from peavine.wire.hello import hello
from peavine.wire.stream import Stream
from peavine.wire.unit import Stamped

__all__ = ["PeaServer", "serve"]

WINDOW: Final = 8
"""Units that a peer may have here at once: enough to keep the Executor busy, few enough to lose little with the Pea."""
SERVICE: Final = "peavine.v1.Pea"

_log = logging.getLogger(__name__)


class PeaServer:
    """Serves one Pea. `start` returns when its Executor is loaded; `stop` finishes what came, and closes it."""

    def __init__(self, settings: PeaSettings, pod: Pod) -> None:
        self.pod, self.settings = pod, settings
        self.name = settings.name or f"{pod.metadata.name}-{settings.shard}"
        self.address = ""
        self._work = Work(pod, self.name, settings.shard, settings.data)
        self._streams: set[Stream] = set()
        self._loaded = asyncio.Event()
        self._stopping = False
        self._hello = b""
        self._window_bytes = 4 * (pod.spec.max_message_bytes or 16777216)
        self._server = Server({SERVICE: {"Stream": method(self._stream, streams=True)}})

    async def start(self) -> str:
        """Listen, load the Executor, and return the address. Raises PeavineError where it cannot."""
        self.address = await self._server.start(self.settings.listen)
        await self._work.load()
        window = max(WINDOW, 2 * self.pod.spec.concurrency)
        self._hello = hello(self.pod.metadata.name, self.name, self._work.accepts, window)
        self._loaded.set()
        await self._server.set_serving(True)
        _log.info("%s serves on %s", self.name, self.address)
        return self.address

    async def stop(self, grace: float) -> None:
        """Not serving; finish the units that came, within `grace` seconds; flush and close the Executor."""
        self._stopping = True
        await self._server.set_serving(False)
        for stream in self._streams:
            stream.drain()
        await self._server.stop(grace)
        await self._work.close()

    async def _stream(self, _: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        await self._loaded.wait()
        if self._stopping:
            await context.abort(grpc.StatusCode.UNAVAILABLE, f"{self.name} is stopping")
        stream = Stream(context, max(WINDOW, 2 * self.pod.spec.concurrency), self._window_bytes)
        self._streams.add(stream)
        try:
            await stream.serve(self._hello, self._take)
        finally:
            self._streams.discard(stream)

    def _take(self, stream: Stream, unit: Stamped) -> None:
        start = time.time()
        # The kind stands behind the items; a unit that passes for every kind need not be asked for it.
        if self._work.passes_all:
            stream.answer(unit.number, *passed(unit, self.pod.metadata.name, self.name, start, time.time()))
        else:
            self._work.put(stream, unit, start)


async def serve(settings: PeaSettings) -> int:
    """Run a Pea until SIGTERM and return the process's exit code."""
    pod = read_pod(settings.pod)
    name = settings.name or f"{pod.metadata.name}-{settings.shard}"
    stop = stopped()
    try:
        metrics(settings.metrics_port)
        server = PeaServer(settings, pod)
        await server.start()
    except Exception as error:
        last_words(str(error), pod.metadata.name, name, pod.spec.uses)
        if not isinstance(error, PeavineError):
            _log.exception("unexpected")
        return 1
    await stop.wait()
    await server.stop(settings.grace_seconds)
    return 0
