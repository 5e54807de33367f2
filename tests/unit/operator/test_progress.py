"""What is not ready must make progress; what Kubernetes warns of says why it does not."""

from __future__ import annotations

from typing import Any

import pytest

from peavine_operator import conditions, progress, reasons
from peavine_operator.symptoms import Finding

ONE = Finding(reasons.STARTING, "a: 1 of 3 are ready")
TWO = Finding(reasons.STARTING, "a: 2 of 3 are ready")
EARLIER, LATER = "2026-01-01T00:00:00Z", "2026-01-01T00:10:01Z"


def waiting(finding: Finding, generation: int = 1) -> dict[str, Any]:
    """Return a resource that has waited for something since EARLIER."""
    told = conditions.conditions(1, conditions.Findings(waiting=finding))
    return {"metadata": {"generation": generation}, "status": {"conditions": told, "lastProgressTime": EARLIER}}


def test_the_time_of_the_last_progress_stays_until_something_else_is_waited_for() -> None:
    assert progress.since(waiting(ONE), ONE, LATER) == EARLIER
    assert progress.since(waiting(ONE), TWO, LATER) == LATER
    assert progress.since(waiting(ONE, generation=2), ONE, LATER) == LATER, "an edit begins anew"
    assert progress.since({"metadata": {"generation": 1}}, ONE, LATER) == LATER
    assert progress.since(waiting(ONE), None, LATER) is None


@pytest.mark.parametrize(
    ("found", "seconds", "overdue"),
    [
        pytest.param(ONE, 600, True, id="no progress for longer than the deadline"),
        pytest.param(ONE, 601, False, id="no progress for as long as the deadline"),
        pytest.param(Finding(reasons.SCALED_TO_ZERO, ""), 600, False, id="nothing is asked for"),
        pytest.param(Finding(reasons.PODS_NOT_READY, ""), 600, False, id="a Pod, which reports it itself"),
        pytest.param(None, 600, False, id="ready"),
    ],
)
def test_a_deadline_is_over_after(found: Finding | None, seconds: int, overdue: bool) -> None:
    assert progress.overdue(found, EARLIER, LATER, seconds) is overdue


def warning(reason: str, message: str, **times: Any) -> dict[str, Any]:
    return {"involvedObject": {"kind": "Pod", "name": "a-0"}, "reason": reason, "message": message, **times}


def test_the_newest_warning_says_why() -> None:
    events = [
        warning("FailedScheduling", "no node", lastTimestamp="2026-01-01T00:00:00Z"),
        warning("FailedMount", 'secret "s" not found', series={"lastObservedTime": "2026-01-01T00:09:00Z"}),
        warning("FailedAttachVolume", "busy", eventTime="2026-01-01T00:05:00Z"),
    ]
    found = progress.stuck(ONE, 600, events)
    assert found == (
        reasons.STUCK,
        'no progress for 600 s: a: 1 of 3 are ready\nPod a-0: FailedMount: secret "s" not found',
    )
    assert progress.stuck(ONE, 600, []).message == "no progress for 600 s: a: 1 of 3 are ready"
