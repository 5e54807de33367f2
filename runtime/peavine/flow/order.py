"""What Pods need where a list of them says it by its order alone: each takes the answer of the one before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from peavine.spec.rules import GATEWAY


def in_order(pods: Sequence[Any]) -> list[Any]:
    """Return plain Pods that all say what they need; the only one of a Flow need not. What is no Pod stays as it is."""
    if len(pods) < 2:
        return list(pods)
    before = [GATEWAY, *(pod.get("name") if isinstance(pod, Mapping) else None for pod in pods)]
    return [
        {**pod, "needs": [name]} if isinstance(pod, Mapping) and pod.get("needs") is None and name else pod
        for pod, name in zip(pods, before, strict=False)
    ]
