"""Who may connect to which core Pods, as Kubernetes reads the policies that are rendered: they add up."""

from __future__ import annotations

from typing import Any

import pytest

from peavine.flow.order import in_order
from peavine.spec import parse
from peavine_operator import kinds, names
from peavine_operator.acceptance import accept_pod
from peavine_operator.applying import owned
from peavine_operator.comparing import differences
from peavine_operator.render import Target, everything, pod_objects

TARGET = Target("default", "peavine/runtime:test")
GRPC, HTTP, METRICS = 8081, 8080, 9090
Labels = dict[str, str]
STRANGER: Labels = {"app": "shop"}


def gateway(flow: str) -> Labels:
    return names.labels("gateway", flow=flow)


def head(pod: str) -> Labels:
    return names.labels("head", pod=pod)


def pea(pod: str) -> Labels:
    return names.labels("pea", pod=pod)


def flow(name: str, *pods: dict[str, Any]) -> list[dict[str, Any]]:
    manifest = {"metadata": {"name": name}, "spec": {"pods": in_order(pods)}}
    return everything(parse(manifest), TARGET)


def alone(name: str, target: Target = TARGET) -> list[dict[str, Any]]:
    pod = {"apiVersion": "peavine.dev/v1alpha1", "kind": "Pod", "metadata": {"name": name}, "spec": {}}
    return pod_objects(accept_pod(pod), target).every()


def policies(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [body["spec"] for body in objects if kinds.of(body) == kinds.NETWORK_POLICY]


def selects(selector: dict[str, Any], labels: Labels) -> bool:
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(each["key"]) in each["values"] for each in selector.get("matchExpressions", ())
    )


def admitted(objects: list[dict[str, Any]], to: Labels, by: Labels) -> set[int]:
    """Return the ports of a core Pod that another one reaches."""
    policies_of_it = [policy for policy in policies(objects) if selects(policy["podSelector"], to)]
    assert policies_of_it, f"no policy is about {to}, so everybody reaches it"
    return {
        port["port"]
        for policy in policies_of_it
        for rule in policy["ingress"]
        if "from" not in rule or any(selects(each["podSelector"], by) for each in rule["from"])
        for port in rule["ports"]
    }


def test_everybody_reaches_a_gateway_and_nobody_but_it_the_peas() -> None:
    objects = flow("f", {"name": "a"})
    assert admitted(objects, gateway("f"), STRANGER) == {GRPC, HTTP, METRICS}
    assert admitted(objects, pea("f-a"), gateway("f")) == {GRPC, METRICS}
    for other in (STRANGER, gateway("g"), pea("f-a"), head("f-b")):
        assert admitted(objects, pea("f-a"), other) == {METRICS}, other


def test_the_head_of_a_pod_reaches_its_peas_and_the_gateway_reaches_the_head() -> None:
    objects = flow("f", {"name": "a", "shards": 2}, {"name": "b"})
    assert GRPC in admitted(objects, pea("f-a"), head("f-a"))
    assert GRPC in admitted(objects, head("f-a"), gateway("f"))
    assert admitted(objects, head("f-a"), STRANGER) == {METRICS}
    assert admitted(objects, pea("f-b"), head("f-a")) == {METRICS}
    assert admitted(objects, names.labels("rehearsal", pod="f-a"), STRANGER) == {METRICS}


def test_a_pod_of_its_own_is_reached_by_the_flows_that_refer_to_it() -> None:
    referring = {"podRef": {"name": "shared"}}
    objects = [*alone("shared"), *flow("f", {"name": "a", **referring}), *flow("g", {"name": "a"})]
    assert GRPC in admitted(objects, pea("shared"), gateway("f"))
    for other in (gateway("g"), STRANGER):
        assert admitted(objects, pea("shared"), other) == {METRICS}, other


def test_a_flow_that_refers_to_a_pod_of_another_flow_reaches_it() -> None:
    objects = [*flow("f", {"name": "a"}), *flow("g", {"name": "b", "podRef": {"name": "f-a"}})]
    assert GRPC in admitted(objects, pea("f-a"), gateway("f"))
    assert GRPC in admitted(objects, pea("f-a"), gateway("g"))


def test_gateways_of_an_older_version_keep_their_policy_while_they_run() -> None:
    old, new = (flow("f", {"name": "a", "podRef": {"name": name}}) for name in ("shared", "other"))
    before, after = (
        {body["metadata"]["name"] for body in objects if kinds.of(body) == kinds.NETWORK_POLICY}
        for objects in (old, new)
    )
    assert before & after == {"f-gateway"}
    assert len(before | after) == 3


def test_where_policies_are_switched_off_there_are_none() -> None:
    manifest = {"metadata": {"name": "f"}, "spec": {"pods": [{"name": "a", "podRef": {"name": "b"}}]}}
    target = Target("default", "i", network_policies=False)
    assert policies(everything(parse(manifest), target)) == []
    assert policies(alone("a", target)) == []


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"podSelector": {"matchLabels": {names.POD: "shared", "more": "labels"}}}, id="fewer core Pods"),
        pytest.param({"policyTypes": ["Ingress", "Egress"]}, id="what they connect to"),
        pytest.param({"ingress": [{}]}, id="everybody"),
    ],
)
def test_what_somebody_changes_in_a_policy_is_noticed(change: dict[str, Any]) -> None:
    wanted = _applied(alone("shared"))
    assert differences(wanted, wanted) == []
    assert differences(wanted, {**wanted, "spec": {**wanted["spec"], **change}})


def test_a_caller_from_other_namespaces_is_noticed() -> None:
    wanted = _applied(alone("shared"))
    rule, *rest = wanted["spec"]["ingress"]
    wider = [{**rule["from"][0], "namespaceSelector": {}}]
    assert differences(wanted, {**wanted, "spec": {**wanted["spec"], "ingress": [{**rule, "from": wider}, *rest]}})


def _applied(objects: list[dict[str, Any]]) -> dict[str, Any]:
    (policy,) = (body for body in objects if kinds.of(body) == kinds.NETWORK_POLICY)
    owner = {"apiVersion": "peavine.dev/v1alpha1", "kind": "Pod", "metadata": {"name": "shared", "uid": "1"}}
    return owned(policy, owner)
