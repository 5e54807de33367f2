"""Replicas by load."""

from __future__ import annotations

from typing import Any

from peavine.spec import Autoscaling
from peavine_operator import names


def autoscaler(
    name: str, namespace: str, labels: dict[str, str], target: dict[str, str], scaling: Autoscaling
) -> dict[str, Any]:
    """Return an autoscaler of `target`, a reference with apiVersion, kind and name."""
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": names.metadata(name, namespace, labels),
        "spec": {
            "scaleTargetRef": target,
            "minReplicas": scaling.min_replicas,
            "maxReplicas": scaling.max_replicas,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {
                        "name": "cpu",
                        "target": {"type": "Utilization", "averageUtilization": scaling.target_cpu},
                    },
                }
            ],
        },
    }
