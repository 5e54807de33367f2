"""How many Peas or gateways a drain may take away at once."""

from __future__ import annotations

from typing import Any

from peavine_operator import names


def disruption_budget(name: str, namespace: str, labels: dict[str, str], selector: dict[str, str]) -> dict[str, Any]:
    """Return a budget of one at a time: it protects what has replicas and never blocks the drain of what has none."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": names.metadata(name, namespace, labels),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": selector},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }
