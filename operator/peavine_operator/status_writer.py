"""Writes the status of Flows and Pods, where it differs from what it says already, and events about what turned."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from peavine_operator import conditions
from peavine_operator.cluster import Cluster
from peavine_operator.kinds import Object, Ref
from peavine_operator.observed import Observed


class StatusWriter:
    """Writes one status at a time for each resource."""

    def __init__(self, cluster: Cluster, observed: Observed, changed: Callable[[set[Ref]], None]) -> None:
        self._cluster, self._observed, self._changed = cluster, observed, changed

    async def write(
        self, key: Ref, body: Object, told: Sequence[conditions.Condition], more: Mapping[str, Any]
    ) -> None:
        """Write conditions and other fields of the status, if they differ from what is there, and events."""
        before = body.get("status") or {}
        old = {condition["type"]: condition for condition in before.get("conditions") or ()}
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        timed = conditions.timed(told, list(old.values()), now)
        status = {"observedGeneration": body["metadata"]["generation"], "conditions": timed, **more}
        if all(before.get(field) == value for field, value in status.items()):
            return
        live = await self._cluster.patch_status(key, status)
        if live is not None:
            self._changed(self._observed.put(live))
        for condition in timed:
            was = old.get(condition["type"], {}).get("status")
            good = condition["type"] in ("Ready", "Accepted")
            if condition["type"] != "Progressing" and was != condition["status"]:
                if condition["status"] == "True" and condition["type"] == "Ready":
                    await self._cluster.event(body, "Normal", condition["reason"], condition["message"])
                elif good != (condition["status"] == "True") and condition["type"] != "Ready":
                    await self._cluster.event(body, "Warning", condition["reason"], condition["message"])
