"""After an upgrade of the operator a few Flows roll out at a time; those that somebody edits never wait."""

from __future__ import annotations

from typing import Any

from peavine_operator import conditions, kinds, names, reasons
from peavine_operator.conditions import Findings
from peavine_operator.kinds import FLOW, POD, Ref
from peavine_operator.observed import Observed
from peavine_operator.rollouts import Rollouts
from peavine_operator.symptoms import Finding

OLD, NEW = "old", "new"


class Cluster:
    """Flows of an old release and what the operator keeps in their status."""

    def __init__(self, *flows: str) -> None:
        self.observed, self._version = Observed(), 0
        for name in flows:
            self.put(name)

    def put(
        self, name: str, kind: kinds.Kind = FLOW, ready: bool = True, annotations: Any = None, **status: Any
    ) -> None:
        self._version += 1
        told = conditions.conditions(1, Findings(waiting=None if ready else Finding(reasons.STARTING, "")))
        metadata: dict[str, Any] = {
            "name": name,
            "namespace": "ns",
            "generation": 1,
            "resourceVersion": str(self._version),
        }
        if annotations:
            metadata["annotations"] = annotations
        if kind == POD:
            metadata |= {"labels": {names.FLOW: name.partition("-")[0]}}
        known = {"observedGeneration": 1, "release": OLD, "conditions": told, **status}
        self.observed.put(
            {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": {}, "status": known}
        )

    def upgraded(self, places: int = 1) -> Rollouts:
        return Rollouts(self.observed, NEW, places)


def key(name: str) -> Ref:
    return Ref(FLOW, "ns", name)


def test_no_more_flows_than_there_are_places_roll_out_at_once() -> None:
    rollouts = Cluster("a", "b", "c").upgraded(places=2)
    waits = {name: rollouts.turn(key(name)) for name in ("a", "b", "c", "a")}
    assert [name for name, found in waits.items() if found is None] == ["a", "b"]
    queued = waits["c"]
    assert queued is not None
    assert queued.reason == reasons.ROLLOUT_QUEUED


def test_a_place_is_free_when_its_flow_is_ready_with_all_its_pods_in_the_new_version() -> None:
    cluster = Cluster("a", "b")
    cluster.put("a-x", POD)
    cluster.put("b-x", POD)
    rollouts = cluster.upgraded()
    assert rollouts.turn(key("a")) is None
    assert rollouts.turn(key("b")) is not None
    assert rollouts.finish(key("a"), ready=True) == set(), "its status does not have the new release yet"
    cluster.put("a", release=NEW)
    assert rollouts.finish(key("a"), ready=True) == set(), "a Pod is still of the old one"
    cluster.put("a-x", POD, release=NEW)
    assert rollouts.finish(key("a"), ready=False) == set()
    assert rollouts.finish(key("a"), ready=True) == {key("b"), Ref(POD, "ns", "b-x")}
    assert rollouts.turn(key("b")) is None


def test_a_flow_that_is_edited_never_waits_and_needs_no_place() -> None:
    cluster = Cluster("a", "b")
    rollouts = cluster.upgraded()
    assert rollouts.turn(key("a")) is None
    cluster.put("b", observedGeneration=0)
    assert rollouts.turn(key("b")) is None
    cluster.put("a", ready=False, observedGeneration=0)
    assert rollouts.turn(key("a")) is None, "it gives up its place"
    cluster.put("c")
    assert rollouts.turn(key("c")) is None


def test_a_new_flow_and_one_of_the_new_release_do_not_wait() -> None:
    cluster = Cluster("a")
    cluster.put("b", release=NEW)
    cluster.put("c", observedGeneration=None, release=None)
    rollouts = cluster.upgraded()
    assert [rollouts.turn(key(name)) for name in ("a", "b", "c")] == [None, None, None]


def test_a_flow_that_is_not_ready_waits_for_those_that_are() -> None:
    cluster = Cluster("b", "c")
    cluster.put("a", ready=False)
    rollouts = cluster.upgraded()
    assert rollouts.turn(key("a")) is not None
    assert rollouts.turn(key("b")) is None
    cluster.put("b", release=NEW)
    assert rollouts.finish(key("b"), ready=True) == {key("c")}, "the ready one goes first"


def test_another_replica_knows_which_flows_have_a_place() -> None:
    cluster = Cluster("a", "b")
    first = cluster.upgraded()
    assert first.turn(key("a")) is None
    body = cluster.observed.get(key("a"))
    assert body is not None
    cluster.put("a", ready=False, release=NEW, rollout=first.status(key("a"), body, waits=False)["rollout"])
    second = cluster.upgraded()
    assert second.turn(key("b")) is not None
    assert second.turn(key("a")) is None


def test_a_flow_that_is_paused_neither_takes_a_place_nor_keeps_others_waiting() -> None:
    cluster = Cluster("a")
    cluster.put("b", ready=False)
    cluster.put("a", annotations={names.PAUSED: "true"})
    rollouts = cluster.upgraded()
    assert rollouts.turn(key("a")) is None
    assert rollouts.turn(key("b")) is None


def test_a_flow_that_is_deleted_gives_up_its_place() -> None:
    rollouts = Cluster("a", "b").upgraded()
    assert rollouts.turn(key("a")) is None
    rollouts.forget(key("a"))
    assert rollouts.turn(key("b")) is None


def test_the_status_shows_who_waits_and_keeps_the_old_release_meanwhile() -> None:
    cluster = Cluster("a", "b")
    rollouts = cluster.upgraded()
    rollouts.turn(key("a"))
    body = {"status": {"release": OLD}}
    assert rollouts.status(key("a"), body, waits=False) == {"rollout": "RollingOut", "release": NEW}
    assert rollouts.status(key("b"), body, waits=True) == {"rollout": "Waiting", "release": OLD}
