"""Level-based: what is and what should be are compared, not what happened. Nothing to do means nothing is written."""

from __future__ import annotations

import time

import pytest
import yaml

from tests.cluster import install
from tests.cluster.audit import Audit
from tests.cluster.flow import Flow, manifest
from tests.cluster.kube import Kube, until
from tests.cluster.leader import looks, metric, wait_until_it_looked


@pytest.fixture(scope="module")
def serving(shared: Kube) -> Flow:
    """A Flow that is up, shared by these tests: each leaves it Ready."""
    flow = Flow(shared)
    shared.apply(manifest())
    flow.wait_ready()
    return flow


def touch(flow: Flow) -> None:
    """Make the operator look at a Flow that has not changed, and wait until it has."""
    before = looks()
    flow.kube.run("label", "flows.peavine.dev", flow.name, f"touched={before:.0f}", "--overwrite")
    wait_until_it_looked(before)


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
