"""A Pea: one Executor behind a gRPC server. Units are taken here; the Executor's own thread does the work."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import time
from functools import partial
from typing import Any, Final

import grpc

from peavine.errors import Overloaded, PeavineError, message_of
from peavine.graph import Plan
from peavine.pea import stores
from peavine.pea.head import Head
from peavine.pea.settings import PeaSettings
from peavine.pea.worker import Worker
from peavine.serving import SPARE_BYTES, Server, last_words, method, metrics, stopped
from peavine.spec import Pod
from peavine.spec.model import MAX_MESSAGE_BYTES
from peavine.startup import read_plan, read_pod
from peavine.wire.hello import hello
from peavine.wire.stream import Stream
from peavine.wire.streams import Streams
from peavine.wire.unit import Stamped

__all__ = ["PeaServer", "serve"]

WINDOW: Final = 8
"""Units that a peer may have here at once: enough to keep the Executor busy, few enough to lose little with the Pea."""
HEAD_WINDOW: Final = 32
"""The same for a head, which hands them on."""
WINDOW_MESSAGES: Final = 4
"""Largest messages that one stream may have here at once."""
SERVICE: Final = "peavine.v1.Pea"
MAX_CALLS: Final = 1024
"""Calls that may be open at once: streams, and what asks for health."""
CLOSE_SECONDS: Final = 5.0
"""How long an Executor may take to close, after the grace for requests."""
LOOK_SECONDS: Final = 1.0
"""How often the Executor's threads are looked after, and it is asked whether it can work."""
HEALTHY_SECONDS: Final = 90.0
"""How long its answer may take: a store may grow for a minute."""
UNHEALTHY: Final = 3
"""How often in a row it says that it cannot before the Pea exits: an I/O error may pass."""

_log = logging.getLogger(__name__)


class PeaServer:
    """Serves one Pea, or with a plan a head. `start` returns when it can work; `stop` finishes what came."""

    def __init__(self, settings: PeaSettings, pod: Pod, plan: Plan | None = None) -> None:
        self.pod, self.settings = pod, settings
        self.name = settings.name or f"{pod.metadata.name}-{'head' if plan else settings.shard}"
        self.address = ""
        patience, sources = settings.patience, settings.sources
        self._worker = (
            Head(pod, self.name, plan, patience, sources)
            if plan
            else Worker(pod, self.name, pod.spec.chosen("pea"), settings.data, patience, sources, settings.shard)
        )
        self._asking: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self.failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Why this Pea cannot work any more, once that is so: the process is to exit."""
        self._window = max(HEAD_WINDOW if plan else WINDOW, 2 * pod.spec.concurrency)
        self._streams = Streams(settings.max_age)
        self._max_bytes = 2 * (pod.spec.max_message_bytes or MAX_MESSAGE_BYTES)
        self._loaded = asyncio.Event()
        self._stopping = False
        services = {SERVICE: {"Stream": method(self._stream, streams=True)}}
        self._server = Server(services, self._max_bytes + SPARE_BYTES, MAX_CALLS, settings.max_age)

    async def start(self) -> str:
        """Listen, load the Executor, and return the address. Raises PeavineError where it cannot."""
        self.address = await self._server.start(self.settings.listen)
        try:
            await self._worker.load()
        except Exception:  # raised again once the server has stopped: gRPC warns of one that outlives its event loop
            await self._server.stop(0)
            raise
        if self._worker.executor is not None:
            stores.expose(self._worker.executor, self.settings.data)
        self._loaded.set()
        await self._server.set_serving(True)
        self._watching = asyncio.create_task(self._watch(), name="watch")
        self._watching.add_done_callback(self._unwatched)
        self._asking = asyncio.create_task(self._ask(), name="ask")
        self._asking.add_done_callback(self._unwatched)
        _log.info("%s serves on %s", self.name, self.address)
        return self.address

    def status(self) -> dict[str, Any]:
        """Return what is served under /status. Called from another thread."""
        executor = self._worker.executor
        found = stores.report(executor, self.settings.data) if executor is not None else []
        kept = stores.totals(executor) if executor is not None else {}
        return {"pod": self.pod.metadata.name, "pea": self.name, "stores": found, **kept}

    async def stop(self, grace: float) -> bool:
        """Not serving; finish the units that came, within `grace` seconds; flush and close the Executor.

        Return whether the Executor could be closed: its code may hang.
        """
        self._stopping = True
        for task in (self._watching, self._asking):
            if task is not None:
                task.cancel()
        await self._server.set_serving(False)
        self._streams.drain(f"{self.name} is stopping")
        await self._server.stop(grace)
        return await self._worker.close(CLOSE_SECONDS)

    @property
    def remaining(self) -> float:
        """Seconds after which this Pea hangs unless its event loop has had a turn."""
        now = time.monotonic()
        return max([self.settings.patience, *(work.watch.remaining(now) for work in self._works)])

    @property
    def _works(self) -> list[Worker]:
        return self._worker.workers if isinstance(self._worker, Head) else [self._worker]

    async def _watch(self) -> None:
        """Look after the Executors' threads and our own tasks, until something makes this process useless."""
        serving = True
        while not self.failed.done():
            await asyncio.sleep(min(LOOK_SECONDS, self.settings.patience / 10))
            now = time.monotonic()
            broken = [work.broken or work.watch.look(now) for work in self._works]
            if any(broken):
                self.failed.set_result(next(filter(None, broken)))
            healthy = not any(broken) and not any(work.watch.late for work in self._works)
            if healthy != serving:
                serving = healthy
                await self._server.set_serving(serving)

    async def _ask(self) -> None:
        """Ask the Executor whether it can work, until it says no `UNHEALTHY` times in a row."""
        looks = 0
        while looks < UNHEALTHY:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                async with asyncio.timeout(HEALTHY_SECONDS):
                    reason = await asyncio.to_thread(self._worker.healthy)
            except TimeoutError:
                reason, looks = f"healthy() of the Executor did not return within {HEALTHY_SECONDS:g} s", UNHEALTHY
            looks = looks + 1 if reason is not None else 0
        if not self.failed.done():
            self.failed.set_result(reason or "")

    def _unwatched(self, watching: asyncio.Task[None]) -> None:
        if not watching.cancelled() and (error := watching.exception()) is not None and not self.failed.done():
            self.failed.set_result(f"the task that looks after the Executor ended: {message_of(error)}")

    async def _stream(self, _: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        async def ready() -> bytes:
            await self._loaded.wait()
            greeting = await asyncio.to_thread(self._hello)
            if self._stopping:
                await context.abort(grpc.StatusCode.UNAVAILABLE, f"{self.name} is stopping")
            return greeting

        stream = Stream(context, self._window, WINDOW_MESSAGES * self._max_bytes // 2, self._worker.clock)
        try:
            self._streams.add(stream)
        except Overloaded as error:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error))
        try:
            await stream.serve(ready, self._take, self.name)
        finally:
            self._streams.remove(stream)

    def _hello(self) -> bytes:
        executor = self._worker.executor
        return hello(
            self.pod.metadata.name,
            self.name,
            self._worker.accepts,
            window=self._window,
            concurrency=self._worker.concurrency,
            max_bytes=self._max_bytes,
            stores=stores.identities(executor) if executor is not None else (),
            final=True,
        )

    def _take(self, stream: Stream, unit: Stamped) -> None:
        self._worker.put(unit, partial(stream.answer, unit.number), lambda: stream.alive)


async def serve(settings: PeaSettings) -> int:
    """Run a Pea until SIGTERM and return the process's exit code."""
    stop = stopped()
    pod_name, uses = "", ""
    try:
        pod = read_pod(settings.pod, settings.files)
        pod_name, uses = pod.metadata.name, pod.spec.runs
        server = PeaServer(settings, pod, read_plan(settings.plan) if settings.plan else None)
        metrics(settings.metrics_port, server.status)
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
    alive = asyncio.create_task(_prove_alive(server), name="prove alive")
    await asyncio.wait((stopping, server.failed), return_when=asyncio.FIRST_COMPLETED)
    alive.cancel()
    faulthandler.cancel_dump_traceback_later()
    if server.failed.done():
        last_words(server.failed.result(), pod_name, server.name, uses, "cannot go on")
        logging.shutdown()
        os._exit(1)  # a thread that hangs cannot be stopped, and Python would wait for it
    if not await server.stop(pod.spec.timeouts.grace_seconds):
        # A thread that hangs, or loads a large model, cannot be ended, and Python would wait for it.
        logging.shutdown()
        os._exit(1 if started else 0)
    return 0


async def _prove_alive(server: PeaServer) -> None:
    """Let the process exit with code 1, and print all stacks, when this loop gets no turn for too long.

    Code that never lets go of Python's lock, such as a regular expression, keeps even the event loop from seeing that
    it hangs. The thread behind this needs no lock.
    """
    while True:
        faulthandler.dump_traceback_later(server.remaining + 5 * LOOK_SECONDS, exit=True)
        await asyncio.sleep(LOOK_SECONDS)
