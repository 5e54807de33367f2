"""Events about Flows and Pods: one for each reason, counted up while it comes again."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from peavine_operator import names
from peavine_operator.cluster import ApiError, Cluster
from peavine_operator.kinds import Body, Object

LONGEST = 1024
"""Characters of an event's message that the API server takes."""
REMEMBERED = 1000
_log = logging.getLogger(__name__)


@dataclass
class _Written:
    name: str
    count: int


class Events:
    """Writes events. They may be lost."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._written: dict[tuple[str, str, str], _Written] = {}
        """Those written last, by the resource's uid, type and reason."""

    async def report(self, about: Body, kind: str, reason: str, message: str) -> None:
        """Report something about a Flow or Pod; `kind` is Normal or Warning."""
        metadata = about["metadata"]
        namespace, key = metadata["namespace"], (metadata["uid"], kind, reason)
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        news: dict[str, Any] = {"message": message[:LONGEST], "lastTimestamp": now}
        written = self._written.pop(key, None)
        try:
            if written is not None:
                news["count"] = written.count + 1
                if await self._cluster.patch_event(namespace, written.name, news):
                    self._written[key] = _Written(written.name, written.count + 1)
                    return
            made = await self._cluster.create_event(namespace, _event(about, kind, reason, {**news, "count": 1}))
            self._written[key] = _Written(made["metadata"]["name"], 1)
        except ApiError as error:
            _log.warning("an event about %s was not written: %s", metadata["name"], error)
        while len(self._written) > REMEMBERED:
            del self._written[next(iter(self._written))]


def _event(about: Body, kind: str, reason: str, news: Mapping[str, Any]) -> Object:
    metadata = about["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{metadata['name']}.", "namespace": metadata["namespace"]},
        "involvedObject": {
            "apiVersion": about["apiVersion"],
            "kind": about["kind"],
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
        },
        "type": kind,
        "reason": reason,
        "source": {"component": names.FIELD_MANAGER},
        "firstTimestamp": news["lastTimestamp"],
        **news,
    }
