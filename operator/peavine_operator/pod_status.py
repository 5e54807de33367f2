"""The status of a Pod resource: a chain of small checks over what is seen of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from peavine.spec import Pod
from peavine_operator import growth, kinds, names, reasons, render, rollout
from peavine_operator.checks import Checks
from peavine_operator.kinds import Body, Object, Ref
from peavine_operator.observed import Observed
from peavine_operator.symptoms import MOST_PARTS, Finding, is_ready, symptoms


@dataclass(frozen=True)
class SeenPod:
    """A Pod and what is seen of its parts."""

    pod: Pod
    peas: Body | None
    """The workload of its Peas."""
    head: Body | None
    rehearsal: Body | None
    core_pods: Sequence[Body]
    slices: Sequence[Body]
    claims: Mapping[int, Object]
    """The claims of the volumes of its shards, by number."""
    users: Sequence[str]
    """The Flows that use it."""

    def of(self, component: str) -> list[Body]:
        """Return the core Pods of a component."""
        return [pod for pod in self.core_pods if pod["metadata"]["labels"].get(names.COMPONENT) == component]

    def reached(self, service: str) -> set[str]:
        """Return the core Pods behind a Service."""
        return rollout.reachable(self.slices, service)


def see(observed: Observed, key: Ref, pod: Pod) -> SeenPod:
    """Return what is seen of a Pod."""
    kind = kinds.STATEFUL_SET if render.stateful(pod) else kinds.DEPLOYMENT
    return SeenPod(
        pod,
        observed.get(Ref(kind, key.namespace, key.name)),
        observed.get(Ref(kinds.DEPLOYMENT, key.namespace, names.head(key.name))) if pod.spec.has_head else None,
        observed.get(Ref(kinds.DEPLOYMENT, key.namespace, names.rehearsal(key.name))),
        observed.children(key, kinds.CORE_POD),
        observed.children(key, kinds.ENDPOINT_SLICE),
        growth.own(observed.children(key, kinds.CLAIM), key.name, pod.spec.shards),
        sorted({*observed.users(key), (pod.metadata.labels or {}).get(names.FLOW, "")} - {""}),
    )


def peas_are_scaled_to_zero(seen: SeenPod) -> Finding | None:
    """Nothing is asked for."""
    if seen.peas is not None and rollout.wanted(seen.peas) == 0 and not seen.of("pea"):
        return Finding(reasons.SCALED_TO_ZERO, "no Pea is asked for; `kubectl scale peapod` changes that")
    return None


def peas_are_replaced(seen: SeenPod) -> Finding | None:
    """Every Pea is of the newest version."""
    return rollout.replacing(seen.peas, seen.of("pea"))


def peas_are_ready(seen: SeenPod) -> Finding | None:
    """Every Pea takes requests."""
    return rollout.starting(seen.peas)


def head_is_replaced(seen: SeenPod) -> Finding | None:
    """The head is of the newest version."""
    return rollout.replacing(seen.head, seen.of("head")) if seen.pod.spec.has_head else None


def head_is_ready(seen: SeenPod) -> Finding | None:
    """The head takes requests."""
    return rollout.starting(seen.head) if seen.pod.spec.has_head else None


def shards_are_reachable(seen: SeenPod) -> Finding | None:
    """Each shard can be found under its name, or one Pea at least where there are no shards."""
    name = seen.pod.metadata.name
    if not render.stateful(seen.pod):
        found = seen.reached(names.peas(name) if seen.pod.spec.has_head else name)
        return None if found else Finding(reasons.NO_ENDPOINT, f"{name}: no Pea can be found yet")
    found = seen.reached(names.peas(name))
    missing = [str(shard) for shard in range(seen.pod.spec.shards) if f"{name}-{shard}" not in found]
    if missing:
        return Finding(reasons.NO_ENDPOINT, f"{name}: shard {', '.join(missing)} cannot be found yet")
    return None


def entry_is_reachable(seen: SeenPod) -> Finding | None:
    """What requests come to, the head or the Peas, can be found under the Pod's name."""
    component = "head" if seen.pod.spec.has_head else "pea"
    own = {pod["metadata"]["name"] for pod in seen.of(component)}
    name = seen.pod.metadata.name
    found = seen.reached(name)
    if not found & own:
        return Finding(reasons.NO_ENDPOINT, f"{name}: its {component} cannot be found yet")
    if found - own:
        return Finding(reasons.ROLLING_OUT, f"{name}: requests still come to {sorted(found - own)[0]}")
    return None


def requests_are_answered(seen: SeenPod) -> Finding | None:
    """What requests come to, and behind a head every shard or a Pea at least, takes them, in whatever version."""
    name = seen.pod.metadata.name
    entries = seen.reached(name)
    if not entries:
        return Finding(reasons.NO_ENDPOINT, f"{name}: nothing takes requests")
    peas = {pod["metadata"]["name"] for pod in seen.of("pea")}
    return None if entries & peas and not render.stateful(seen.pod) else shards_are_reachable(seen)


READY: Checks[SeenPod] = (
    peas_are_scaled_to_zero,
    head_is_replaced,
    peas_are_replaced,
    peas_are_ready,
    head_is_ready,
    shards_are_reachable,
    entry_is_reachable,
)
"""All that is so when a Pod is ready."""
AVAILABLE: Checks[SeenPod] = (peas_are_scaled_to_zero, requests_are_answered)
"""All that is so when requests are answered."""
SETTLED: Checks[SeenPod] = (head_is_replaced, head_is_ready, peas_are_replaced, peas_are_ready)
"""All that is so when nothing of what was there before is needed any longer."""


def failing(seen: SeenPod) -> list[Finding]:
    """Return what fails in a Pod and will not mend by itself."""
    found = symptoms(rollout.newest(seen.peas, seen.of("pea")) + rollout.newest(seen.head, seen.of("head")))
    if not found:
        found = [finding for workload in (seen.peas, seen.head) if (finding := rollout.stuck(workload)) is not None]
    return found


def parts(seen: SeenPod) -> list[str]:
    """Return the names of what may explain a lack of progress by events: workloads, and what of them is not ready."""
    workloads = [body["metadata"]["name"] for body in (seen.peas, seen.head, seen.rehearsal) if body is not None]
    core_pods = [pod["metadata"]["name"] for pod in seen.core_pods if not is_ready(pod)]
    return workloads + core_pods[:MOST_PARTS] + growth.unmet(seen.claims)[:MOST_PARTS]


def status(seen: SeenPod) -> dict[str, Any]:
    """Return what the status reports besides conditions. A replica of a Pod is one Pea of each of its shards."""
    shards, ready = seen.pod.spec.shards, rollout.ready(seen.peas)
    there = int((seen.peas or {}).get("status", {}).get("replicas") or 0)
    selector = names.selector("pea", pod=seen.pod.metadata.name)
    return {
        "readyReplicas": ready // shards,
        "replicas": -(-there // shards),
        "readyShards": min(ready, shards),
        "shards": shards,
        "volumes": growth.status(seen.claims),
        "usedBy": list(seen.users),
        "selector": ",".join(f"{key}={value}" for key, value in sorted(selector.items())),
    }
