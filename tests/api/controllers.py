"""What Kubernetes' controllers and kubelets would do, done once by a test: nothing else does it, as there are no nodes.

Core Pods are made from the templates of Deployments and StatefulSets and become ready at once, or fail with last words.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from peavine_operator import kinds
from tests.api.client import Missing, Object, Space
from tests.cluster.kube import condition, name, pod_is_ready

MADE = "app.kubernetes.io/managed-by=peavine"
VERSION = "peavine.dev/version"
SERVICE_NAME = "kubernetes.io/service-name"
OWNER = "test/workload"
"""Label: the workload that a core Pod was made for."""


def settle(space: Space, last_words: str = "") -> None:
    """Bring core Pods, statuses and endpoints of a namespace to what its workloads ask for.

    With `last_words`, core Pods that are made now end with them again and again, and never become ready.
    """
    for kind in (kinds.DEPLOYMENT, kinds.STATEFUL_SET):
        for workload in space.all(kind, MADE):
            _roll_out(space, kind, workload, last_words)
    core_pods = space.all(kinds.CORE_POD, MADE)
    for service in space.all(kinds.SERVICE, MADE):
        _publish(space, service, core_pods)


def _roll_out(space: Space, kind: kinds.Kind, workload: Object, last_words: str) -> None:
    """As a Deployment, keep what serves until the new one is ready; as a StatefulSet, end the old one first."""
    called, spec = name(workload), workload["spec"]
    replicas, version = spec.get("replicas", 1), spec["template"]["metadata"]["labels"].get(VERSION, "")
    stateful = kind == kinds.STATEFUL_SET
    wanted = [f"{called}-{i}" if stateful else f"{called}-{version}-{i}" for i in range(replicas)]
    there = {name(pod): pod for pod in space.all(kinds.CORE_POD, f"{OWNER}={called}")}
    for each in [*wanted, *sorted(there)]:
        pod = there.get(each)
        old = pod is not None and pod["metadata"]["labels"].get(VERSION) != version
        if pod is not None and each in wanted and stateful and old:
            space.delete(kinds.CORE_POD, each)
            pod = None
        if pod is None and each in wanted:
            there[each] = _start(space, workload, each, last_words)
    ready = [each for each in wanted if pod_is_ready(there[each])]
    if len(ready) == len(wanted):
        for each in there.keys() - set(wanted):
            space.delete(kinds.CORE_POD, each)
        there = {each: there[each] for each in wanted}
    space.status(
        kind,
        called,
        {
            "observedGeneration": workload["metadata"]["generation"],
            "replicas": len(there),
            "updatedReplicas": len(wanted),
            "readyReplicas": sum(map(pod_is_ready, there.values())),
        },
    )


def _start(space: Space, workload: Object, called: str, last_words: str) -> Object:
    template = workload["spec"]["template"]
    labels = {**template["metadata"]["labels"], OWNER: name(workload)}
    made = {"apiVersion": "v1", "kind": "Pod", "metadata": {**template["metadata"], "name": called, "labels": labels}}
    space.create(kinds.CORE_POD, {**made, "spec": template["spec"]})
    running: Object = {"name": template["spec"]["containers"][0]["name"], "image": "any", "imageID": "any"}
    if last_words:
        running |= {
            "ready": False,
            "restartCount": 1,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "message": last_words}},
        }
    else:
        running |= {"ready": True, "restartCount": 0, "state": {"running": {}}}
    status = {
        "phase": "Running",
        "podIP": "10.1.0.1",
        "podIPs": [{"ip": "10.1.0.1"}],
        "conditions": [{"type": "Ready", "status": "False" if last_words else "True"}],
        "containerStatuses": [running],
    }
    return space.status(kinds.CORE_POD, called, status)


def _publish(space: Space, service: Object, core_pods: list[Object]) -> None:
    selector = (service["spec"].get("selector") or {}).items()
    endpoints = [_endpoint(pod) for pod in core_pods if selector <= pod["metadata"]["labels"].items()]
    slice_name = f"{name(service)}-1"
    labels = {**service["metadata"]["labels"], SERVICE_NAME: name(service)}
    body = {
        "apiVersion": kinds.ENDPOINT_SLICE.api_version,
        "kind": kinds.ENDPOINT_SLICE.name,
        "metadata": {"name": slice_name, "labels": labels},
        "addressType": "IPv4",
        "endpoints": endpoints,
    }
    space.apply(kinds.ENDPOINT_SLICE, body, "endpoints", force="true")


def _endpoint(pod: Object) -> dict[str, Any]:
    ready = condition(pod, "Ready")["status"] == "True"
    reference = {"kind": "Pod", "name": name(pod), "namespace": pod["metadata"]["namespace"]}
    return {
        "addresses": [pod["status"].get("podIP", "10.1.0.1")],
        "conditions": {"ready": ready, "serving": ready, "terminating": False},
        "targetRef": {**reference, "uid": pod["metadata"]["uid"]},
    }


def collect(space: Space) -> None:
    """Delete everything whose owner is gone, as the garbage collector does."""
    every = [item for kind in kinds.ALL for item in space.all(kind)]
    alive = {item["metadata"]["uid"] for item in every}
    for item in every:
        owners = item["metadata"].get("ownerReferences", ())
        if owners and not any(owner["uid"] in alive for owner in owners):
            with suppress(Missing):
                space.delete(kinds.of(item), name(item))


def orphan(space: Space, owner: Object) -> None:
    """Let all that an object owned have no owner, as the garbage collector does when it is deleted alone."""
    for item in [item for kind in kinds.APPLIED + kinds.RESOURCES for item in space.all(kind)]:
        if any(each["uid"] == owner["metadata"]["uid"] for each in item["metadata"].get("ownerReferences", ())):
            space.patch(kinds.of(item), name(item), {"metadata": {"ownerReferences": None}})
