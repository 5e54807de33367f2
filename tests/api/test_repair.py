"""Level-based: what is and what should be are compared, not what happened. Nothing to do means nothing is written."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.plane import Plane
from peavine_operator import kinds
from tests.api.client import Object, Space
from tests.api.controllers import collect, orphan, settle
from tests.api.flows import Flow, two
from tests.api.operators import OTHER_USER, Operator
from tests.cluster.audit import Audit
from tests.cluster.flow import manifest
from tests.cluster.kube import name, until

CHILDREN = (
    (kinds.DEPLOYMENT, "pictures-stamp"),
    (kinds.DEPLOYMENT, "pictures-gateway"),
    (kinds.DEPLOYMENT, "pictures-index-head"),
    (kinds.STATEFUL_SET, "pictures-index"),
    (kinds.SERVICE, "pictures-gateway"),
    (kinds.SERVICE, "pictures-index"),
    (kinds.POD, "pictures-stamp"),
    (kinds.SERVICE_ACCOUNT, "pictures-gateway"),
    (kinds.DISRUPTION_BUDGET, "pictures-gateway"),
    (kinds.NETWORK_POLICY, "pictures-gateway"),
    (kinds.NETWORK_POLICY, "pictures-index"),
)


def test_whatever_is_deleted_is_back(flow: Flow) -> None:
    space = flow.space
    (config, *_) = space.all(kinds.CONFIG_MAP, "peavine.dev/flow=pictures")
    children = (*CHILDREN, (kinds.CONFIG_MAP, name(config)))
    before = {child: space.must(*child)["metadata"]["uid"] for child in children}
    for child in children:
        space.delete(*child)

    def back() -> bool:
        missing = [str(child) for child in children if space.get(*child) is None]
        assert missing == []
        return all(space.must(*child)["metadata"]["uid"] != before[child] for child in children)

    until("all are back", back)
    collect(space)  # what the deleted Pod resource owned
    flow.wait_ready()


EDITS: dict[str, tuple[kinds.Kind, str, list[dict[str, Any]]]] = {
    "an image": (
        kinds.DEPLOYMENT,
        "pictures-stamp",
        [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "localhost/other:1"}],
    ),
    "replicas": (kinds.DEPLOYMENT, "pictures-stamp", [{"op": "replace", "path": "/spec/replicas", "value": 5}]),
    "a port": (kinds.SERVICE, "pictures-gateway", [{"op": "replace", "path": "/spec/ports/0/port", "value": 9999}]),
    "a Pod of a Flow": (kinds.POD, "pictures-stamp", [{"op": "replace", "path": "/spec/uses", "value": "_index"}]),
    "a selector": (
        kinds.SERVICE,
        "pictures-index",
        [{"op": "replace", "path": "/spec/selector", "value": {"app": "another"}}],
    ),
    "a label more in a selector": (
        kinds.SERVICE,
        "pictures-gateway",
        [{"op": "add", "path": "/spec/selector/app", "value": "another"}],
    ),
    "a caller more in a policy": (
        kinds.NETWORK_POLICY,
        "pictures-index",
        [{"op": "add", "path": "/spec/ingress/0/from/-", "value": {"namespaceSelector": {}}}],
    ),
    "a paused rollout": (kinds.DEPLOYMENT, "pictures-stamp", [{"op": "add", "path": "/spec/paused", "value": True}]),
    "a partitioned rollout": (
        kinds.STATEFUL_SET,
        "pictures-index",
        [{"op": "add", "path": "/spec/updateStrategy/rollingUpdate", "value": {"partition": 2}}],
    ),
    "a switch of a Pod of a Flow": (
        kinds.POD,
        "pictures-stamp",
        [{"op": "add", "path": "/spec/readOnly", "value": True}],
    ),
    "a file more in a Pod of a Flow": (
        kinds.POD,
        "pictures-stamp",
        [{"op": "add", "path": "/spec/files", "value": {"more.py": "x = 1"}}],
    ),
}


@pytest.mark.parametrize(("kind", "called", "edit"), EDITS.values(), ids=EDITS.keys())
def test_an_edit_by_hand_is_undone(
    space: Space, operator: Operator, kind: kinds.Kind, called: str, edit: list[dict[str, Any]]
) -> None:
    Flow(space).apply(two())

    def spec() -> Object:
        found: Object = space.must(kind, called)["spec"]
        return found

    before = until(f"{called} is there", spec)
    space.patch(kind, called, edit)
    until("it is as it was", lambda: spec() == before)


def test_a_config_that_somebody_forged_for_the_next_version_is_not_used(flow: Flow) -> None:
    space, edited = flow.space, two()
    edited["spec"]["pods"][0]["env"] = [{"name": "A", "value": "next"}]
    edited["spec"]["pods"][0]["maxDocuments"] = 7

    def configs() -> dict[str, Object]:
        return {name(item): item for item in space.all(kinds.CONFIG_MAP, "peavine.dev/pod=pictures-stamp")}

    def asks_for(text: str) -> bool:
        template = space.must(kinds.DEPLOYMENT, "pictures-stamp")["spec"]["template"]
        return text in str(template["spec"]["containers"][0].get("env"))

    before = set(configs())
    flow.apply(edited)
    (new,) = until("the next version's ConfigMap", lambda: set(configs()) - before)
    until("the next version", lambda: asks_for("next"))
    right = configs()[new]
    flow.apply(two())  # nothing rolls out, so the ConfigMap stays
    until("the version before", lambda: not asks_for("next"))
    space.delete(kinds.CONFIG_MAP, new)
    kept = {key: right["metadata"][key] for key in ("name", "labels", "annotations", "ownerReferences")}
    space.create(kinds.CONFIG_MAP, {**right, "metadata": kept, "data": dict.fromkeys(right["data"], "{}")})
    flow.apply(edited)
    until("it is as the operator makes it", lambda: configs().get(new, {}).get("data") == right["data"])
    flow.wait_ready()


def test_what_runs_is_repaired_while_an_edit_is_invalid(flow: Flow) -> None:
    space = flow.space
    flow.edit("/spec/pods/0/uses", "encode.yml")
    flow.wait_for("Accepted", "False", "Invalid")
    space.delete(kinds.SERVICE, "pictures-gateway")
    space.delete(kinds.POD, "pictures-stamp")
    space.delete(kinds.DEPLOYMENT, "pictures-gateway")

    def serves() -> bool:
        collect(space)
        settle(space)
        found = flow.resource
        return found is not None and found["status"]["readyPods"] == 2

    until("the Pods are ready again", serves)
    assert space.get(kinds.SERVICE, "pictures-gateway")
    assert space.get(kinds.DEPLOYMENT, "pictures-gateway")
    assert flow.condition("Ready")["reason"] == "Invalid"
    assert space.must(kinds.POD, "pictures-stamp")["spec"]["uses"] == "_pass"


def test_what_lost_its_owner_is_taken_up_by_a_flow_of_the_same_name(flow: Flow) -> None:
    space = flow.space
    gateway = space.must(kinds.DEPLOYMENT, "pictures-gateway")["metadata"]
    owner = space.must(kinds.FLOW, "pictures")
    space.delete(kinds.FLOW, "pictures")
    orphan(space, owner)
    flow.apply(two())
    flow.wait_ready()
    taken = space.must(kinds.DEPLOYMENT, "pictures-gateway")["metadata"]
    assert taken["uid"] == gateway["uid"]
    assert taken["ownerReferences"] != gateway["ownerReferences"]


def test_what_others_add_to_a_child_is_left_alone(flow: Flow, operator: Operator, server: Plane) -> None:
    space, note = flow.space, {"example.com/note": "mine"}
    space.patch(kinds.SERVICE, "pictures-gateway", {"metadata": {"annotations": note}})
    audit, before = Audit(server.audit_log), operator.looks()
    flow.touch("once")
    operator.wait_until_it_looked(before)
    assert note.items() <= space.must(kinds.SERVICE, "pictures-gateway")["metadata"]["annotations"].items()
    assert audit.writes() == []


def test_an_operator_that_looks_at_everything_again_writes_nothing(flow: Flow, server: Plane) -> None:
    audit = Audit(server.audit_log)
    watched = {"watch_namespaces": flow.space.namespace, "lease_name": "another"}
    second = Operator(server.kubeconfig(OTHER_USER), "second", **watched)
    try:
        second.wait_until_leading()
        until("it looked at the Pods", lambda: second.looks("Pod") >= 2)
        second.wait_until_it_looked(0)
        assert second.terminate() == 0
    finally:
        second.close()
    assert audit.writes(OTHER_USER) == []


def test_an_unchanged_manifest_leads_to_no_writes(flow: Flow, operator: Operator, server: Plane) -> None:
    before = flow.space.must(kinds.FLOW, "pictures")["metadata"]["resourceVersion"]
    audit, looked = Audit(server.audit_log), operator.looks()
    flow.apply(two())
    assert flow.space.must(kinds.FLOW, "pictures")["metadata"]["resourceVersion"] == before
    flow.touch("unchanged")
    operator.wait_until_it_looked(looked)
    assert audit.writes() == []


def test_what_a_manifest_no_longer_asks_for_is_deleted(flow: Flow) -> None:
    space = flow.space
    flow.apply(manifest(pods=[{"name": "stamp", "uses": "_pass"}], gateway={"replicas": 1}))
    flow.wait_ready()

    def gone() -> bool:
        collect(space)
        settle(space)
        left = [name(item) for kind in (kinds.POD, kinds.STATEFUL_SET, kinds.SERVICE) for item in space.all(kind)]
        assert [each for each in left if "index" in each] == []
        assert len(space.all(kinds.CONFIG_MAP, "peavine.dev/flow=pictures")) == 1, "the old plan is there"
        return True

    until("nothing of the Pod is left", gone)
    assert space.get(kinds.POD, "pictures-stamp")
