"""What a container asks of its node where the manifest says nothing of it (docs/decisions/0020)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

MEBIBYTE: Final = 2**20
REQUESTS: Final = {"cpu": "50m", "memory": "128Mi"}
"""An idle gateway has 80 MB and an idle Pea 72 MB. Without requests it would be the first to be evicted, and an
autoscaler would have nothing to compare its use with."""
ROUTER_BYTES: Final = 512 * MEBIBYTE
ROUTER_MESSAGES: Final = 32
"""A gateway or head may hold sixteen of the largest messages at once, and as many answers."""
GATEWAY_DISK: Final = "1Gi"
PEA_DISK: Final = "10Gi"
"""Limits of emptyDir volumes: whoever fills one is evicted, and not its neighbours with it."""


def router_memory(max_message_bytes: int) -> str:
    """Return the memory limit of a program that passes messages on and runs no Executor."""
    return f"{math.ceil((ROUTER_BYTES + ROUTER_MESSAGES * max_message_bytes) / MEBIBYTE)}Mi"


def filled(template: dict[str, Any], container: str, memory_limit: str | None) -> dict[str, Any]:
    """Return a pod template with defaults for cpu and memory of one container, each where nothing is said of it."""
    containers = template["spec"].get("containers")
    if not isinstance(containers, list):
        return template  # only a user's podTemplate can say so, and the API server refuses it
    resources = [
        {**each, "resources": _filled(each.get("resources") or {}, memory_limit)}
        if isinstance(each, Mapping) and each.get("name") == container
        else each
        for each in containers
    ]
    return {**template, "spec": {**template["spec"], "containers": resources}}


def _filled(own: Any, memory_limit: str | None) -> Any:
    """Return resources with defaults. Whoever names a resource, if only as null, says all that there is to say of it.

    A limit alone is the request, too, for Kubernetes; and a default limit could be below a request.
    """
    parts = [own.get(part) or {} for part in ("requests", "limits")] if isinstance(own, Mapping) else []
    if not parts or not all(isinstance(part, Mapping) for part in parts):
        return own
    requests, limits = map(dict, parts)
    for name, amount in REQUESTS.items():
        if name not in requests and name not in limits:
            requests[name] = amount
            if name == "memory" and memory_limit is not None:
                limits[name] = memory_limit
    amounts = {"requests": _amounts(requests), "limits": _amounts(limits)}
    return {
        **{key: own[key] for key in own if key not in amounts},
        **{key: value for key, value in amounts.items() if value},
    }


def _amounts(named: Mapping[str, Any]) -> dict[str, Any]:
    return {name: amount for name, amount in named.items() if amount is not None}
