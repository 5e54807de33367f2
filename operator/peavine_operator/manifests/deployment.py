"""Deployments: gateways, heads, and Peas that keep nothing."""

from __future__ import annotations

from typing import Any

from peavine_operator import names


def deployment(
    name: str,
    namespace: str,
    labels: dict[str, str],
    selector: dict[str, str],
    template: dict[str, Any],
    replicas: int | None,
) -> dict[str, Any]:
    """Return a Deployment whose rollout takes nothing away before its replacement is ready.

    Without `replicas` the field is not rendered: whoever scales the object owns it.
    """
    spec: dict[str, Any] = {
        "selector": {"matchLabels": selector},
        # An old ReplicaSet would name ConfigMaps that are gone; going back is done by applying the old manifest.
        "revisionHistoryLimit": 0,
        # Switches that would hold a rollout back are said, so that nobody else's stand.
        "paused": False,
        "minReadySeconds": 0,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"}},
        "template": template,
    }
    if replicas is not None:
        spec["replicas"] = replicas
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": names.metadata(name, namespace, labels),
        "spec": spec,
    }
