"""The status of a Flow: a chain of small checks over its Pods and its gateway."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from peavine.spec import Flow
from peavine_operator import kinds, names, reasons, render, rollout
from peavine_operator.checks import Checks
from peavine_operator.conditions import condition, latest
from peavine_operator.kinds import Body, Ref
from peavine_operator.observed import Observed
from peavine_operator.symptoms import MOST_PARTS, Finding, merged, symptoms
from peavine_operator.symptoms import is_ready as serves


@dataclass(frozen=True)
class SeenFlow:
    """A Flow and what is seen of its parts."""

    flow: Flow
    pods: Mapping[str, Body | None]
    """The Pod resource of each Pod, by the name that the Flow knows it by."""
    named: Mapping[str, Body | None]
    """The Pod resources that the plan of the gateway names, which may be an old plan, by their names."""
    gateway: Body | None
    core_pods: Sequence[Body]
    """Of the gateway."""
    slices: Sequence[Body]
    service: Body | None
    held: Finding | None
    """Why the gateway follows an old plan still."""


def see(observed: Observed, key: Ref, flow: Flow, held: Finding | None) -> SeenFlow:
    """Return what is seen of a Flow."""
    name = names.gateway(key.name)
    gateway = observed.get(Ref(kinds.DEPLOYMENT, key.namespace, name))
    return SeenFlow(
        flow,
        {pod.name: observed.get(Ref(kinds.POD, key.namespace, render.entry(flow, pod))) for pod in flow.spec.pods},
        {pod: observed.get(Ref(kinds.POD, key.namespace, pod)) for pod in sorted(named_pods(gateway))},
        gateway,
        observed.children(key, kinds.CORE_POD),
        observed.children(key, kinds.ENDPOINT_SLICE),
        observed.get(Ref(kinds.SERVICE, key.namespace, name)),
        held,
    )


def named_pods(gateway: Body | None) -> set[str]:
    """Return the Pod resources that the plan of a gateway's Deployment names."""
    annotations = gateway["metadata"].get("annotations") if gateway is not None else None
    return set((annotations or {}).get(names.NAMED, "").split(",")) - {""}


def is_ready(pod: Body | None) -> bool:
    """Tell whether a Pod resource is ready in its newest generation."""
    found = condition(pod, "Ready")
    return found is not None and found["status"] == "True"


def pods_exist(seen: SeenFlow) -> Finding | None:
    """Every Pod that the Flow names is there."""
    for name, body in seen.pods.items():
        if body is None:
            refers = next(pod.pod_ref for pod in seen.flow.spec.pods if pod.name == name)
            where = (
                f'refers to the Pod resource "{refers.name}", which does not exist' if refers else "is not there yet"
            )
            return Finding(reasons.POD_MISSING if refers else reasons.STARTING, f"Pod {name}: {where}")
    return None


def plan_is_new(seen: SeenFlow) -> Finding | None:
    """The gateway was given the newest plan."""
    return seen.held


def pods_are_ready(seen: SeenFlow) -> Finding | None:
    """Every Pod is ready."""
    for name, body in seen.pods.items():
        if not is_ready(body):
            found = condition(body, "Ready")
            why = found["message"] if found else "its newest version has yet to be looked at"
            scaled = found is not None and found["reason"] == reasons.SCALED_TO_ZERO
            reason = reasons.SCALED_TO_ZERO if scaled else reasons.PODS_NOT_READY
            return Finding(reason, f"Pod {name}: {why}")
    return None


def gateway_is_scaled_to_zero(seen: SeenFlow) -> Finding | None:
    """No gateway is asked for."""
    if seen.gateway is not None and rollout.wanted(seen.gateway) == 0 and not seen.core_pods:
        return Finding(reasons.SCALED_TO_ZERO, "no gateway is asked for")
    return None


def gateway_is_replaced(seen: SeenFlow) -> Finding | None:
    """Every gateway follows the newest plan."""
    return rollout.replacing(seen.gateway, seen.core_pods)


def gateway_is_ready(seen: SeenFlow) -> Finding | None:
    """Every gateway takes requests."""
    return rollout.starting(seen.gateway)


def gateway_is_reachable(seen: SeenFlow) -> Finding | None:
    """The gateway's Service leads to one at least."""
    name = names.gateway(seen.flow.metadata.name)
    found = rollout.reachable(seen.slices, name)
    return None if found else Finding(reasons.NO_ENDPOINT, f"{name}: no gateway can be found yet")


def named_pods_answer(seen: SeenFlow) -> Finding | None:
    """Every Pod that the gateway sends requests to answers them."""
    for name, body in seen.named.items():
        found = latest(body, "Available")
        if found is None or found["status"] != "True":
            reason = found["reason"] if found else reasons.POD_MISSING if body is None else reasons.STARTING
            return Finding(reason, f"Pod {name}: {found['message'] if found else 'it has no status yet'}")
    return None


READY: Checks[SeenFlow] = (
    pods_exist,
    plan_is_new,
    pods_are_ready,
    gateway_is_scaled_to_zero,
    gateway_is_replaced,
    gateway_is_ready,
    gateway_is_reachable,
)
"""All that is so when a Flow is ready."""
AVAILABLE: Checks[SeenFlow] = (gateway_is_scaled_to_zero, gateway_is_reachable, named_pods_answer)
"""All that is so when requests are answered."""
SETTLED: Checks[SeenFlow] = (plan_is_new, gateway_is_replaced, gateway_is_ready)
"""All that is so when no gateway follows an old plan, so that what only that one named may go."""


def failing(seen: SeenFlow) -> list[Finding]:
    """Return what fails in a Flow and will not mend by itself."""
    missing = pods_exist(seen)
    found = [missing] if missing is not None and missing.reason == reasons.POD_MISSING else []
    for name, body in seen.pods.items():
        for about in ("Accepted", "Degraded"):
            told = condition(body, about)
            if told is not None and told["status"] == ("False" if about == "Accepted" else "True"):
                found.append(Finding(told["reason"], f"Pod {name}: {told['message']}"))
    found += symptoms(rollout.newest(seen.gateway, seen.core_pods))
    stuck = rollout.stuck(seen.gateway)
    return found or ([stuck] if stuck else [])


def refused(seen: SeenFlow) -> Finding | None:
    """Return what the API server refuses of what its Pods lead to."""
    found = []
    for pod in seen.flow.spec.pods:
        told = condition(seen.pods[pod.name], "Accepted")
        if pod.pod_ref is None and told is not None and told["status"] == "False":
            found.append(Finding(told["reason"], in_flow(seen.flow, pod.name, told["message"])))
    return merged(found)


def in_flow(flow: Flow, step: str, message: str) -> str:
    """Return problems of a Pod resource with the paths that they have in the Flow."""
    i = next(i for i, pod in enumerate(flow.spec.pods) if pod.name == step)
    return re.sub("^(spec|metadata)\\b", f"spec.pods[{i}]", message, flags=re.MULTILINE)


def parts(seen: SeenFlow) -> list[str]:
    """Return the names of the gateway and its core Pods that are not ready, whose events explain a lack of progress."""
    workloads = [seen.gateway["metadata"]["name"]] if seen.gateway is not None else []
    return workloads + [pod["metadata"]["name"] for pod in seen.core_pods if not serves(pod)][:MOST_PARTS]


def status(seen: SeenFlow) -> dict[str, Any]:
    """Return what the status reports besides conditions."""
    ready = sum(is_ready(body) for body in seen.pods.values())
    return {"readyPods": ready, "pods": len(seen.pods), "addresses": addresses(seen)}


def ready_message(seen: SeenFlow) -> str:
    """Return the message of a Flow that is ready."""
    if seen.service is None or seen.flow.spec.gateway.service.type != "LoadBalancer" or _ingress(seen.service):
        return "all is ready"
    return f"all is ready, but Service {seen.service['metadata']['name']} has no address of a load balancer yet"


def addresses(seen: SeenFlow) -> list[dict[str, Any]]:
    """Return where clients reach the gateway: at the addresses of a load balancer, and within the cluster."""
    if seen.service is None:
        return []
    metadata, ports = seen.service["metadata"], seen.flow.spec.gateway.service.ports
    hosts = [*_ingress(seen.service), f"{metadata['name']}.{metadata['namespace']}.svc"]
    return [
        {"protocol": protocol, "host": host, "port": port}
        for host in hosts
        for protocol, port in (("grpc", ports.grpc), ("http", ports.http))
    ]


def _ingress(service: Body) -> list[str]:
    ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or ()
    return [host for each in ingress if (host := each.get("hostname") or each.get("ip"))]
