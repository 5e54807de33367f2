"""Where kopf hands over what it watches. The only module that knows kopf, and it decides nothing.

There are only event handlers: they add no finalizer, so everything can be deleted while the operator is down.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from typing import Any

import kopf

from peavine_operator import kinds
from peavine_operator.cluster import Cluster
from peavine_operator.observed import Observed

WATCH_SECONDS = 60
"""A watch is opened again this often, so that one of which nothing is heard is known to be dead."""


class WatchEnded(Exception):
    """A watch ended, and kopf has none that takes its place."""


def stop_by_signals(stop: asyncio.Event) -> None:
    """Set `stop` when the process is told to end."""
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)


def registry(cluster: Cluster, observed: Observed, changed: Callable[[set[kinds.Ref]], None]) -> kopf.OperatorRegistry:
    """Return handlers that take note of every object and say which Flows and Pods it concerns."""
    handlers = kopf.OperatorRegistry()

    async def note(*, event: kopf.RawEvent, **_: Any) -> None:
        body: Any = event["object"]
        changed(observed.drop(body) if event["type"] == "DELETED" else observed.put(body))

    for kind in kinds.ALL:
        kopf.on.event(kind.group, kind.version, kind.plural, id="note", registry=handlers)(note)

    @kopf.on.login(registry=handlers)
    async def login(**_: Any) -> kopf.AiohttpSession:
        return kopf.AiohttpSession(server=cluster.configuration.host, aiohttp_session=cluster.session())

    @kopf.on.startup(registry=handlers)
    async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.posting.enabled = False
        settings.scanning.disabled = True
        settings.networking.request_timeout = cluster.settings.request_seconds
        settings.networking.connect_timeout = 5
        settings.networking.error_backoffs = (0.5, 1, 2, 4, 8, 15, 30)
        settings.watching.server_timeout = WATCH_SECONDS
        settings.watching.client_timeout = WATCH_SECONDS + 30
        settings.watching.connect_timeout = 5
        settings.watching.chunk_size = 100
        # Taking note takes no time, and kopf keeps a task for each object for so long.
        settings.queueing.idle_timeout = 0.01
        settings.queueing.worker_limit = 10
        settings.queueing.exit_timeout = 1
        for kind in kinds.ALL:
            if selector := kinds.label_selector(kind):
                settings.watching.label_selectors[kind.group, kind.version, kind.plural] = selector

    return handlers


async def watch(cluster: Cluster, handlers: kopf.OperatorRegistry, stop: asyncio.Event) -> None:
    """Watch until `stop` is set. Raises WatchEnded when a watch ends by itself, as when a definition is deleted."""
    logging.getLogger("kopf").setLevel(logging.WARNING)
    namespaces = cluster.settings.watch_namespaces
    cluster.expect_watches()
    tasks = await kopf.spawn_tasks(
        registry=handlers,
        # What kopf finds out by itself needs a user of that number to be known to the system.
        identity=cluster.settings.identity,  # type: ignore[arg-type]
        standalone=True,
        clusterwide=not namespaces,
        namespaces=namespaces,
        stop_flag=stop,
    )
    # kopf has taken the signals, and after one would wait for 5 s until `stop` is set, too.
    stop_by_signals(stop)
    # Not kopf.run_tasks: when a watch fails, that waits for every task of the loop that began after its own.
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if not stop.is_set():
        raise WatchEnded("a watch ended by itself; the process exits, so that all of them begin anew")
