"""Level-based: what is and what should be are compared, not what happened. Nothing to do means nothing is written."""

from __future__ import annotations

import time
from typing import Any

import pytest
import yaml

from peavine.spec import Pod, parse
from peavine_operator.applying import owned
from peavine_operator.render import Target, flow_pods, pod_objects
from tests.cluster import install
from tests.cluster.audit import Audit
from tests.cluster.flow import Flow, manifest
from tests.cluster.kube import Kube, Object, condition, name, until
from tests.cluster.leader import looks, metric, wait_until_it_looked


@pytest.fixture(scope="module")
def serving(shared: Kube) -> Flow:
    """A Flow that is up, shared by these tests: each leaves it Ready."""
    flow = Flow(shared)
    shared.apply(manifest())
    flow.wait_ready()
    return flow


CHILDREN = (
    "deployment pictures-stamp",
    "deployment pictures-gateway",
    "deployment pictures-index-head",
    "statefulset pictures-index",
    "service pictures-gateway",
    "service pictures-index",
    "peapods.peavine.dev pictures-stamp",
    "serviceaccount pictures-gateway",
    "poddisruptionbudget pictures-gateway",
    "networkpolicy pictures-gateway",
    "networkpolicy pictures-index",
)


@pytest.mark.parametrize("child", CHILDREN)
def test_a_deleted_child_is_back(serving: Flow, child: str) -> None:
    kube, (kind, called) = serving.kube, child.split()
    before = kube.must(kind, called)["metadata"]["uid"]
    began = time.monotonic()
    kube.delete(kind, called)

    def back() -> bool:
        found = kube.get(kind, called)
        return found is not None and found["metadata"]["uid"] != before

    until(f"{child} back", back)
    print(f"{child} back after {time.monotonic() - began:.1f} s")
    serving.wait_ready()


def test_a_deleted_config_is_back(serving: Flow) -> None:
    kube = serving.kube
    called = name(kube.all("configmaps", "peavine.dev/flow=pictures")[0])
    kube.delete("configmap", called)
    until("the ConfigMap back", lambda: kube.get("configmap", called))


EDITS: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "an image": (
        "deployment pictures-stamp",
        [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "localhost/other:1"}],
    ),
    "replicas": ("deployment pictures-stamp", [{"op": "replace", "path": "/spec/replicas", "value": 5}]),
    "a port": ("service pictures-gateway", [{"op": "replace", "path": "/spec/ports/0/port", "value": 9999}]),
    "a Pod of a Flow": (
        "peapods.peavine.dev pictures-stamp",
        [{"op": "replace", "path": "/spec/uses", "value": "_pass"}],
    ),
    "a selector": (
        "service pictures-index",
        [{"op": "replace", "path": "/spec/selector", "value": {"app": "another"}}],
    ),
    "a label more in a selector": (
        "service pictures-gateway",
        [{"op": "add", "path": "/spec/selector/app", "value": "another"}],
    ),
    "a caller more in a policy": (
        "networkpolicy pictures-index",
        [{"op": "add", "path": "/spec/ingress/0/from/-", "value": {"namespaceSelector": {}}}],
    ),
    "a paused rollout": ("deployment pictures-stamp", [{"op": "add", "path": "/spec/paused", "value": True}]),
    "a partitioned rollout": (
        "statefulset pictures-index",
        [{"op": "replace", "path": "/spec/updateStrategy/rollingUpdate/partition", "value": 2}],
    ),
    "a switch of a Pod of a Flow": (
        "peapods.peavine.dev pictures-stamp",
        [{"op": "replace", "path": "/spec/readOnly", "value": True}],
    ),
    "a file more in a Pod of a Flow": (
        "peapods.peavine.dev pictures-stamp",
        [{"op": "add", "path": "/spec/files/more.py", "value": "x = 1"}],
    ),
}


@pytest.mark.parametrize(("child", "edit"), EDITS.values(), ids=EDITS.keys())
def test_an_edit_by_hand_is_undone(serving: Flow, child: str, edit: list[dict[str, Any]]) -> None:
    kube, (kind, called) = serving.kube, child.split()

    def spec() -> Object:
        found: Object = kube.must(kind, called)["spec"]
        return found

    before = spec()
    kube.patch(kind, called, edit)
    began = time.monotonic()
    until("it is as it was", lambda: spec() == before)
    print(f"undone after {time.monotonic() - began:.1f} s")
    serving.wait_ready()


def touch(flow: Flow) -> None:
    """Make the operator look at a Flow that has not changed, and wait until it has."""
    before = looks()
    flow.kube.run("label", "flows.peavine.dev", flow.name, f"touched={before:.0f}", "--overwrite")
    wait_until_it_looked(before)


def test_a_config_that_somebody_forged_for_the_next_version_is_not_used(serving: Flow) -> None:
    kube, edited = serving.kube, manifest()
    edited["spec"]["pods"][0]["executor"] = {"with": {"text": "next"}}
    target = Target(kube.namespace, "unused")
    pod = Pod.model_validate(flow_pods(parse(edited), target)[0])
    config = pod_objects(pod, target).config
    config = owned(config, kube.must("peapods.peavine.dev", "pictures-stamp"))
    kube.apply({**config, "data": {"pod.json": '{"spec": {"uses": "!Evil {}"}}'}})
    kube.apply(edited)

    def mended() -> bool:
        return bool(kube.must("configmap", name(config))["data"] == config["data"])

    until("the ConfigMap as the operator makes it", mended)
    serving.wait_ready()
    kube.apply(manifest())
    serving.wait_ready()


def test_what_runs_is_repaired_while_an_edit_is_wrong(kube: Kube) -> None:
    flow = Flow(kube)
    kube.apply(manifest(pods=[{"name": "only"}]))
    flow.wait_ready()
    wrong = [{"op": "add", "path": "/spec/pods/0/uses", "value": "encode.yml"}]
    kube.patch("flows.peavine.dev", "pictures", wrong)
    until("the edit is refused", lambda: condition(flow.resource, "Accepted").get("status") == "False")
    kube.run("delete", "service/pictures-gateway", "deployment/pictures-gateway", "peapods.peavine.dev/pictures-only")

    def serves() -> bool:
        gateway = kube.get("deployment", "pictures-gateway")
        return kube.get("service", "pictures-gateway") is not None and bool(
            gateway and gateway.get("status", {}).get("readyReplicas")
        )

    until("the gateway serves again", serves)

    def told() -> bool:
        assert flow.resource is not None
        return bool(flow.resource["status"]["readyPods"] == 1)

    until("the status tells of the Pod that runs", told)
    assert condition(flow.resource, "Ready")["reason"] == "Invalid"


@install.built_in
@install.alone
def test_what_others_add_to_a_child_is_left_alone(serving: Flow) -> None:
    kube = serving.kube
    kube.run("annotate", "service", "pictures-gateway", "example.com/note=mine")
    audit = Audit()
    touch(serving)
    assert kube.must("service", "pictures-gateway")["metadata"]["annotations"]["example.com/note"] == "mine"
    assert audit.writes() == []


@install.built_in
@install.alone
def test_an_operator_that_looks_again_at_everything_writes_nothing(serving: Flow) -> None:
    serving.wait_ready()
    operator = Kube(install.SYSTEM)
    audit = Audit()
    operator.run("rollout", "restart", "deployment", install.RELEASE)
    operator.run("rollout", "status", "deployment", install.RELEASE, "--timeout=180s", seconds=180)
    until("the new leader looked", lambda: metric("peavine_operator_leading") == 1 and looks("Pod") >= 2)
    touch(serving)
    assert audit.writes() == []
    print(f"{looks() + looks('Pod'):.0f} looks, 0 writes")


@install.built_in
@install.alone
def test_an_unchanged_manifest_has_no_diff_and_no_writes(serving: Flow) -> None:
    kube = serving.kube
    touch(serving)  # so that the label is there before
    before = kube.must("flows.peavine.dev", "pictures")["metadata"]["resourceVersion"]
    text = yaml.safe_dump(manifest())
    assert kube.run("diff", "--server-side", "-f", "-", text=text) == ""
    audit = Audit()
    kube.apply(text)
    assert kube.must("flows.peavine.dev", "pictures")["metadata"]["resourceVersion"] == before
    touch(serving)
    assert audit.writes() == []


def test_what_lost_its_owner_is_taken_up_by_a_flow_of_the_same_name(kube: Kube) -> None:
    flow, made = Flow(kube), manifest(pods=[{"name": "only"}])
    kube.apply(made)
    flow.wait_ready()
    gateway = kube.must("deployment", "pictures-gateway")["metadata"]["uid"]
    kube.run("delete", "flows.peavine.dev", "pictures", "--cascade=orphan")
    kube.apply(made)
    flow.wait_ready()
    assert kube.must("deployment", "pictures-gateway")["metadata"]["uid"] == gateway
    kube.delete("flows.peavine.dev", "pictures")
    until("all is gone", lambda: not kube.all("peapods.peavine.dev,deployments,services"))


def test_a_namespace_with_a_flow_goes_when_it_is_deleted(kube: Kube) -> None:
    flow, inside = Flow(kube), kube.namespace
    kube.apply(manifest())
    flow.wait_ready()
    began = time.monotonic()
    kube.delete("namespace", inside)
    until(f"namespace {inside} gone", lambda: kube.get("namespace", inside) is None)
    print(f"gone after {time.monotonic() - began:.1f} s")


@install.alone
def test_a_flow_that_is_deleted_while_the_operator_is_down_is_gone(kube: Kube) -> None:
    flow, operator = Flow(kube), Kube(install.SYSTEM)
    kube.apply(manifest(pods=[{"name": "only"}]))
    flow.wait_ready()
    operator.run("scale", "deployment", install.RELEASE, "--replicas=0")
    try:
        until("no operator", lambda: not operator.all("pods", "app.kubernetes.io/name=peavine-operator"))
        kube.delete("flows.peavine.dev", "pictures")
        kinds = "flows.peavine.dev,peapods.peavine.dev,deployments,services,pods"
        until("all is gone", lambda: not kube.all(kinds))
    finally:
        operator.run("scale", "deployment", install.RELEASE, "--replicas=2")
        operator.run("rollout", "status", "deployment", install.RELEASE, "--timeout=180s", seconds=180)
