"""Deployments: gateways, heads, and Peas that keep nothing."""

from __future__ import annotations

from typing import Any

from peavine.spec import Rollout
from peavine_operator import names


def deployment(
    name: str,
    namespace: str,
    labels: dict[str, str],
    selector: dict[str, str],
    template: dict[str, Any],
    replicas: int | None,
    rollout: Rollout | None = None,
) -> dict[str, Any]:
    """Return a Deployment whose rollout takes nothing away before its replacement is ready, unless `rollout` says so.

    Without `replicas` the field is not rendered: whoever scales the object owns it.
    """
    shape = rollout or Rollout()
    spec: dict[str, Any] = {
        "selector": {"matchLabels": selector},
        # An old ReplicaSet would name ConfigMaps that are gone; going back is done by applying the old manifest.
        "revisionHistoryLimit": 0,
        # Switches that would hold a rollout back are said, so that nobody else's stand.
        "paused": False,
        "minReadySeconds": 0,
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": _amount(shape.max_unavailable), "maxSurge": _amount(shape.max_surge)},
        },
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


def _amount(text: str) -> int | str:
    return int(text) if text.isdigit() else text
