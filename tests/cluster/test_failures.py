"""What dies is replaced, and meanwhile nothing is lost: continuous load, every answer checked."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.cluster import install
from tests.cluster.flow import Flow, manifest
from tests.cluster.kube import Kube, until
from tests.cluster.load import Load
from tests.cluster.processes import sigkill


@pytest.fixture(scope="module")
def serving(shared: Kube) -> Flow:
    """A Flow that is up, shared by these tests: each leaves it Ready."""
    flow = Flow(shared)
    shared.apply(manifest())
    flow.wait_ready()
    return flow


def delete(flow: Flow, step: str) -> None:
    """Delete a core pod: it is told to end."""
    flow.kube.delete("pod", flow.ready_pods(step)[0])


def kill(flow: Flow, step: str) -> None:
    """SIGKILL the processes of a core pod: it is told nothing."""
    sigkill(flow.serving_pods(step)[0])


@pytest.mark.parametrize(
    "end", [pytest.param(delete, id="deleted"), pytest.param(kill, id="killed", marks=install.built_in)]
)
@pytest.mark.parametrize("step", ["stamp", "gateway", "index"])
def test_nothing_is_lost_when_a_core_pod_is(serving: Flow, step: str, end: Callable[[Flow, str], None]) -> None:
    """Two are there of `stamp` and the gateway. Of the index a shard is away meanwhile, and requests wait for it."""

    def runs() -> set[tuple[str, int]]:
        """Which core pods run, and how often they were started again."""
        statuses = [(pod["metadata"]["uid"], pod["status"].get("containerStatuses", ())) for pod in serving.pods(step)]
        return {(uid, status["restartCount"]) for uid, listed in statuses for status in listed}

    before = runs()
    with Load(serving.host) as load:
        load.run_for(1)
        end(serving, step)

        began = time.monotonic()
        until("a new one", lambda: runs() - before)
        serving.wait_ready()
        print(f"{step} replaced in {time.monotonic() - began:.1f} s")
        load.run_for(1)
    print(load.check())
    assert load.missing() == []


def test_a_search_tells_its_coverage_while_a_shard_is_away_if_it_may_be_partial(kube: Kube) -> None:
    flow = Flow(kube)
    made = manifest()
    made["spec"]["pods"][1]["onMissingShard"] = "Partial"
    kube.apply(made)
    flow.wait_ready()
    with Load(flow.host) as load:
        load.run_for(1)
        delete(flow, "index")
        until("partial answers", lambda: load.report.partial)
        flow.wait_ready()
        load.run_for(1)
        partial = load.report.partial
        load.run_for(2)
    assert load.report.partial == partial, "answers are whole again once the shard is back"
    print(load.check())
    assert load.missing() == []
