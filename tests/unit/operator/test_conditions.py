from __future__ import annotations

import re
from pathlib import Path

import pytest

from peavine.errors import Problem
from peavine.spec.status import LONGEST_MESSAGE
from peavine_operator import conditions, reasons
from peavine_operator.symptoms import Finding

ROOT = Path(__file__).resolve().parents[3]
STARTING = Finding(reasons.STARTING, "one of two")
FAILED = Finding(reasons.CONTAINER_FAILED, "Pea a-0: no such class")
IDLE = Finding(reasons.SCALED_TO_ZERO, "nothing is asked for")
WRONG = conditions.invalid([Problem("spec.pods[0].uses", "is empty"), Problem("spec.timeoutSeconds", "is too short")])


@pytest.mark.parametrize(
    ("refused", "waiting", "failing", "told"),
    [
        pytest.param(None, None, [], "Ready Accepted", id="all is well"),
        pytest.param(None, STARTING, [], "Progressing Accepted", id="it only needs time"),
        pytest.param(None, STARTING, [FAILED], "Degraded Accepted", id="time will not mend it"),
        pytest.param(None, None, [FAILED], "Ready Degraded Accepted", id="ready, and something besides fails"),
        pytest.param(None, IDLE, [], "Accepted", id="nothing is asked for"),
        pytest.param(WRONG, None, [], "", id="the manifest is wrong"),
    ],
)
def test_conditions_tell_what_is_so(
    refused: Finding | None, waiting: Finding | None, failing: list[Finding], told: str
) -> None:
    found = conditions.conditions(3, refused, waiting, failing)
    assert " ".join(condition["type"] for condition in found if condition["status"] == "True") == told
    assert {condition["observedGeneration"] for condition in found} == {3}


def test_ready_says_why_it_is_not() -> None:
    ready = conditions.conditions(1, None, STARTING, [FAILED])[0]
    assert (ready["reason"], ready["message"]) == (FAILED.reason, FAILED.message)


def test_every_problem_of_a_manifest_is_told_with_its_path() -> None:
    accepted = conditions.conditions(1, WRONG, None, [])[-1]
    assert accepted["message"] == "spec.pods[0].uses: is empty\nspec.timeoutSeconds: is too short"


def test_what_fails_twice_alike_is_told_once() -> None:
    degraded = conditions.conditions(1, None, STARTING, [FAILED, FAILED, Finding(reasons.STUCK, "b")])[2]
    assert degraded["message"] == "Pea a-0: no such class\nb"


def test_a_message_is_never_longer_than_the_api_server_takes() -> None:
    many = [Problem(f"spec.pods[{i}].uses", "x" * 1000) for i in range(64)]
    accepted = conditions.conditions(1, conditions.invalid(many), None, [])[-1]
    assert len(accepted["message"]) == LONGEST_MESSAGE
    assert accepted["message"].endswith("... and more")


def test_a_time_stands_until_the_status_turns() -> None:
    first = conditions.timed(conditions.conditions(1, None, STARTING, []), [], "t1")
    second = conditions.timed(conditions.conditions(2, None, None, []), first, "t2")
    times = {condition["type"]: condition["lastTransitionTime"] for condition in second}
    assert times == {"Ready": "t2", "Progressing": "t2", "Degraded": "t1", "Accepted": "t1"}


def test_a_condition_of_an_older_generation_is_none() -> None:
    told = conditions.conditions(1, None, None, [])
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
