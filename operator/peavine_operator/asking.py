"""Ask Peas about their stores, over HTTP: the only thing that the operator wants from a process of a Flow."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence

import aiohttp

from peavine.spec.rules import METRICS_PORT
from peavine_operator.kinds import Body

TIMEOUT = aiohttp.ClientTimeout(total=3)
LARGEST = 1 << 20
"""Bytes of an answer."""
AT_ONCE = 32
FORGET = 3600.0
"""Seconds after which the answer of a Pea that is asked for no longer is forgotten."""


class Peas:
    """Asks each Pea when it has started anew, and then at most once in `interval` seconds."""

    def __init__(self, interval: float, port: int = METRICS_PORT) -> None:
        self._interval, self._port = interval, port
        self._answers: dict[tuple[str, int], tuple[float, list[Body]]] = {}
        self._some = asyncio.Semaphore(AT_ONCE)

    async def stores(self, core_pods: Sequence[Body]) -> dict[str, list[Body] | str]:
        """Return what each core Pod, by its name, reports of its stores, or why it could not be asked.

        A Pea of an earlier peavine reports none.
        """
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            found = await asyncio.gather(*(self._one(session, pod) for pod in core_pods))
        over = time.monotonic() - FORGET
        self._answers = {run: kept for run, kept in self._answers.items() if kept[0] > over}
        return {pod["metadata"]["name"]: answer for pod, answer in zip(core_pods, found, strict=True)}

    async def _one(self, session: aiohttp.ClientSession, core_pod: Body) -> list[Body] | str:
        run = core_pod["metadata"]["uid"], _restarts(core_pod)
        kept = self._answers.get(run)
        if kept is not None and time.monotonic() - kept[0] < self._interval:
            return kept[1]
        host = core_pod["status"].get("podIP", "")
        place = f"[{host}]:{self._port}" if ":" in host else f"{host}:{self._port}"
        try:
            async with self._some, session.get(f"http://{place}/status", allow_redirects=False) as response:
                text = await response.content.read(LARGEST)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return kept[1] if kept is not None else f"{place}: {error or type(error).__name__}"
        self._answers[run] = time.monotonic(), _stores(text)
        return self._answers[run][1]


def _restarts(core_pod: Body) -> int:
    return sum(int(each.get("restartCount") or 0) for each in core_pod["status"].get("containerStatuses") or ())


def _stores(text: bytes) -> list[Body]:
    try:
        stores = json.loads(text)["stores"]
        return [store for store in stores if isinstance(store, dict) and isinstance(store["name"], str)]
    except (ValueError, KeyError, TypeError):  # the metrics, which is what an earlier peavine serves on every path
        return []
