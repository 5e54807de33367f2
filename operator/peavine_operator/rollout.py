"""How far a workload has come towards what was applied, and whether what it replaces is gone."""

from __future__ import annotations

from collections.abc import Iterable

from peavine_operator import names, reasons
from peavine_operator.kinds import Body
from peavine_operator.symptoms import Finding


def wanted(workload: Body) -> int:
    """Return how many replicas a live Deployment or StatefulSet asks for."""
    replicas = workload["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def ready(workload: Body | None) -> int:
    """Return how many replicas are ready."""
    return int((workload or {}).get("status", {}).get("readyReplicas") or 0)


def replacing(workload: Body | None, core_pods: Iterable[Body]) -> Finding | None:
    """Return what is left of a rollout, or None when every replica is of the newest version and no other is there."""
    if workload is None:
        return Finding(reasons.STARTING, "nothing is there yet")
    status, name = workload.get("status", {}), workload["metadata"]["name"]
    want = wanted(workload)
    if int(status.get("observedGeneration") or 0) < workload["metadata"]["generation"]:
        return Finding(reasons.ROLLING_OUT, f"{name}: Kubernetes has not yet seen the newest version")
    updated = int(status.get("updatedReplicas") or 0)
    if updated < want:
        return Finding(reasons.ROLLING_OUT, f"{name}: {updated} of {want} are of the newest version")
    if int(status.get("replicas") or 0) > want:
        return Finding(reasons.ROLLING_OUT, f"{name}: {status['replicas'] - want} too many are still running")
    every = list(core_pods)
    new = newest(workload, every)
    old = [pod for pod in every if pod not in new]
    if old:
        return Finding(reasons.ROLLING_OUT, f"{old[0]['metadata']['name']}: still runs the old version")
    return None


def newest(workload: Body | None, core_pods: Iterable[Body]) -> list[Body]:
    """Return the core Pods of a live workload's newest version; what fails in an older one is being replaced."""
    if workload is None:
        return []
    version = workload["spec"]["template"]["metadata"]["labels"].get(names.VERSION)
    return [pod for pod in core_pods if (pod["metadata"].get("labels") or {}).get(names.VERSION) == version]


def stuck(workload: Body | None) -> Finding | None:
    """Return why a Deployment has given up on its rollout."""
    for condition in (workload or {}).get("status", {}).get("conditions") or ():
        if condition["type"] == "Progressing" and condition["status"] == "False":
            return Finding(reasons.STUCK, f"{(workload or {})['metadata']['name']}: {condition.get('message', '')}")
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            return Finding(reasons.STUCK, f"{(workload or {})['metadata']['name']}: {condition.get('message', '')}")
    return None


def starting(workload: Body | None) -> Finding | None:
    """Return how many replicas are not ready yet, or None when all are."""
    want = wanted(workload) if workload else 1
    if ready(workload) < want:
        name = workload["metadata"]["name"] if workload else "it"
        return Finding(reasons.STARTING, f"{name}: {ready(workload)} of {want} are ready")
    return None


def reachable(slices: Iterable[Body], service: str) -> set[str]:
    """Return the names of the core Pods that a Service leads to and that take requests."""
    found = set()
    for body in slices:
        if (body["metadata"].get("labels") or {}).get("kubernetes.io/service-name") != service:
            continue
        for endpoint in body.get("endpoints") or ():
            conditions = endpoint.get("conditions", {})
            # Where addresses are published before they are ready, `ready` is always true and `serving` tells.
            if conditions.get("serving", conditions.get("ready")) and not conditions.get("terminating"):
                found.add(endpoint.get("targetRef", {}).get("name", ""))
    return found
