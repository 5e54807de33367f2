from __future__ import annotations

from typing import Any

import pytest

from peavine.spec import parse_pod
from peavine_operator import names, reasons, rehearsal, render

TARGET = render.Target("default", "peavine/runtime:test")


def pod(**spec: Any) -> Any:
    metadata = {"name": "a", "namespace": "default"}
    shards = {"uses": "_index", "shards": 2, "storage": {"size": "1Gi"}}
    return parse_pod(
        {"apiVersion": "peavine.dev/v1alpha1", "kind": "Pod", "metadata": metadata, "spec": {**shards, **spec}}
    )


def shards(**spec: Any) -> dict[str, Any]:
    return render.pod_objects(pod(**spec), TARGET).workload


def trial(**spec: Any) -> dict[str, Any]:
    found = render.pod_objects(pod(**spec), TARGET).rehearsal
    assert found is not None
    return found


OLD, NEW = shards(), shards(executor={"with": {"metric": "euclidean"}})
TRIAL = trial(executor={"with": {"metric": "euclidean"}})
READY = {"conditions": [{"type": "Ready", "status": "True"}]}
FAILED = {"containerStatuses": [{"state": {"terminated": {"exitCode": 1, "message": "no such metric"}}}]}
NO_ROOM = {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "cpu"}]}


def core_pod(status: dict[str, Any], of: dict[str, Any] = TRIAL) -> dict[str, Any]:
    labels = of["spec"]["template"]["metadata"]["labels"]
    return {"metadata": {"name": "a-rehearsal-1", "labels": labels}, "status": status}


@pytest.mark.parametrize(
    ("live", "wanted", "needed"),
    [
        pytest.param(OLD, NEW, True, id="another version"),
        pytest.param(OLD, OLD, False, id="the same version"),
        pytest.param(None, NEW, False, id="shards that are not there yet"),
        pytest.param(shards(replicas=0), NEW, False, id="shards that are scaled to zero"),
        pytest.param(
            OLD, shards(executor={"with": {"metric": "euclidean"}}, replicas=0), False, id="shards that are to end"
        ),
    ],
)
def test_a_rehearsal_is_needed_for(live: dict[str, Any] | None, wanted: dict[str, Any], needed: bool) -> None:
    assert rehearsal.needed(live, wanted, rehearse=True) is needed
    assert not rehearsal.needed(live, wanted, rehearse=False)


def test_shards_wait_until_their_rehearsal_has_started() -> None:
    for core_pods in ([], [core_pod({})], [core_pod(READY, of=trial())]):
        waits = rehearsal.outcome(TRIAL, None, core_pods)
        assert waits is not None
        assert (waits.waiting.reason, waits.failing) == (reasons.REHEARSING, [])
    assert rehearsal.outcome(TRIAL, TRIAL, [core_pod(READY)]) is None


def test_shards_wait_while_their_rehearsal_fails_and_its_words_are_told() -> None:
    waits = rehearsal.outcome(TRIAL, TRIAL, [core_pod(FAILED)])
    assert waits is not None
    assert waits.failing == [(reasons.CONTAINER_FAILED, "rehearsal a-rehearsal-1: no such metric")]


def test_shards_wait_for_no_rehearsal_that_cannot_be_tried() -> None:
    assert rehearsal.outcome(TRIAL, TRIAL, [core_pod(NO_ROOM)]) is None
    quota = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
    assert rehearsal.outcome(TRIAL, {**TRIAL, "status": {"conditions": [quota]}}, []) is None
    older = trial()
    assert rehearsal.outcome(TRIAL, {**older, "status": {"conditions": [quota]}}, []) is not None


def test_a_rehearsal_has_no_data_and_nobody_finds_it() -> None:
    (container,) = TRIAL["spec"]["template"]["spec"]["containers"]
    assert "--data" not in container["args"]
    assert "persistentVolumeClaim" not in str(TRIAL)
    found = TRIAL["spec"]["template"]["metadata"]["labels"].items()
    for item in render.pod_objects(pod(), TARGET).every():
        selector = item.get("spec", {}).get("selector")
        if selector:
            assert not selector.get("matchLabels", selector).items() <= found, item["metadata"]["name"]


def test_a_rehearsal_is_changed_by_what_changes_the_shards() -> None:
    changes: list[dict[str, Any]] = [{}, {"env": [{"name": "A", "value": "1"}]}, {"image": "b"}, {"readOnly": True}]
    versions = {
        tuple(each["spec"]["template"]["metadata"]["labels"][names.VERSION] for each in both)
        for both in ((shards(**change), trial(**change)) for change in changes)
    }
    assert len({of_shards for of_shards, _ in versions}) == len({of_trial for _, of_trial in versions}) == len(changes)
