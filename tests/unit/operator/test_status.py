"""The status of Pods and Flows: what is seen, and what is told of it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from peavine.flow.order import in_order
from peavine.spec import API_VERSION, parse, parse_pod
from peavine_operator import conditions, flow_status, kinds, names, pod_status, reasons, render
from peavine_operator.checks import first
from peavine_operator.conditions import Findings
from peavine_operator.kinds import FLOW, POD, Ref
from peavine_operator.observed import Observed
from peavine_operator.symptoms import Finding

TARGET = render.Target("default", "peavine/runtime:test")
KEY = Ref(POD, "default", "a")
FLOW_KEY = Ref(FLOW, "default", "f")


class Cluster:
    """What a cluster would hold after everything was applied and has started."""

    def __init__(self) -> None:
        self.observed = Observed()
        self._version = 0

    def put(self, body: dict[str, Any]) -> dict[str, Any]:
        self._version += 1
        body["metadata"] = {"uid": body["metadata"]["name"], "generation": 1, **body["metadata"]}
        body["metadata"]["resourceVersion"] = str(self._version)
        self.observed.put(body)
        return body

    def run(self, objects: list[dict[str, Any]]) -> None:
        """Have objects do what Kubernetes has them do."""
        for body in objects:
            self.put(body)
            if body["kind"] not in ("Deployment", "StatefulSet"):
                continue
            count = body["spec"].get("replicas", 1)
            body["status"] = {"observedGeneration": 1, "replicas": count, "updatedReplicas": count}
            body["status"]["readyReplicas"] = count
            self.put(body)
            for number in range(count):
                self.start(body, f"{body['metadata']['name']}-{number}")
        for service in (body for body in objects if body["kind"] == "Service"):
            self.lead(service)

    def start(self, workload: dict[str, Any], name: str, **status: Any) -> dict[str, Any]:
        template = workload["spec"]["template"]["metadata"]
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        meta = {"name": name, "namespace": "default", "labels": template["labels"]}
        return self.put({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "status": {**ready, **status}})

    def lead(self, service: dict[str, Any], without: str = "") -> None:
        selector, name = service["spec"]["selector"], service["metadata"]["name"]
        owner = KEY if names.POD in selector else FLOW_KEY
        owner = owner._replace(name=selector.get(names.POD, selector.get(names.FLOW)))
        endpoints = [
            {"targetRef": {"name": pod["metadata"]["name"]}, "conditions": {"ready": True, "serving": True}}
            for pod in self.observed.children(owner, kinds.CORE_POD)
            if selector.items() <= pod["metadata"]["labels"].items() and pod["metadata"]["name"] != without
        ]
        labels = {**service["metadata"]["labels"], "kubernetes.io/service-name": name}
        meta = {"name": f"{name}-slice", "namespace": "default", "labels": labels}
        self.put(
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": meta,
                "endpoints": endpoints,
            }
        )


def pod(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "a", "namespace": "default"}
    return {"apiVersion": "peavine.dev/v1alpha1", "kind": "Pod", "metadata": metadata, "spec": spec}


def running(**spec: Any) -> tuple[Cluster, list[dict[str, Any]]]:
    """Return a cluster in which a Pod runs, and the objects made for it."""
    cluster = Cluster()
    objects = render.pod_objects(parse_pod(pod(**spec)), TARGET).every()
    cluster.run(objects)
    return cluster, objects


def waiting(cluster: Cluster, **spec: Any) -> str | None:
    seen = pod_status.see(cluster.observed, KEY, parse_pod(pod(**spec)))
    found = first(pod_status.READY, seen)
    return found.reason if found else None


def workload(objects: list[dict[str, Any]], name: str = "a") -> dict[str, Any]:
    return next(
        body for body in objects if body["kind"] in ("Deployment", "StatefulSet") and body["metadata"]["name"] == name
    )


SPECS = [
    pytest.param({"replicas": 2}, id="replicas"),
    pytest.param({"shards": 3, "uses": "_index"}, id="shards"),
    pytest.param({"storage": {"size": "1Gi"}, "uses": "_index"}, id="storage"),
    pytest.param({"head": {"before": {"class": "_pass"}}}, id="a head"),
]


@pytest.mark.parametrize("spec", SPECS)
def test_a_pod_of_which_everything_runs_is_ready(spec: dict[str, Any]) -> None:
    cluster, _ = running(**spec)
    assert waiting(cluster, **spec) is None


@pytest.mark.parametrize("spec", SPECS)
def test_a_pod_of_which_nothing_is_there_is_not_ready(spec: dict[str, Any]) -> None:
    assert waiting(Cluster(), **spec) == reasons.STARTING


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        pytest.param({"observedGeneration": 0}, reasons.ROLLING_OUT, id="an edit that Kubernetes has not seen"),
        pytest.param({"updatedReplicas": 1}, reasons.ROLLING_OUT, id="a replica of the old version"),
        pytest.param({"replicas": 3}, reasons.ROLLING_OUT, id="a replica too many"),
        pytest.param({"readyReplicas": 1}, reasons.STARTING, id="a replica that is not ready"),
    ],
)
def test_a_workload_that_is_not_there_yet_is_not_ready(status: dict[str, int], reason: str) -> None:
    cluster, objects = running(replicas=2)
    body = workload(objects)
    body["status"] |= status
    cluster.put(body)
    assert waiting(cluster, replicas=2) == reason


def test_an_old_pea_that_is_ending_still_counts() -> None:
    cluster, objects = running(replicas=1)
    old = workload(objects)
    old = {**old, "spec": {"template": {"metadata": {"labels": {**old["spec"]["template"]["metadata"]["labels"]}}}}}
    old["spec"]["template"]["metadata"]["labels"][names.VERSION] = "older"
    cluster.start(old, "a-old")
    assert waiting(cluster, replicas=1) == reasons.ROLLING_OUT


def test_what_fails_in_the_newest_version_is_told_and_what_fails_in_an_older_one_is_not() -> None:
    cluster, objects = running(replicas=1)
    ended = [{"state": {"terminated": {"exitCode": 1, "message": "no such model"}}}]
    core_pod = cluster.start(workload(objects), "a-0", containerStatuses=ended, conditions=[])

    def failing() -> list[str]:
        return [found.message for found in pod_status.failing(pod_status.see(cluster.observed, KEY, parse_pod(pod())))]

    assert failing() == ["Pea a-0: no such model"]
    core_pod["metadata"]["labels"] = {**core_pod["metadata"]["labels"], names.VERSION: "older"}
    cluster.put(core_pod)
    assert failing() == []


@pytest.mark.parametrize(
    "condition",
    [
        {"type": "Progressing", "status": "False", "message": "timed out"},
        {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"},
    ],
    ids=["a rollout that takes too long", "core pods that may not be made"],
)
def test_a_rollout_that_kubernetes_has_given_up_is_told(condition: dict[str, str]) -> None:
    cluster, objects = running(replicas=1)
    body = workload(objects)
    body["status"] |= {"conditions": [condition]}
    cluster.put(body)
    seen = pod_status.see(cluster.observed, KEY, parse_pod(pod()))
    assert pod_status.failing(seen) == [(reasons.STUCK, f"a: {condition['message']}")]


def test_a_shard_that_cannot_be_found_is_named() -> None:
    cluster, objects = running(shards=3)
    peas = next(body for body in objects if body["metadata"]["name"] == "a-peas")
    cluster.lead(peas, without="a-1")
    seen = pod_status.see(cluster.observed, KEY, parse_pod(pod(shards=3)))
    found = first(pod_status.READY, seen)
    assert found is not None
    assert (found.reason, "shard 1" in found.message) == (reasons.NO_ENDPOINT, True)


def test_a_published_address_that_does_not_serve_does_not_count() -> None:
    cluster, objects = running(shards=2)
    key = Ref(kinds.ENDPOINT_SLICE, "default", "a-peas-slice")
    body = cluster.observed.get(key)
    assert body is not None
    body["endpoints"][0]["conditions"] = {"ready": True, "serving": False}
    cluster.put(body)
    assert waiting(cluster, shards=2) == reasons.NO_ENDPOINT
    assert workload(objects)["kind"] == "StatefulSet"


def unavailable(cluster: Cluster, **spec: Any) -> str | None:
    found = first(pod_status.AVAILABLE, pod_status.see(cluster.observed, KEY, parse_pod(pod(**spec))))
    return found.reason if found else None


@pytest.mark.parametrize("spec", SPECS)
def test_a_pod_is_available_while_every_shard_answers_in_some_version(spec: dict[str, Any]) -> None:
    cluster, objects = running(**spec)
    body = workload(objects)
    body["status"] |= {"updatedReplicas": 0, "readyReplicas": 1, "observedGeneration": 0}
    cluster.put(body)
    assert waiting(cluster, **spec) == reasons.ROLLING_OUT
    assert unavailable(cluster, **spec) is None
    assert unavailable(Cluster(), **spec) == reasons.NO_ENDPOINT


def test_a_pod_is_available_from_its_peas_while_it_gets_a_head() -> None:
    cluster, _ = running(replicas=1)
    assert unavailable(cluster, head={"before": {"class": "_pass"}}) is None


def test_a_pod_of_which_a_shard_is_missing_is_not_available() -> None:
    cluster, objects = running(shards=3)
    cluster.lead(next(body for body in objects if body["metadata"]["name"] == "a-peas"), without="a-1")
    assert unavailable(cluster, shards=3) == reasons.NO_ENDPOINT


def test_a_pod_scaled_to_zero_says_so_and_is_not_ready() -> None:
    cluster, _ = running(replicas=0)
    assert waiting(cluster, replicas=0) == reasons.SCALED_TO_ZERO


def test_what_scalers_read_is_told() -> None:
    cluster, _ = running(shards=2, uses="_index")
    told = pod_status.status(pod_status.see(cluster.observed, KEY, parse_pod(pod(shards=2, uses="_index"))))
    assert told == {
        "readyReplicas": 1,
        "replicas": 1,
        "readyShards": 2,
        "shards": 2,
        "volumes": [],
        "usedBy": [],
        "selector": "app.kubernetes.io/component=pea,peavine.dev/pod=a",
    }


INSIDE = [
    {"protocol": "grpc", "host": "f-gateway.default.svc", "port": 8081},
    {"protocol": "http", "host": "f-gateway.default.svc", "port": 8080},
]
"""Where clients in the cluster reach the Flow."""


def flow(*listed: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": "f", "namespace": "default"}
    return {
        "apiVersion": "peavine.dev/v1alpha1",
        "kind": "Flow",
        "metadata": metadata,
        "spec": {"pods": in_order(listed)},
    }


def running_flow(*listed: dict[str, Any], ready: bool = True) -> Cluster:
    """Return a cluster in which a Flow's gateway runs, and its Pods are ready or not."""
    cluster, parsed = Cluster(), parse(flow(*listed))
    cluster.run(render.flow_gateway(parsed, TARGET).every())
    told = conditions.conditions(1, Findings(waiting=None if ready else Finding(reasons.STARTING, "so far")))
    for body in render.flow_pods(parsed, TARGET):
        cluster.put({**body, "status": {"conditions": told}})
    return cluster


def seen_flow(cluster: Cluster, *listed: dict[str, Any]) -> flow_status.SeenFlow:
    return flow_status.see(cluster.observed, FLOW_KEY, parse(flow(*listed)), None)


def test_a_flow_of_which_everything_runs_is_ready() -> None:
    seen = seen_flow(running_flow({"name": "a"}), {"name": "a"})
    assert first(flow_status.READY, seen) is None
    assert flow_status.status(seen) == {"readyPods": 1, "pods": 1, "addresses": INSIDE}


def test_a_flow_is_available_while_the_pods_that_its_gateway_names_are() -> None:
    cluster = running_flow({"name": "a"})
    wider = seen_flow(cluster, {"name": "a"}, {"name": "b"})
    assert first(flow_status.READY, wider) is not None, "a Pod that its gateway does not name yet"
    assert first(flow_status.AVAILABLE, wider) is None
    body = cluster.observed.get(Ref(POD, "default", "f-a"))
    assert body is not None
    nothing = Finding(reasons.NO_ENDPOINT, "f-a: nothing takes requests")
    cluster.put({**body, "status": {"conditions": conditions.conditions(1, Findings(unavailable=nothing))}})
    found = first(flow_status.AVAILABLE, seen_flow(cluster, {"name": "a"}))
    assert found == (reasons.NO_ENDPOINT, "Pod f-a: f-a: nothing takes requests")


def test_a_flow_is_as_ready_as_its_pods() -> None:
    cluster = running_flow({"name": "a"}, ready=False)
    found = first(flow_status.READY, seen_flow(cluster, {"name": "a"}))
    assert found is not None
    assert found.reason == reasons.PODS_NOT_READY
    assert found.message == "Pod a: so far"


def test_a_flow_whose_gateway_waits_for_new_pods_says_so() -> None:
    held = Finding(reasons.WAITING_FOR_PODS, "the gateway goes on as before until these are ready: ['f-b']")
    seen = dataclasses.replace(seen_flow(running_flow({"name": "a"}), {"name": "a"}), held=held)
    assert first(flow_status.READY, seen) == held
    assert first(flow_status.SETTLED, seen) == held, "what the old plan names is still needed"


def test_what_a_pod_said_of_an_older_generation_does_not_count() -> None:
    cluster = running_flow({"name": "a"})
    body = cluster.observed.get(Ref(POD, "default", "f-a"))
    assert body is not None
    body["metadata"]["generation"] = 2
    cluster.put(body)
    found = first(flow_status.READY, seen_flow(cluster, {"name": "a"}))
    assert found is not None
    assert found.reason == reasons.PODS_NOT_READY


def test_what_is_refused_of_a_pod_is_told_with_its_path_in_the_flow() -> None:
    listed = ({"name": "a"}, {"name": "b"}, {"name": "c", "podRef": {"name": "shared"}})
    cluster = running_flow(*listed)
    refusals = {"f-b": "spec.podTemplate: no such field", "shared": "spec.podTemplate: belongs to whoever wrote it"}
    for name, message in refusals.items():
        told = conditions.conditions(1, Findings(refused=Finding(reasons.REFUSED, message)))
        metadata = {"name": name, "namespace": "default"}
        cluster.put({"apiVersion": API_VERSION, "kind": "Pod", "metadata": metadata, "status": {"conditions": told}})
    found = flow_status.refused(seen_flow(cluster, *listed))
    assert found == (reasons.REFUSED, "spec.pods[1].podTemplate: no such field")


def test_a_pod_that_is_referred_to_and_missing_is_named() -> None:
    listed = {"name": "a", "podRef": {"name": "shared"}}
    seen = seen_flow(running_flow(listed), listed)
    assert [(found.reason, '"shared"' in found.message) for found in flow_status.failing(seen)] == [
        (reasons.POD_MISSING, True)
    ]


@pytest.mark.parametrize(
    ("ingress", "host"),
    [
        ({"ip": "192.0.2.1"}, "192.0.2.1"),
        ({"ip": "2001:db8::1"}, "2001:db8::1"),
        ({"hostname": "lb.example.com"}, "lb.example.com"),
    ],
)
def test_a_load_balancers_address_is_in_the_status_before_that_in_the_cluster(
    ingress: dict[str, str], host: str
) -> None:
    cluster = running_flow({"name": "a"})
    body = cluster.observed.get(Ref(kinds.SERVICE, "default", "f-gateway"))
    assert body is not None
    body["status"] = {"loadBalancer": {"ingress": [ingress]}}
    cluster.put(body)
    outside = [{"protocol": "grpc", "host": host, "port": 8081}, {"protocol": "http", "host": host, "port": 8080}]
    assert flow_status.addresses(seen_flow(cluster, {"name": "a"})) == [*outside, *INSIDE]


def test_a_flow_whose_load_balancer_has_no_address_yet_is_ready_and_says_so() -> None:
    manifest = flow({"name": "a"})
    manifest["spec"]["gateway"] = {"service": {"type": "LoadBalancer"}}
    seen = flow_status.see(running_flow({"name": "a"}).observed, FLOW_KEY, parse(manifest), None)
    (ready, *_) = conditions.conditions(1, Findings(ready_message=flow_status.ready_message(seen)))
    assert ready["status"] == "True"
    assert "f-gateway has no address of a load balancer yet" in ready["message"]
    assert flow_status.addresses(seen) == INSIDE
