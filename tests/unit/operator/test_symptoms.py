from __future__ import annotations

import json
from typing import Any

import pytest

from peavine_operator import reasons
from peavine_operator.symptoms import symptoms


def core_pod(container: dict[str, Any] | None = None, created: str = "2024-01-01T00:00:00Z", **status: Any) -> Any:
    statuses = [container] if container else []
    labels = {"app.kubernetes.io/component": "pea"}
    return {
        "metadata": {"name": "a-0", "labels": labels, "creationTimestamp": created},
        "status": {"containerStatuses": statuses, **status},
    }


def ended(message: str = "", code: int = 1, reason: str = "Error") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


LAST_WORDS = json.dumps(
    {"error": "no module named tensorflow", "pod": "a", "pea": "a-0", "executor": "!Deep\nwith: {}"}
)


@pytest.mark.parametrize(
    ("container", "reason", "message"),
    [
        pytest.param(
            {"state": ended(LAST_WORDS)},
            reasons.CONTAINER_FAILED,
            "Pea a-0: no module named tensorflow (Executor !Deep)",
            id="an Executor that cannot start",
        ),
        pytest.param(
            {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": ended(LAST_WORDS)},
            reasons.CONTAINER_FAILED,
            "Pea a-0: no module named tensorflow (Executor !Deep)",
            id="one that waits for its next try",
        ),
        pytest.param(
            {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": ended(code=0, reason="Completed")},
            reasons.CONTAINER_FAILED,
            "Pea a-0: ended with code 0 (Completed)",
            id="one that is ended again and again because it never becomes ready",
        ),
        pytest.param(
            {"state": {"running": {}}, "lastState": ended("Traceback\nKeyError: 'x'")},
            reasons.CONTAINER_FAILED,
            "Pea a-0: Traceback\nKeyError: 'x'",
            id="a container that says it in its log",
        ),
        pytest.param(
            {"state": ended(code=137, reason="OOMKilled")},
            reasons.CONTAINER_FAILED,
            "Pea a-0: ended with code 137 (OOMKilled); give it more memory under resources.limits",
            id="too little memory",
        ),
        pytest.param(
            {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}},
            reasons.IMAGE_FAILED,
            "Pea a-0: no such image",
            id="an image that is not there",
        ),
        pytest.param(
            {
                "state": {
                    "waiting": {"reason": "ImagePullBackOff", "message": 'Back-off "i": ErrImagePull: no such image'}
                }
            },
            reasons.IMAGE_FAILED,
            "Pea a-0: no such image",
            id="the same between two tries",
        ),
        pytest.param(
            {"state": {"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "s" not found'}}},
            reasons.NOT_STARTED,
            'Pea a-0: secret "s" not found',
            id="a Secret that is not there",
        ),
    ],
)
def test_a_failure_is_told_in_the_containers_own_words(container: dict[str, Any], reason: str, message: str) -> None:
    assert symptoms([core_pod(container)]) == [(reason, message)]


def test_a_pod_that_no_node_takes_is_told() -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes"}
    assert symptoms([core_pod(conditions=[condition])]) == [(reasons.UNSCHEDULABLE, "Pea a-0: 0/2 nodes")]


@pytest.mark.parametrize(
    "pod",
    [
        pytest.param(core_pod({"state": {"waiting": {"reason": "ContainerCreating"}}}), id="one that starts"),
        pytest.param(core_pod({"state": {"running": {}}}), id="one that is not ready yet"),
        pytest.param(core_pod({"state": ended(code=0)}), id="one that ended well"),
        pytest.param(core_pod({"state": ended(code=137)}, phase="Failed"), id="one that was evicted and replaced"),
        pytest.param(
            core_pod(
                {"state": {"running": {}}, "lastState": ended("old")},
                conditions=[{"type": "Ready", "status": "True"}],
            ),
            id="one that is well again",
        ),
    ],
)
def test_what_only_needs_time_or_is_well_is_no_failure(pod: dict[str, Any]) -> None:
    assert symptoms([pod]) == []


def test_a_pod_that_is_to_end_is_no_failure() -> None:
    pod = core_pod({"state": ended("killed")})
    pod["metadata"]["deletionTimestamp"] = "2024-01-01T00:00:00Z"
    assert symptoms([pod]) == []


def test_the_newest_failure_is_told_first() -> None:
    old, new = core_pod({"state": ended("old")}), core_pod({"state": ended("new")}, created="2024-01-02T00:00:00Z")
    assert [found.message for found in symptoms([old, new])] == ["Pea a-0: new", "Pea a-0: old"]


def test_very_long_last_words_are_cut_at_their_beginning() -> None:
    (found,) = symptoms([core_pod({"state": ended("x" * 5000 + "the end")})])
    assert len(found.message) < 1100
    assert found.message.endswith("the end")
