"""How far a change of a Flow or Pod has come, which decides what is applied next. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from peavine_operator import names, pod_status, reasons, rehearsal
from peavine_operator.conditions import condition
from peavine_operator.flow_status import is_ready, named_pods
from peavine_operator.kinds import Body
from peavine_operator.objects import GatewayObjects, PodObjects
from peavine_operator.symptoms import Finding


def paused(*bodies: Body | None) -> Finding | None:
    """Return why nothing is changed: a resource, or the Flow that made it, has the annotation PAUSED."""
    for body in bodies:
        if body is not None and (body["metadata"].get("annotations") or {}).get(names.PAUSED) == "true":
            where = f"{body['kind']} {body['metadata']['name']}"
            return Finding(
                reasons.PAUSED, f"{where} has the annotation {names.PAUSED}: nothing is changed until it is removed"
            )
    return None


def entry(service: Body | None, seen: pod_status.SeenPod) -> Literal["pea"] | None:
    """Return "pea" while the live Service of a Pod leads to its Peas and a new head cannot take over yet."""
    if service is None or not seen.pod.spec.has_head:
        return None
    leads_to = (service["spec"].get("selector") or {}).get(names.COMPONENT)
    if leads_to == "pea" and (pod_status.head_is_replaced(seen) or pod_status.head_is_ready(seen)):
        return "pea"
    return None


def rehearsing(objects: PodObjects, seen: pod_status.SeenPod, hold: Finding | None = None) -> rehearsal.Outcome | None:
    """Return why shards that run are not given their new version yet: a rehearsal of it has not started.

    While a Pod is on hold nothing is rehearsed either.
    """
    if hold or objects.rehearsal is None or not rehearsal.needed(seen.peas, objects.workload, seen.pod.spec.rehearse):
        return None
    return rehearsal.outcome(objects.rehearsal, seen.rehearsal, seen.of("rehearsal"))


def newly_named(live: Body | None, gateway: GatewayObjects) -> list[str]:
    """Return the Pod resources that the plan of a live gateway does not name and the new plan does."""
    return [] if live is None else sorted(named_pods(gateway.workload) - named_pods(live))


def plan_waits(pods: Mapping[str, Body | None]) -> Finding | None:
    """Return why a live gateway keeps its old plan: of these Pods, which only the new one names, some are not ready."""
    waited = [name for name, body in pods.items() if not is_ready(body)]
    if not waited:
        return None
    idle = [name for name in waited if _is_scaled_to_zero(pods[name])]
    if idle:
        remedy = f"kubectl scale peapod {' '.join(idle)} --replicas=1"
        return Finding(reasons.SCALED_TO_ZERO, f"the gateway goes on as before, because no Pea is asked for: {remedy}")
    return Finding(reasons.WAITING_FOR_PODS, f"the gateway goes on as before until these are ready: {waited}")


def _is_scaled_to_zero(pod: Body | None) -> bool:
    found = condition(pod, "Ready")
    return found is not None and found["reason"] == reasons.SCALED_TO_ZERO
