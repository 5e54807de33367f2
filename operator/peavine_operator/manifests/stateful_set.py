"""StatefulSets: Peas that are a shard, or have a volume. The index is the number of the shard."""

from __future__ import annotations

from typing import Any, Final

from peavine.spec import Storage
from peavine_operator import names

CLAIM: Final = "data"
"""Name of the volume; that of its claim is CLAIM-POD-SHARD."""


def stateful_set(
    name: str,
    namespace: str,
    labels: dict[str, str],
    selector: dict[str, str],
    template: dict[str, Any],
    replicas: int,
    service: str,
    storage: Storage | None,
) -> dict[str, Any]:
    """Return a StatefulSet with a volume for each shard, where the Pod has storage."""
    spec: dict[str, Any] = {
        "replicas": replicas,
        "serviceName": service,
        "selector": {"matchLabels": selector},
        "podManagementPolicy": "Parallel",
        "revisionHistoryLimit": 1,
        # Switches that would hold a rollout back or number the shards otherwise are said, so that nobody else's stand.
        "minReadySeconds": 0,
        "ordinals": {"start": 0},
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        "template": template,
    }
    if storage is not None:
        claim: dict[str, Any] = {
            "accessModes": ["ReadWriteOnce"],
            **storage.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"size", "retention_policy"}),
            "resources": {"requests": {"storage": storage.size}},
        }
        spec["volumeClaimTemplates"] = [
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": CLAIM, "labels": selector},
                "spec": claim,
            }
        ]
        spec["persistentVolumeClaimRetentionPolicy"] = {
            "whenDeleted": storage.retention_policy.when_deleted,
            "whenScaled": "Retain",
        }
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": names.metadata(name, namespace, labels),
        "spec": spec,
    }
