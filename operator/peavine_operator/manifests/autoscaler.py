"""Replicas by load."""

from __future__ import annotations

from typing import Any

from peavine.spec import Autoscaling
from peavine_operator import names

BUSY = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
}
"""Metric that the number of replicas follows unless the manifest names others."""


def autoscaler(
    name: str, namespace: str, labels: dict[str, str], target: dict[str, str], scaling: Autoscaling
) -> dict[str, Any]:
    """Return an autoscaler of `target`, a reference with apiVersion, kind and name."""
    spec: dict[str, Any] = {
        "scaleTargetRef": target,
        "minReplicas": scaling.min_replicas,
        "maxReplicas": scaling.max_replicas,
        "metrics": scaling.metrics or [BUSY],
    }
    if scaling.behavior:
        spec["behavior"] = scaling.behavior
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": names.metadata(name, namespace, labels),
        "spec": spec,
    }
