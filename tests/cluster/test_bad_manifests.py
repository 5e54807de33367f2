"""What a user is told of a manifest that is wrong: by kubectl at once where the rule is cheap, else by the status."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from tests.cluster.flow import Flow, manifest
from tests.cluster.kube import Kube, Refused, condition, until


def one(**pod: Any) -> dict[str, Any]:
    """Return a manifest with one Pod that is wrong."""
    return manifest(pods=[{"name": "index", "uses": "_index", **pod}])


def two(**second: Any) -> dict[str, Any]:
    return manifest(pods=[{"name": "first"}, {"name": "second", **second}])


def service(**fields: Any) -> dict[str, Any]:
    return manifest(gateway={"service": fields})


VOLUME = {"size": "100Mi"}
SNAPSHOT = {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "yesterday"}
REFUSED = {
    "an unknown field": (one(shard=2), 'unknown field "spec.pods[0].shard"'),
    "a field of a wrong type": (one(shards="two"), "spec.pods[0].shards"),
    "a number out of bounds": (one(shards=0), "should be greater than or equal to 1"),
    "a word that is none of those allowed": (one(onError="Ignore"), 'supported values: "Fail", "Skip"'),
    "no Pods": (manifest(pods=[]), "should have at least 1 items"),
    "a name that cannot be a DNS label": (manifest(pods=[{"name": "My Pod"}]), "spec.pods[0].name"),
    "a name twice": (manifest(pods=[{"name": "a", "needs": ["gateway"]}] * 2), "Duplicate value"),
    "a Pod called gateway": (manifest(pods=[{"name": "gateway"}]), "gateway is the start of the graph"),
    "a need that is not there": (two(needs=["frist"]), "a Pod needs one that is not in the Flow"),
    "a need that is named twice": (two(needs=["first", "first"]), "Duplicate value"),
    "Pods that only their order links": (
        {**manifest(), "spec": {"pods": [{"name": "first"}, {"name": "second"}]}},
        "the order of Pods has no meaning",
    ),
    "a Pod that needs itself": (two(needs=["second"]), "a Pod cannot need itself"),
    "shards with replicas": (one(shards=2, replicas=2), "a shard has one writer, so shards > 1 excludes replicas > 1"),
    "a volume with replicas": (one(storage=VOLUME, replicas=2), "a volume has one writer"),
    "a volume whose writes may be skipped": (one(storage=VOLUME, onError="Skip"), "storage excludes onError Skip"),
    "autoscaling with replicas": (
        one(autoscaling={"maxReplicas": 3}, replicas=2),
        "the autoscaler owns the number of replicas",
    ),
    "autoscaling of shards": (one(autoscaling={"maxReplicas": 3}, shards=2), "autoscaling excludes shards > 1"),
    "an autoscaler that wants more than its most": (
        one(autoscaling={"minReplicas": 5, "maxReplicas": 3}),
        "minReplicas is more than maxReplicas",
    ),
    "a rollout that can take no step": (one(rollout={"maxSurge": 0}), "no replica could ever be replaced"),
    "a rollout of shards": (one(rollout={"maxUnavailable": 1}, shards=2), "is replaced in its place, one at a time"),
    "a share that is too large": (one(rollout={"maxSurge": "200%"}), "spec.pods[0].rollout.maxSurge"),
    "a variable with two values": (
        one(env=[{"name": "A", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]),
        "has value and valueFrom; leave one out",
    ),
    "an image that is named twice": (one(uses="docker://a", image="b"), "the image is named under uses already"),
    "an Executor that is named twice": (
        one(executor={"class": "_pass"}),
        "uses and executor.class both name an Executor; leave one of the two out",
    ),
    "a head where there is none": (one(head={"replicas": 2}), "this Pod has no head"),
    "variables from two objects at once": (
        one(envFrom=[{"configMapRef": {"name": "a"}, "secretRef": {"name": "b"}}]),
        "names one of configMapRef and secretRef",
    ),
    "equal ports": (service(ports={"grpc": 80, "http": 80}), "grpc and http are the same port"),
    "a class of load balancers for another Service": (
        service(loadBalancerClass="example.com/inner"),
        "loadBalancerClass needs type LoadBalancer",
    ),
    "source ranges for another Service": (
        service(loadBalancerSourceRanges=["10.0.0.0/8"]),
        "loadBalancerSourceRanges needs type LoadBalancer",
    ),
    "a policy of outer traffic for a Service within": (
        service(externalTrafficPolicy="Local"),
        "externalTrafficPolicy needs type NodePort or LoadBalancer",
    ),
    "autoscaling of gateways with replicas": (
        manifest(gateway={"autoscaling": {"maxReplicas": 3}, "replicas": 2}),
        "the autoscaler owns the number of replicas",
    ),
}
CHANGES = {
    "shards": ("/spec/pods/1/shards", 3, "the number of shards cannot change yet"),
    "the size of a volume": ("/spec/pods/1/storage/size", "1Gi", "the size of a volume cannot change yet"),
    **{
        f"the {field} of a volume": (f"/spec/pods/1/storage/{field}", value, f"the {field} of a volume cannot change")
        for field, value in (
            ("storageClassName", "fast"),
            ("accessModes", ["ReadWriteOncePod"]),
            ("dataSourceRef", SNAPSHOT),
            ("volumeAttributesClassName", "quick"),
        )
    },
    "storage": ("/spec/pods/0/storage", VOLUME, "storage cannot be added or taken away"),
}
UNACCEPTED = {
    "a size that is no quantity": (one(storage={"size": "much"}), ("spec.pods[0].storage.size",)),
    "a cycle": (
        manifest(
            pods=[{"name": "a", "needs": ["b"]}, {"name": "b", "needs": ["a"]}, {"name": "c", "needs": ["a", "b"]}]
        ),
        ("spec.pods[0].needs: is a cycle: a needs b needs a",),
    ),
    "a Pod whose answer is lost": (
        manifest(pods=[{"name": "a"}, {"name": "b"}, {"name": "c", "needs": ["a"]}]),
        ('spec.pods[1]: no Pod needs "b", so its answer would be lost',),
    ),
    "a file name, which a cluster does not have": (one(uses="encode.yml"), ("spec.pods[0].uses", "peavine convert")),
    "a timeout that is longer than the Flow's": (one(timeoutSeconds=99), ("longer than the whole Flow's 30 s",)),
    "three mistakes, all of which are told": (
        manifest(
            pods=[
                {"name": "a", "uses": "encode.yml"},
                {"name": "b", "timeoutSeconds": 99},
                {"name": "c", "needs": ["a"]},
            ]
        ),
        ("spec.pods[0].uses", "spec.pods[1].timeoutSeconds", "spec.pods[1]: no Pod needs"),
    ),
}


@pytest.fixture(scope="module")
def anywhere(installed: None) -> Kube:
    """Nothing is kept of what these tests try, so they need no namespace of their own."""
    return Kube("default")


@pytest.mark.parametrize(("wrong", "told"), REFUSED.values(), ids=REFUSED.keys())
def test_kubectl_refuses(anywhere: Kube, wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(Refused) as refusal:
        anywhere.run("apply", "-f", "-", text=yaml.safe_dump(wrong))
    assert told in str(refusal.value)


@pytest.mark.parametrize(("path", "value", "told"), CHANGES.values(), ids=CHANGES.keys())
def test_kubectl_refuses_a_change_of(flow: Flow, kube: Kube, path: str, value: object, told: str) -> None:
    kube.apply(manifest())
    with pytest.raises(Refused) as refusal:
        flow.edit({"op": "add", "path": path, "value": value})
    assert told in str(refusal.value)


def rules(schema: Any) -> Iterator[str]:
    """Yield the messages of all rules in a schema."""
    if isinstance(schema, Mapping):
        yield from (rule["message"] for rule in schema.get("x-kubernetes-validations", ()))
    if isinstance(schema, Mapping | list):
        for part in schema.values() if isinstance(schema, Mapping) else schema:
            yield from rules(part)


@pytest.mark.parametrize("resource", ["flows", "peapods"])
def test_every_rule_is_broken_here(anywhere: Kube, resource: str) -> None:
    told = {str(case[-1]) for case in (*REFUSED.values(), *CHANGES.values())}
    found = set(rules(anywhere.must("customresourcedefinition", f"{resource}.peavine.dev")))
    assert found
    assert {message for message in found if not any(words in message for words in told)} == set()


@pytest.mark.parametrize(("wrong", "told"), UNACCEPTED.values(), ids=UNACCEPTED.keys())
def test_the_status_tells_of(flow: Flow, kube: Kube, wrong: dict[str, Any], told: tuple[str, ...]) -> None:
    kube.apply(wrong)

    def accepted() -> str:
        found = condition(flow.resource, "Accepted")
        return found["message"] if found["status"] == "False" else ""

    message = until("Accepted is False", accepted)
    assert [words for words in told if words not in message] == []
    assert condition(flow.resource, "Ready")["status"] == "False"
    assert kube.all("deployments,statefulsets") == []


TEMPLATE = {"spec": {"tolerations": [{"operator": "Sometimes"}]}}
QUOTA = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}}
SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "pictures-only"}}


def not_accepted(flow: Flow, reason: str, *told: str) -> None:
    """Wait until the status says why the manifest cannot be carried out."""

    def says() -> bool:
        found = condition(flow.resource, "Accepted")
        assert (found["status"], found["reason"]) == ("False", reason)
        assert [words for words in told if words not in found["message"]] == []
        return True

    until("Accepted is False", says)
    assert condition(flow.resource, "Ready")["status"] == "False"


def test_a_pod_template_that_kubernetes_refuses_is_told_with_its_path_in_the_flow(flow: Flow, kube: Kube) -> None:
    kube.apply(manifest(pods=[{"name": "first"}, {"name": "only", "podTemplate": TEMPLATE}]))
    not_accepted(flow, "Refused", "spec.pods[1].podTemplate: ", "Sometimes")


def test_so_is_that_of_a_gateway(flow: Flow, kube: Kube) -> None:
    kube.apply(manifest(pods=[{"name": "only"}], gateway={"podTemplate": TEMPLATE}))
    not_accepted(flow, "Refused", "spec.gateway.podTemplate: ", "Sometimes")


def test_what_a_quota_forbids_is_told_and_done_when_it_may_be(flow: Flow, kube: Kube) -> None:
    kube.apply({**QUOTA, "spec": {"hard": {"count/services": "0"}}})
    until("the quota counts", lambda: kube.must("resourcequota", "none").get("status", {}).get("hard"))
    kube.apply(manifest(pods=[{"name": "only"}]))
    not_accepted(flow, "Refused", "exceeded quota")
    kube.delete("resourcequota", "none")
    flow.wait_ready()


def test_a_name_that_is_taken_is_told_and_used_when_it_is_free(flow: Flow, kube: Kube) -> None:
    kube.apply({**SERVICE, "spec": {"ports": [{"port": 80}]}})
    kube.apply(manifest(pods=[{"name": "only"}]))
    not_accepted(flow, "NameTaken", "spec.pods[0].name: Service pictures-only belongs to somebody else")
    kube.delete("service", "pictures-only")
    flow.wait_ready()
