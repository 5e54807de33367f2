"""What a user changes reaches the cluster without a request lost: scale, arguments, the graph, the image."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.cluster.flow import Flow, manifest
from tests.cluster.kube import Kube, name, pod_is_ready, until
from tests.cluster.load import Load


@pytest.fixture(scope="module")
def serving(shared: Kube) -> Flow:
    """A Flow that is up, shared by these tests: each leaves it Ready."""
    flow = Flow(shared)
    made = manifest()
    del made["spec"]["pods"][0]["replicas"]  # so that `kubectl scale` owns it
    shared.apply(made)
    flow.wait_ready()
    return flow


def test_new_replicas_take_their_share_at_once_and_leave_without_a_loss(serving: Flow) -> None:
    kube = serving.kube
    with Load(serving.host, rate=40) as load:
        (old,) = serving.ready_pods("stamp")
        kube.run("scale", "peapod", "pictures-stamp", "--replicas=3")

        def three() -> dict[str, float]:
            """When each new one became ready, by this machine's clock."""
            for pod in serving.ready_pods("stamp"):
                ready.setdefault(pod, time.monotonic())
            return ready if len(ready) == 3 else {}

        ready: dict[str, float] = {}
        until("three replicas", three, pause=0.1)
        until("an answer from each", lambda: set(load.report.since(0, load.report.peas)) >= set(ready))
        for new in set(ready) - {old}:
            first = load.report.first(new, load.report.peas)
            assert first is not None
            print(f"first answer of a new replica {first - ready[new]:+.2f} s after it was seen ready")
            assert first - ready[new] < 5
        evenly_since = time.monotonic()
        load.run_for(12)
        seen = load.report.since(evenly_since, load.report.peas)
        shares = [seen[pod] for pod in ready]
        print(f"answers of the replicas in 12 s: {shares}")
        assert min(shares) > 0.75 * sum(shares) / 3
        assert max(shares) < 1.25 * sum(shares) / 3
        kube.run("scale", "peapod", "pictures-stamp", "--replicas=1")
        until("one replica", lambda: len(serving.pods("stamp")) == 1)
        load.run_for(1)
    serving.wait_ready()
    print(load.check())


def test_a_new_argument_rolls_out_without_a_loss(serving: Flow) -> None:
    with Load(serving.host) as load:
        load.run_for(1)
        began = time.monotonic()
        serving.edit({"op": "add", "path": "/spec/pods/0/executor", "value": {"with": {"text": "two"}}})
        serving.wait_ready()
        done = time.monotonic()
        print(f"rolled out in {done - began:.1f} s")
        load.run_for(2)
    assert set(load.report.since(0, load.report.tags)) == {"one", "two"}
    # What was on its way when the status was read may be older by the time of an answer.
    assert set(load.report.since(done + 0.5, load.report.tags)) == {"two"}
    print(load.check())


def test_a_restart_of_the_shards_loses_nothing(serving: Flow) -> None:
    with Load(serving.host) as load:
        load.run_for(1)
        before = {pod["metadata"]["uid"] for pod in serving.pods("index")}
        serving.edit(
            {"op": "add", "path": "/spec/pods/1/env", "value": [{"name": "CHANGED", "value": str(time.time())}]}
        )

        def replaced() -> bool:
            pods = serving.pods("index")
            return len(pods) == 2 and all(p["metadata"]["uid"] not in before and pod_is_ready(p) for p in pods)

        until("new shards", replaced)
        serving.wait_ready()
        load.run_for(1)
    print(load.check())
    assert load.missing() == []


def stamp(text: str) -> dict[str, Any]:
    return {"name": text, "uses": "!Stamp {metas: {py_modules: stamp.py}}", "executor": {"with": {"text": text}}}


def follow(i: int, name: str) -> dict[str, Any]:
    """Return the change that lets a Pod, by its place in the list, take the answer of another."""
    return {"op": "replace", "path": f"/spec/pods/{i}/needs", "value": [name]}


def test_pods_are_added_moved_and_removed_without_a_loss(serving: Flow) -> None:
    files = serving.kube.must("flows.peavine.dev", "pictures")["spec"]["pods"][0]["files"]
    with Load(serving.host) as load:
        load.run_for(1)
        for what, change in (
            (
                "added",
                (
                    {
                        "op": "add",
                        "path": "/spec/pods/-",
                        "value": {**stamp("three"), "files": files, "needs": ["stamp"]},
                    },
                    follow(1, "three"),
                ),
            ),
            ("moved", (follow(2, "gateway"), follow(0, "three"), follow(1, "stamp"))),
            ("removed", ({"op": "remove", "path": "/spec/pods/2"}, follow(0, "gateway"))),
        ):
            began = time.monotonic()
            serving.edit(*change)
            serving.wait_ready()
            print(f"a Pod {what} in {time.monotonic() - began:.1f} s")
            done = time.monotonic()
            load.run_for(2)
            last = {"added": {"three"}, "moved": {"two", "one"}, "removed": {"two", "one"}}[what]
            assert set(load.report.since(done + 0.5, load.report.tags)) <= last
    print(load.check())

    def left() -> bool:
        return {name(pod) for pod in serving.kube.all("peapods.peavine.dev")} == {"pictures-index", "pictures-stamp"}

    until("the removed Pod is gone", left)


@pytest.mark.parametrize("replicas", [3, 1, 2])
def test_more_or_fewer_gateways_lose_nothing(serving: Flow, replicas: int) -> None:
    with Load(serving.host) as load:
        serving.edit({"op": "replace", "path": "/spec/gateway/replicas", "value": replicas})
        until(f"{replicas} gateways", lambda: len(serving.pods("gateway")) == replicas)
        serving.wait_ready()
    print(load.check())
