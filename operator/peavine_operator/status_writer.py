"""Writes the status of Flows and Pods, where it differs from what it says already, and events about what turned."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from peavine_operator import conditions, progress
from peavine_operator.cluster import Cluster
from peavine_operator.events import Events
from peavine_operator.kinds import Object, Ref
from peavine_operator.observed import Observed


class StatusWriter:
    """Writes one status at a time for each resource."""

    def __init__(
        self, cluster: Cluster, observed: Observed, changed: Callable[[set[Ref]], None], progress_seconds: int
    ) -> None:
        self._cluster, self._observed, self._changed = cluster, observed, changed
        self._events, self._progress_seconds = Events(cluster), progress_seconds

    async def write(
        self,
        key: Ref,
        body: Object,
        found: conditions.Findings,
        more: Mapping[str, Any],
        parts: Sequence[str] = (),
    ) -> None:
        """Write conditions and other fields of the status, if they differ from what is there, and events.

        `parts` are the names of objects whose events may explain a lack of progress.
        """
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        since = progress.since(body, found.waiting, now)
        late = not found.failing and not found.paused
        if late and found.waiting and progress.overdue(found.waiting, since, now, self._progress_seconds):
            warnings = [event for name in parts for event in await self._cluster.warnings(key.namespace, name)]
            found = replace(found, failing=[progress.stuck(found.waiting, self._progress_seconds, warnings)])
        before = body.get("status") or {}
        old: list[conditions.Condition] = list(before.get("conditions") or ())
        generation = body["metadata"]["generation"]
        timed = conditions.timed(conditions.conditions(generation, found), old, now)
        status = {"observedGeneration": generation, "conditions": timed, "lastProgressTime": since, **more}
        if all(before.get(field) == value for field, value in status.items()):
            return
        live = await self._cluster.patch_status(key, status)
        if live is not None:
            self._changed(self._observed.put(live))
        for kind, condition in conditions.turned(old, timed):
            await self._events.report(body, kind, condition["reason"], condition["message"])
