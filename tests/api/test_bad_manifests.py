"""What is reported of a wrong manifest: by the API server at once where the rule is cheap, else by the status."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from peavine_operator import kinds
from tests.api.client import DEFINITION, POLICY, POLICY_BINDING, QUOTA, Api, Refused, Space
from tests.api.flows import Flow
from tests.api.operators import Operator
from tests.cluster.flow import manifest
from tests.cluster.kube import until


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
def anywhere(api: Api) -> Space:
    """Nothing is kept of what these tests try, so they need no namespace of their own."""
    return Space(api, "default")


@pytest.mark.parametrize(("wrong", "told"), REFUSED.values(), ids=REFUSED.keys())
def test_the_api_server_refuses(anywhere: Space, wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(Refused) as refusal:
        anywhere.create(kinds.FLOW, wrong, dryRun="All")
    assert told in str(refusal.value)


@pytest.mark.parametrize(("path", "value", "told"), CHANGES.values(), ids=CHANGES.keys())
def test_the_api_server_refuses_a_change_of(space: Space, path: str, value: object, told: str) -> None:
    flow = Flow(space)
    flow.apply(manifest())
    with pytest.raises(Refused) as refusal:
        flow.edit(path, value)
    assert told in str(refusal.value)


def rules(schema: Any) -> Iterator[str]:
    """Yield the messages of all rules in a schema."""
    if isinstance(schema, Mapping):
        yield from (rule["message"] for rule in schema.get("x-kubernetes-validations", ()))
    if isinstance(schema, Mapping | list):
        for part in schema.values() if isinstance(schema, Mapping) else schema:
            yield from rules(part)


@pytest.mark.parametrize("resource", ["flows", "peapods"])
def test_every_rule_is_broken_here(anywhere: Space, resource: str) -> None:
    told = {str(case[-1]) for case in (*REFUSED.values(), *CHANGES.values())}
    found = set(rules(anywhere.must(DEFINITION, f"{resource}.peavine.dev")))
    assert found
    assert {message for message in found if not any(words in message for words in told)} == set()


@pytest.fixture
def flow(space: Space, operator: Operator) -> Flow:
    """A Flow that an operator looks at."""
    return Flow(space)


@pytest.mark.parametrize(("wrong", "told"), UNACCEPTED.values(), ids=UNACCEPTED.keys())
def test_the_status_reports(flow: Flow, wrong: dict[str, Any], told: tuple[str, ...]) -> None:
    flow.apply(wrong)
    flow.wait_for("Accepted", "False", "Invalid", *told)
    assert flow.condition("Ready")["status"] == "False"
    assert flow.space.all(kinds.DEPLOYMENT) + flow.space.all(kinds.STATEFUL_SET) == []


TEMPLATE = {"spec": {"tolerations": [{"operator": "Sometimes"}]}}


def not_accepted(flow: Flow, reason: str, *told: str) -> None:
    """Wait until the status says why the manifest cannot be carried out."""
    flow.wait_for("Accepted", "False", reason, *told)
    assert flow.condition("Ready")["status"] == "False"


def test_a_pod_template_that_kubernetes_refuses_is_reported_with_its_path_in_the_flow(flow: Flow) -> None:
    flow.apply(manifest(pods=[{"name": "first"}, {"name": "only", "podTemplate": TEMPLATE}]))
    not_accepted(flow, "Refused", "spec.pods[1].podTemplate: ", "Sometimes")


def test_so_is_that_of_a_gateway(flow: Flow) -> None:
    flow.apply(manifest(pods=[{"name": "only"}], gateway={"podTemplate": TEMPLATE}))
    not_accepted(flow, "Refused", "spec.gateway.podTemplate: ", "Sometimes")


def test_what_a_quota_forbids_is_reported_and_done_when_it_is_allowed(flow: Flow) -> None:
    space, hard = flow.space, {"count/services": "0"}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": hard}}
    space.create(QUOTA, quota)
    space.status(QUOTA, "none", {"hard": hard, "used": hard})  # as the controller of quotas does
    flow.apply(manifest(pods=[{"name": "only"}]))
    not_accepted(flow, "Refused", "exceeded quota")
    space.delete(QUOTA, "none")
    flow.wait_ready()


def test_what_a_policy_forbids_is_reported_and_done_when_it_is_allowed(flow: Flow) -> None:
    space = flow.space
    called, message = f"no-gateways.{space.namespace}", "gateways are not allowed here"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["services"]}
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [rule],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": space.namespace}},
        },
        "validations": [{"expression": "!object.metadata.name.endsWith('-gateway')", "message": message}],
    }
    head = {"apiVersion": POLICY.api_version, "metadata": {"name": called}}
    space.create(POLICY, {**head, "kind": POLICY.name, "spec": spec})
    bound = {"policyName": called, "validationActions": ["Deny"]}
    space.create(POLICY_BINDING, {**head, "kind": POLICY_BINDING.name, "spec": bound})

    def is_in_force() -> bool:
        probe = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "probe-gateway"}}
        try:
            space.create(kinds.SERVICE, {**probe, "spec": {"ports": [{"port": 80}]}}, dryRun="All")
        except Refused as error:
            return message in str(error)
        return False

    try:
        until("the policy is in force", is_in_force)
        flow.apply(manifest(pods=[{"name": "only"}]))
        not_accepted(flow, "Refused", "spec.gateway: ", message)
    finally:
        space.delete(POLICY_BINDING, called)
        space.delete(POLICY, called)
    until("the policy is no longer in force", lambda: not is_in_force())
    flow.touch("allowed")  # else the operator tries again only when its backoff is over
    flow.wait_ready()


def test_a_name_that_is_taken_is_reported_and_used_when_it_is_free(flow: Flow) -> None:
    space = flow.space
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "pictures-only"}}
    space.create(kinds.SERVICE, {**service, "spec": {"ports": [{"port": 80}]}})
    flow.apply(manifest(pods=[{"name": "only"}]))
    not_accepted(flow, "NameTaken", "spec.pods[0].name: Service pictures-only belongs to somebody else")
    space.delete(kinds.SERVICE, "pictures-only")
    flow.wait_ready()
