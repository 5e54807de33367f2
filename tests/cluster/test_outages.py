"""The operator, the API server or a node is away: Flows go on serving, and what changed meanwhile is caught up with."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

import images
from cluster import place
from tests.cluster import install
from tests.cluster.audit import Audit
from tests.cluster.flow import Flow, manifest
from tests.cluster.kube import Kube, condition, name, pod_is_ready, until
from tests.cluster.load import Load
from tests.cluster.processes import sigkill

OPERATOR = "app.kubernetes.io/name=peavine-operator"

pytestmark = install.alone


@pytest.fixture(scope="module")
def serving(shared: Kube) -> Flow:
    """A Flow that is up, shared by these tests: each leaves it Ready."""
    flow = Flow(shared)
    shared.apply(manifest())
    flow.wait_ready()
    return flow


@pytest.fixture
def system() -> Kube:
    return Kube(install.SYSTEM)


def stamp(flow: Flow, text: str) -> None:
    flow.edit({"op": "add", "path": "/spec/pods/0/executor", "value": {"with": {"text": text}}})


def holder(system: Kube) -> str:
    return str(system.must("lease", install.RELEASE)["spec"].get("holderIdentity"))


def leader_is_there(system: Kube) -> bool:
    return holder(system) in {name(pod) for pod in system.all("pods", OPERATOR) if pod_is_ready(pod)}


@install.built_in
def test_another_operator_takes_over_when_the_leader_is_killed(serving: Flow, system: Kube) -> None:
    until("a leader", lambda: leader_is_there(system))
    leader = holder(system)
    with Load(serving.host) as load:
        sigkill(system.must("pod", leader))
        began = time.monotonic()
        stamp(serving, "killed")
        until(
            "the edit reaches the Pods",
            lambda: "killed" in str(serving.kube.must("peapods.peavine.dev", "pictures-stamp")),
        )
        print(f"an edit is worked on {time.monotonic() - began:.1f} s after the leader was killed")
        serving.wait_ready()
    print(load.check())


def test_a_leader_that_is_told_to_end_is_followed_at_once(serving: Flow, system: Kube) -> None:
    until("a leader", lambda: leader_is_there(system))
    leader = holder(system)
    began = time.monotonic()
    system.delete("pod", leader)
    until("another leader", lambda: holder(system) not in (leader, "", "None"))
    print(f"another leader after {time.monotonic() - began:.1f} s")


def test_a_leader_whose_lease_was_taken_stops_at_once(serving: Flow, system: Kube) -> None:
    until("a leader", lambda: leader_is_there(system))
    leader = holder(system)

    def ended_at() -> str:
        (container,) = system.must("pod", leader)["status"]["containerStatuses"]
        return str(container["lastState"].get("terminated", {}).get("finishedAt", ""))

    before, taken_at = ended_at(), datetime.now(UTC)
    system.patch("lease", install.RELEASE, [{"op": "replace", "path": "/spec/holderIdentity", "value": "a stranger"}])
    ended = datetime.fromisoformat(until("the leader ended", lambda: ended_at() if ended_at() != before else ""))
    # It would try to renew for 10 s, writing all the while.
    assert (ended - taken_at).total_seconds() < 9
    until("a leader again", lambda: leader_is_there(system))


def test_without_an_operator_for_a_minute_flows_serve_and_edits_are_not_forgotten(serving: Flow, system: Kube) -> None:
    with Load(serving.host) as load:
        system.run("scale", "deployment", install.RELEASE, "--replicas=0")
        until("no operator", lambda: not system.all("pods", OPERATOR))
        stamp(serving, "later")
        serving.kube.delete("pod", serving.ready_pods("stamp")[0])
        load.run_for(60)
        system.run("scale", "deployment", install.RELEASE, "--replicas=2")
        until("the edit is seen", lambda: "later" in load.report.since(0, load.report.tags))
        serving.wait_ready()
    print(load.check())


@install.built_in
def test_two_operators_with_other_settings_do_not_fight(serving: Flow, system: Kube) -> None:
    other_settings = "--set=image.pullPolicy=Never"  # which, if it served the Flow, would roll out everything
    second = ["--set=crds.install=false", "--set=replicas=1", f"--set=image.tag={images.tag()}", other_settings]
    install.helm(
        "install", "second", str(install.CHART), "--namespace", install.SYSTEM, "--wait", "--timeout=1m", *second
    )
    other = f"system:serviceaccount:{install.SYSTEM}:second-peavine"
    try:
        until("both lead", lambda: leader_is_there(system) and system.get("lease", "second-peavine"))
        with Load(serving.host) as load:
            stamp(serving, "both")
            serving.wait_ready()

            def are_quiet() -> bool:
                """Whether neither writes for a while: on a busy machine what they see may change once more."""
                audit = Audit()
                load.run_for(5)
                assert (audit.writes(), audit.writes(other)) == ([], [])
                return True

            until("both are quiet", are_quiet)
        print(load.check())
    finally:
        install.helm("uninstall", "second", "--namespace", install.SYSTEM, "--wait")


@install.built_in
def test_the_api_server_is_away_for_a_while(serving: Flow) -> None:
    with Load(serving.host) as load:
        install.machine("kill", "apiserver")
        load.run_for(10)
        install.machine("start", "apiserver")
        began = time.monotonic()
        stamp(serving, "again")
        serving.wait_ready()
        print(f"an edit rolled out {time.monotonic() - began:.1f} s after the API server was back")
        until("new Peas answer", lambda: "again" in load.report.since(0, load.report.tags))
    print(load.check())
    assert load.missing() == []


@install.built_in
def test_a_node_is_drained(serving: Flow) -> None:
    kube = serving.kube
    with Load(serving.host) as load:
        try:
            began = time.monotonic()
            kube.run("drain", "node-2", "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=120s", seconds=130)
            print(f"drained in {time.monotonic() - began:.1f} s")
            serving.wait_ready()
        finally:
            kube.run("uncordon", "node-2")
        load.run_for(2)
    print(load.check())
    assert load.missing() == []


@pytest.fixture
def cut() -> Iterator[None]:
    """Power is back after the test, whatever happened in it."""
    yield
    if not (place.RUN / "node-2" / "pid").exists():
        install.machine("start", "node-2")


@install.built_in
def test_a_node_is_lost_and_back(kube: Kube, cut: None) -> None:
    """Peas without data and gateways are on both nodes, and what is lost with one is asked of the other."""
    flow = Flow(kube)
    made = manifest()
    made["spec"]["pods"] = made["spec"]["pods"][:1]
    kube.apply(made)
    flow.wait_ready()
    spread = (
        {pod["spec"]["nodeName"] for pod in flow.pods("stamp")},
        {p["spec"]["nodeName"] for p in flow.pods("gateway")},
    )
    assert spread == ({"node-1", "node-2"}, {"node-1", "node-2"})
    with Load(flow.host, kinds=("index",)) as load:
        load.run_for(1)
        install.machine("kill", "node-2")
        until("a lost node", lambda: condition(kube.must("node", "node-2"), "Ready")["status"] != "True")
        load.run_for(10)
        began = time.monotonic()
        install.machine("start", "node-2")
        flow.wait_ready()
        print(f"Ready {time.monotonic() - began:.1f} s after power was back")
        load.run_for(2)
    print(load.check())


@install.built_in
def test_a_lost_nodes_shard_has_all_its_data_when_the_node_is_back(serving: Flow, cut: None) -> None:
    """Volumes of the test cluster are everywhere, but a shard has one writer, so it waits for its node."""
    with Load(serving.host) as load:
        load.run_for(2)
    load.check()
    install.machine("kill", "node-2")
    install.machine("start", "node-2")
    serving.wait_ready()
    assert load.missing() == []
