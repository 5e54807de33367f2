"""What a change waits for, and what the status reports meanwhile."""

from __future__ import annotations

from peavine_operator import kinds
from tests.api.client import EVENT, Space
from tests.api.controllers import collect, settle
from tests.api.flows import SHARDS, STAMP, Flow
from tests.api.operators import Operator
from tests.cluster.flow import manifest
from tests.cluster.kube import condition, name, until


def test_a_gateway_follows_a_new_graph_when_its_new_pods_are_ready(flow: Flow) -> None:
    space = flow.space
    before = space.must(kinds.DEPLOYMENT, "pictures-gateway")["spec"]
    flow.apply(manifest(pods=[STAMP, SHARDS, {"name": "last"}]))
    flow.wait_for("Ready", "False", "WaitingForPods", "pictures-last")
    assert flow.condition("Progressing")["status"] == "True"
    assert space.must(kinds.DEPLOYMENT, "pictures-gateway")["spec"] == before
    flow.wait_ready()
    (plan,) = space.all(kinds.CONFIG_MAP, "peavine.dev/flow=pictures")
    assert "pictures-last" in str(plan["data"])
    assert space.must(kinds.DEPLOYMENT, "pictures-gateway")["spec"] != before


def test_a_pod_that_leaves_the_graph_stays_until_no_gateway_asks_it(flow: Flow) -> None:
    space = flow.space
    flow.apply(manifest(pods=[STAMP]))
    flow.wait_for("Ready", "False", "RollingOut")
    assert space.get(kinds.POD, "pictures-index"), "gateways of the old plan ask it"
    flow.wait_ready()
    until("it is gone", lambda: space.get(kinds.POD, "pictures-index") is None)
    collect(space)
    assert [name(item) for item in space.all(kinds.STATEFUL_SET)] == []


def test_requests_come_to_the_peas_until_a_new_head_is_ready(flow: Flow) -> None:
    space, component = flow.space, "app.kubernetes.io/component"

    def leads_to() -> str:
        return str(space.must(kinds.SERVICE, "pictures-stamp")["spec"]["selector"][component])

    assert leads_to() == "pea"
    flow.edit("/spec/pods/0/head", {"before": {"class": "_pass"}})
    until("a head is asked for", lambda: space.get(kinds.DEPLOYMENT, "pictures-stamp-head"))
    flow.wait_for("Ready", "False", "PodsNotReady")
    assert leads_to() == "pea"
    flow.wait_ready()
    assert leads_to() == "head"
    flow.edit("/spec/pods/0/head", None, "remove")
    flow.wait_ready()
    assert leads_to() == "pea"
    until("the head is gone", lambda: space.get(kinds.DEPLOYMENT, "pictures-stamp-head") is None)


def test_shards_get_a_new_version_only_when_a_rehearsal_of_it_has_started(flow: Flow) -> None:
    space, index, rehearsal = flow.space, (kinds.STATEFUL_SET, "pictures-index"), "pictures-index-rehearsal"
    before = space.must(*index)["spec"]["template"]
    flow.edit("/spec/pods/1/env", [{"name": "A", "value": "one"}])
    until("there is a rehearsal", lambda: space.get(kinds.DEPLOYMENT, rehearsal))
    settle(space, last_words="no such model: resnet")
    flow.wait_for("Degraded", "True", "ContainerFailed", "no such model: resnet")
    assert space.must(*index)["spec"]["template"] == before
    flow.edit("/spec/pods/1/env", [{"name": "A", "value": "two"}])
    flow.wait_ready()
    assert space.must(*index)["spec"]["template"] != before
    until("the rehearsal is gone", lambda: space.get(kinds.DEPLOYMENT, rehearsal) is None)
    assert flow.condition("Degraded")["status"] == "False"


def test_an_executor_that_does_not_start_degrades_the_flow_and_what_ran_stays(flow: Flow) -> None:
    space = flow.space
    peas = "app.kubernetes.io/component=pea,peavine.dev/pod=pictures-stamp"
    before = {name(pod) for pod in space.all(kinds.CORE_POD, peas)}
    flow.edit("/spec/pods/0/env", [{"name": "A", "value": "one"}])
    until(
        "the Pod's new version is rolled out",
        lambda: condition(space.must(kinds.POD, "pictures-stamp"), "Ready")["status"] == "False",
    )
    settle(space, last_words='{"error": "no such class: Encodr", "executor": "own.yml"}')
    flow.wait_for("Degraded", "True", "ContainerFailed", "no such class: Encodr (Executor own.yml)")
    assert flow.condition("Progressing")["status"] == "False"
    assert before < {name(pod) for pod in space.all(kinds.CORE_POD, peas)}
    flow.edit("/spec/pods/0/env", None, "remove")
    flow.wait_ready()
    assert {name(pod) for pod in space.all(kinds.CORE_POD, peas)} == before


def test_conditions_keep_the_time_of_their_last_turn_and_events_report_turns(flow: Flow) -> None:
    space = flow.space
    accepted, degraded = flow.condition("Accepted"), flow.condition("Degraded")
    flow.edit("/spec/pods/0/env", [{"name": "A", "value": "one"}])
    flow.wait_for("Ready", "False", "PodsNotReady")
    assert flow.condition("Progressing")["status"] == "True"
    flow.wait_ready()
    for before in (accepted, degraded):
        found = flow.condition(before["type"])
        assert found["observedGeneration"] == before["observedGeneration"] + 1
        assert found["lastTransitionTime"] == before["lastTransitionTime"], before["type"]
    flow.edit("/spec/pods/0/uses", "encode.yml")
    flow.wait_for("Accepted", "False", "Invalid")

    def reported() -> bool:
        told = {(each["type"], each["reason"]) for each in space.all(EVENT) if each["involvedObject"]["kind"] == "Flow"}
        return told >= {("Normal", "Ready"), ("Warning", "Invalid")}

    until("the events that people look for", reported)


def test_flows_share_a_pod_that_outlives_them(space: Space, operator: Operator) -> None:
    flows = [Flow(space, called) for called in ("one", "two")]
    for each in flows:
        each.apply(manifest(pods=[{"name": "index", "podRef": {"name": "shared"}}]))
    for each in flows:
        each.wait_for("Degraded", "True", "PodMissing", "shared")
    shared = {"apiVersion": "peavine.dev/v1alpha1", "kind": "Pod", "metadata": {"name": "shared"}, "spec": {}}
    space.create(kinds.POD, shared)
    for each in flows:
        each.wait_ready()
    space.delete(kinds.FLOW, "one")
    collect(space)
    assert space.get(kinds.DEPLOYMENT, "one-gateway") is None
    assert space.get(kinds.POD, "shared")
    space.delete(kinds.POD, "shared")
    flows[1].wait_for("Ready", "False", "PodMissing", "shared")
