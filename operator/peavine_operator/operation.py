"""The operator at work: what is observed, the queue of what to look at, and the tasks that fill and empty it."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any

from peavine_operator import handlers, kinds, metrics
from peavine_operator.cluster import ApiError, Cluster
from peavine_operator.kinds import Kind, Ref
from peavine_operator.observed import Observed, trim
from peavine_operator.reconcile import Reconciler
from peavine_operator.settings import Settings
from peavine_operator.workqueue import Workqueue

LIST_PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds before what could not be listed is listed again; the last one repeats."""
_log = logging.getLogger(__name__)


async def together(coroutines: Iterable[Coroutine[Any, Any, None]], stop: asyncio.Event) -> None:
    """Run all until `stop` is set or one of them ends, and then end all; raise what that one raised.

    Nothing runs on when this is over, least of all when it is cancelled: whoever lost the Lease must not write.
    """
    tasks = [asyncio.create_task(coroutine) for coroutine in (stop.wait(), *coroutines)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


class Operation:
    """Everything that a replica does while it holds the Lease."""

    def __init__(self, cluster: Cluster, settings: Settings, stop: asyncio.Event) -> None:
        self._cluster, self._settings, self._stop = cluster, settings, stop
        self._observed, self._queue = Observed(), Workqueue[Ref]()
        self._reconciler = Reconciler(cluster, self._observed, settings, self._changed)

    def _changed(self, keys: set[Ref]) -> None:
        self._queue.add(keys)
        metrics.QUEUED.set(len(self._queue))

    async def run(self) -> None:
        """Work until `stop` is set, or anything fails that is not a failed request."""
        await self._list_until_complete()
        registry = handlers.registry(self._cluster, self._observed, self._changed)
        watch = handlers.watch(self._cluster, registry, self._stop)
        forever: list[Coroutine[Any, Any, None]] = [self._relist(), self._resync(), watch]
        forever += [self._queue.work(self._look) for _ in range(self._settings.workers)]
        await together(forever, self._stop)

    async def _look(self, key: Ref) -> bool:
        metrics.QUEUED.set(len(self._queue))
        started = time.monotonic()
        result = "error"
        try:
            succeeded = await self._reconciler.reconcile(key)
            result = "ok" if succeeded else "again"
        except ApiError as error:
            succeeded = False
            _log.warning("%s: %s; it is tried again", key, error)
        except Exception:  # a bug that one resource reveals must not stop the work on the others
            succeeded = False
            _log.exception("%s: failed unexpectedly; it is tried again", key)
        metrics.RECONCILES.labels(key.kind.name, result).inc()
        metrics.RECONCILE_SECONDS.labels(key.kind.name).observe(time.monotonic() - started)
        return succeeded

    async def _list(self, which: Iterable[Kind]) -> list[Kind]:
        """List kinds and return those that could not be: what was deleted while nobody watched is noticed so only."""
        failed = []
        for kind in which:
            try:
                bodies, listed_at = [], 0
                async for page, at in self._cluster.listed(kind):
                    bodies += [trim(body) for body in page]
                    listed_at = at if not listed_at else min(listed_at, at)
            except ApiError as error:
                failed.append(kind)
                missing = error.status == 404 and kind in kinds.RESOURCES
                why = "its definition is missing; install the chart with crds.install=true" if missing else error
                _log.warning("%s cannot be listed: %s", kind, why)
            else:
                self._changed(self._observed.replace(kind, bodies, listed_at))
        self._changed(self._observed.resources())
        return failed

    async def _list_until_complete(self) -> None:
        """List everything, and what fails again: whoever acts on half of what there is would delete the other half."""
        left: Sequence[Kind] = kinds.ALL
        for pause in itertools.chain(LIST_PAUSES, itertools.repeat(LIST_PAUSES[-1])):
            if not (left := await self._list(left)):
                return
            await asyncio.sleep(pause)

    async def _relist(self) -> None:
        while True:
            await asyncio.sleep(self._settings.relist_seconds)
            await self._list(kinds.ALL)

    async def _resync(self) -> None:
        while True:
            await asyncio.sleep(self._settings.resync_seconds)
            self._changed(self._observed.resources())
