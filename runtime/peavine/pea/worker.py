"""The Executor's own thread, and the units that wait for it. The event loop stays free for health and control."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from peavine.clock import SHARD
from peavine.drivers import Runner, prepare
from peavine.errors import ExecutorError, PeavineError, message_of
from peavine.executors import Executor, opened
from peavine.pea.executing import Arrived, Host, execute
from peavine.pea.faults import Faults
from peavine.pea.metrics import EXECUTED, REQUESTS, WAITING
from peavine.pea.passing import passed
from peavine.pea.watch import PATIENCE_SECONDS, Running, Watch, patience
from peavine.spec import FLOW_LABEL, Chosen, Pod, PodSpec
from peavine.store import Shard
from peavine.v1 import pea_pb2
from peavine.wire.header import name_of
from peavine.wire.join import fail
from peavine.wire.status import status_of
from peavine.wire.unit import MAX_BYTES, MAX_ITEMS, Stamped, received

__all__ = ["MAX_HEADER_BYTES", "Answer", "Waiting", "Worker"]

MAX_HEADER_BYTES = 1048576
"""Bytes of a request besides its Documents: routes with the stacks of errors that were skipped are among them."""

_log = logging.getLogger(__name__)

Answer = Callable[[int, bytes], None]
"""Takes the number of failed items and the rest of the answer."""


@dataclass(slots=True, eq=False)
class Waiting:
    """A unit that waits for the Executor."""

    arrived: Arrived
    size: int
    answer: Answer
    wanted: Callable[[], bool]
    """Whether the peer is still there to be answered."""

    @property
    def kind(self) -> int:
        """Number of its Kind."""
        return self.arrived.unit.kind


class Worker:
    """One Executor and what it has to do. Bounded by the windows of the streams that bring units."""

    def __init__(
        self,
        pod: Pod,
        pea: str,
        executor: Chosen,
        data: Path | None,
        least_patience: float = PATIENCE_SECONDS,
        sources: Sequence[Path] = (),
        shard: int | None = None,
    ) -> None:
        self.accepts: Mapping[str, frozenset[str]] = {}
        self.watch = Watch(patience(least_patience, pod.spec.timeouts.timeout_seconds))
        self.broken = ""
        """Why nothing is executed any more, if a task of ours has ended."""
        self.concurrency = pod.spec.concurrency
        self.clock = SHARD
        self._pod, self._executor, self._data, self._sources = pod, executor, data, sources
        labels = pod.metadata.labels or {}
        self._shard = (
            None if shard is None else Shard(labels.get(FLOW_LABEL, ""), pod.metadata.name, shard, pod.spec.shards)
        )
        self._batching = pod.spec.batching
        self._host = Host.of(pod, pea)
        self._faults = Faults()
        self._pool = ThreadPoolExecutor(pod.spec.concurrency, thread_name_prefix="executor")
        self._loading = self._closing = False
        self._runner: Runner | None = None
        self._queue: deque[Waiting] = deque()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        WAITING.set_function(lambda: len(self._queue))

    async def load(self) -> None:
        """Make the Executor ready, on its own thread. Raises PeavineError."""
        loop = asyncio.get_running_loop()
        self._loading = True
        self._runner = await loop.run_in_executor(self._pool, self._load)
        self._loading = False
        self.accepts = self._runner.accepts
        self._tasks = [
            asyncio.create_task(self._run(self._runner), name=f"executor {number}")
            for number in range(self._pod.spec.concurrency)
        ]
        for task in self._tasks:
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not self._closing:
            error = None if task.cancelled() else task.exception()
            self.broken = f'the task "{task.get_name()}" ended: {message_of(error) if error else "it was cancelled"}'
            _log.error("%s", self.broken, exc_info=error)

    def _load(self) -> Runner:
        """Make the Executor and its Drivers; an error of any kind, such as a user's, becomes a PeavineError."""
        try:
            return self._made()
        except PeavineError:
            raise
        except BaseException as error:
            raise ExecutorError(f"cannot make the Executor: {message_of(error)}") from error

    def _made(self) -> Runner:
        spec = self._pod.spec
        runner = prepare(
            self._executor,
            folder=Path.cwd(),
            files=spec.files,
            sources=self._sources,
            on_error=spec.on_error,
            replicas=replicas(spec),
        )
        opened(runner.executor, self._data, read_only=spec.read_only, shard=self._shard)
        return runner

    @property
    def executor(self) -> Executor | None:
        """The Executor, once it is loaded."""
        return self._runner.executor if self._runner is not None else None

    def healthy(self) -> str | None:
        """Return why the Executor cannot work any longer, None while it can. It may take long: ask from a thread."""
        if self.executor is None:
            return None
        try:
            return self.executor.healthy()
        except Exception as error:  # the Executor's own code
            return f"{self.executor.name}.healthy(): {type(error).__name__}: {error}"

    def put(self, stamped: Stamped, answer: Answer, wanted: Callable[[], bool] = lambda: True) -> Waiting | None:
        """Take a unit; it is answered once, now or later. Raises InvalidRequest where no router would send it.

        Returns what may be forgotten while it waits, None where it is answered already.
        """
        assert self._runner is not None
        at = time.time()
        unit = received(stamped, MAX_HEADER_BYTES)
        if self._runner.passes(name_of(unit.kind)):
            route = pea_pb2.Route(pod=self._host.pod, pea=self._host.pea, start=at, end=time.time())
            done = passed(stamped, unit, route, self._host.max_documents)
            if done is not None:
                answer(*done)
                return None
        waiting = Waiting(Arrived(unit, at, at - stamped.sent), len(stamped.rest), answer, wanted)
        self._queue.append(waiting)
        self._wake.set()
        return waiting

    def forget(self, waiting: Waiting | None) -> None:
        """Let a unit that waits for the Executor wait no longer."""
        if waiting is not None and waiting in self._queue:
            self._queue.remove(waiting)

    async def close(self, grace: float) -> bool:
        """Close the Executor, and return whether it could be done within `grace` seconds.

        One that is still being loaded, or whose code hangs, cannot be closed.
        """
        self._closing = True
        for task in self._tasks:
            task.cancel()
        try:
            if self._runner is None:
                return not self._loading
            async with asyncio.timeout(grace):
                return await asyncio.get_running_loop().run_in_executor(self._pool, self._close, self._runner)
        except TimeoutError:
            _log.error("the Executor did not close within %g s", grace)
            return False
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _close(self, runner: Runner) -> bool:
        try:
            runner.executor.close()
        except BaseException as error:  # whatever a user's code raises
            _log.error("%s.close() raised %s", runner.executor.name, message_of(error), exc_info=error)
            return False
        return True

    async def _run(self, runner: Runner) -> None:
        """Execute what waits, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            some = await self._next()
            kind = name_of(pea_pb2.Kind.ValueType(some[0].kind))
            units = [waiting.arrived for waiting in some]
            REQUESTS.labels(kind).inc(sum(len(arrived.unit.items) for arrived in units))
            running = Running.until(kind, max(arrived.deadline for arrived in units))
            self.watch.running.add(running)
            try:
                answers = await loop.run_in_executor(self._pool, self._execute, runner, units, running)
            finally:
                self.watch.running.discard(running)
            EXECUTED.labels(kind).observe(time.monotonic() - running.began)
            for waiting, (failed, rest) in zip(some, answers, strict=True):
                waiting.answer(failed, rest)

    def _execute(self, runner: Runner, units: list[Arrived], running: Running) -> list[tuple[int, bytes]]:
        """Return an answer to each unit. Nothing is raised: a CancelledError would seem to be one of our own task."""
        running.enter()
        try:
            return execute(runner, running.kind, units, self._host, self._faults, running.where)
        except BaseException as error:  # not the Executor's: the Runner answers for that
            status = status_of(error, self._host.pod, self._host.pea)
            return [fail(arrived.unit, status)[::-1] for arrived in units]

    async def _next(self) -> list[Waiting]:
        """Wait for units that may be executed together: of one kind, the oldest first."""
        queue = self._queue
        while True:
            while queue and not queue[0].wanted():
                queue.popleft()
            if queue:
                break
            self._wake.clear()
            await self._wake.wait()
        some = [queue.popleft()]
        if some[0].arrived.unit.alone:
            return some
        if self._batching is None:
            self._gather(some, MAX_ITEMS, lambda waiting: len(waiting.arrived.unit.items), MAX_BYTES)
            return some
        until = time.monotonic() + self._batching.max_delay_milliseconds / 1000
        while (
            self._gather(some, self._batching.max_size, lambda waiting: waiting.arrived.documents)
            and (left := until - time.monotonic()) > 0
        ):
            self._wake.clear()
            try:
                async with asyncio.timeout(left):
                    await self._wake.wait()
            except TimeoutError:
                break
        return some

    def _gather(
        self, some: list[Waiting], most: int, count: Callable[[Waiting], int], most_bytes: float = float("inf")
    ) -> bool:
        """Move units of the same kind from the queue to `some`, and return whether there is room for more."""
        total, size = sum(map(count, some)), sum(waiting.size for waiting in some)
        for waiting in list(self._queue):
            if waiting.kind != some[0].kind or waiting.arrived.unit.alone:
                continue
            total += count(waiting)
            size += waiting.size
            if total > most or size > most_bytes:
                return False
            self._queue.remove(waiting)
            if waiting.wanted():
                some.append(waiting)
        return total < most and size < most_bytes


def replicas(spec: PodSpec) -> int:
    """Return how many Peas the manifest asks for, at the most."""
    return spec.autoscaling.max_replicas if spec.autoscaling else spec.replicas or 1
