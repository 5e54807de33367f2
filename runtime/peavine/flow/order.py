"""Fill in what Pods need where only the order of their list shows it: each takes the answer of the one before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from peavine.spec.rules import GATEWAY


def in_order(pods: Sequence[Any]) -> list[Any]:
    """Return plain Pods with `needs` in each, unless there is only one. Items that are not Pods stay as they are."""
    if len(pods) < 2:
        return list(pods)
    before = [GATEWAY, *(pod.get("name") if isinstance(pod, Mapping) else None for pod in pods)]
    return [
        {**pod, "needs": [name]} if isinstance(pod, Mapping) and pod.get("needs") is None and name else pod
        for pod, name in zip(pods, before, strict=False)
    ]
