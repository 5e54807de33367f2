from __future__ import annotations

import re
from pathlib import Path

import pytest

from peavine.errors import Problem
from peavine.spec.status import LONGEST_MESSAGE
from peavine_operator import conditions, reasons
from peavine_operator.conditions import Findings
from peavine_operator.symptoms import Finding

ROOT = Path(__file__).resolve().parents[3]
STARTING = Finding(reasons.STARTING, "one of two")
FAILED = Finding(reasons.CONTAINER_FAILED, "Pea a-0: no such class")
IDLE = Finding(reasons.SCALED_TO_ZERO, "nothing is asked for")
WRONG = conditions.invalid([Problem("spec.pods[0].uses", "is empty"), Problem("spec.timeoutSeconds", "is too short")])


def by_type(found: Findings) -> dict[str, conditions.Condition]:
    return {condition["type"]: condition for condition in conditions.conditions(1, found)}


@pytest.mark.parametrize(
    ("refused", "waiting", "failing", "told"),
    [
        pytest.param(None, None, [], "Ready Available Accepted", id="all is well"),
        pytest.param(None, STARTING, [], "Available Progressing Accepted Reconciling", id="it only needs time"),
        pytest.param(None, STARTING, [FAILED], "Available Degraded Accepted Stalled", id="time will not mend it"),
        pytest.param(None, None, [FAILED], "Ready Available Degraded Accepted", id="ready, and something fails"),
        pytest.param(None, IDLE, [], "Available Accepted", id="nothing is asked for"),
        pytest.param(WRONG, None, [], "Available Stalled", id="the manifest is wrong"),
    ],
)
def test_conditions_tell_what_is_so(
    refused: Finding | None, waiting: Finding | None, failing: list[Finding], told: str
) -> None:
    found = conditions.conditions(3, Findings(refused, waiting, failing))
    assert " ".join(condition["type"] for condition in found if condition["status"] == "True") == told
    assert {condition["observedGeneration"] for condition in found} == {3}


def test_available_says_why_requests_would_not_be_answered() -> None:
    nothing = Finding(reasons.NO_ENDPOINT, "a: nothing takes requests")
    available = by_type(Findings(waiting=STARTING, unavailable=nothing))["Available"]
    assert (available["status"], available["reason"]) == ("False", reasons.NO_ENDPOINT)


def test_whether_a_wrong_manifest_of_which_nothing_is_known_is_available_is_not_known() -> None:
    assert by_type(Findings(refused=WRONG, examined=False))["Available"]["status"] == "Unknown"


def test_one_event_is_written_for_each_change_of_reason() -> None:
    def after(old: Findings, new: Findings) -> list[tuple[str, str]]:
        before, now = conditions.conditions(1, old), conditions.conditions(1, new)
        return [(kind, condition["reason"]) for kind, condition in conditions.turned(before, now)]

    failed, stuck = Findings(failing=[FAILED]), Findings(failing=[Finding(reasons.STUCK, "b")])
    assert after(Findings(), failed) == [("Warning", reasons.CONTAINER_FAILED)]
    assert after(failed, stuck) == [("Warning", reasons.STUCK)], "Degraded stays True"
    assert after(stuck, Findings(failing=[Finding(reasons.STUCK, "other words")])) == []
    assert after(Findings(waiting=STARTING), Findings()) == [("Normal", reasons.READY)]
    assert after(Findings(), Findings(refused=WRONG)) == [("Warning", reasons.INVALID)]


PAUSED = Finding(reasons.PAUSED, "Flow f has the annotation peavine.dev/paused")
PENDING = Finding(reasons.PAUSED, "Flow f has the annotation peavine.dev/paused; Service f would be changed: it is new")


@pytest.mark.parametrize(
    ("waiting", "failing", "ready", "told"),
    [
        pytest.param(None, [], PAUSED, "Ready Available Accepted", id="all is ready"),
        pytest.param(PENDING, [], PENDING, "Available Accepted", id="a change waits"),
        pytest.param(
            STARTING,
            [],
            Finding(reasons.PAUSED, f"{PAUSED.message}; one of two"),
            "Available Accepted",
            id="a replica starts",
        ),
        pytest.param(STARTING, [FAILED], FAILED, "Available Degraded Accepted Stalled", id="a container fails"),
    ],
)
def test_a_resource_that_is_paused_is_not_at_work(
    waiting: Finding | None, failing: list[Finding], ready: Finding, told: str
) -> None:
    found = by_type(Findings(waiting=waiting, failing=failing, paused=PAUSED))
    assert " ".join(name for name, condition in found.items() if condition["status"] == "True") == told
    assert (found["Ready"]["reason"], found["Ready"]["message"]) == ready


def test_ready_says_why_it_is_not() -> None:
    ready = conditions.conditions(1, Findings(waiting=STARTING, failing=[FAILED]))[0]
    assert (ready["reason"], ready["message"]) == (FAILED.reason, FAILED.message)


def test_every_problem_of_a_manifest_is_told_with_its_path() -> None:
    accepted = by_type(Findings(refused=WRONG))["Accepted"]
    assert accepted["message"] == "spec.pods[0].uses: is empty\nspec.timeoutSeconds: is too short"


def test_what_fails_twice_alike_is_told_once() -> None:
    degraded = by_type(Findings(failing=[FAILED, FAILED, Finding(reasons.STUCK, "b")]))["Degraded"]
    assert degraded["message"] == "Pea a-0: no such class\nb"


def test_a_message_is_never_longer_than_the_api_server_takes() -> None:
    many = [Problem(f"spec.pods[{i}].uses", "x" * 1000) for i in range(64)]
    accepted = by_type(Findings(refused=conditions.invalid(many)))["Accepted"]
    assert len(accepted["message"]) == LONGEST_MESSAGE
    assert accepted["message"].endswith("... and more")


def test_a_time_stands_until_the_status_turns() -> None:
    first = conditions.timed(conditions.conditions(1, Findings(waiting=STARTING)), [], "t1")
    second = conditions.timed(conditions.conditions(2, Findings()), first, "t2")
    times = {condition["type"]: condition["lastTransitionTime"] for condition in second}
    turned = {"Ready", "Progressing", "Reconciling"}
    assert {name for name, time in times.items() if time == "t2"} == turned


def test_a_condition_of_an_older_generation_is_none() -> None:
    told = conditions.conditions(1, Findings())
    body = {"metadata": {"generation": 2}, "status": {"conditions": told}}
    assert conditions.condition(body, "Ready") is None
    body["metadata"] = {"generation": 1}
    assert conditions.condition(body, "Ready") is not None
    assert conditions.condition(None, "Ready") is None


def test_every_reason_is_explained_to_users() -> None:
    page = (ROOT / "docs" / "conditions.md").read_text().partition("## Reasons")[2]
    explained = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    known = {value for name, value in vars(reasons).items() if name.isupper()}
    assert explained == known
