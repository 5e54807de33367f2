"""Conditions: what is told in a resource's status. Pure; which checks there are is said in pod_status and flow_status.

Ready        a request would be answered by all that the manifest asks for, in its newest version
Progressing  it is not ready, and only needs time
Degraded     something fails, and time will not mend it
Accepted     the manifest is valid
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from peavine.errors import Problem
from peavine.spec.status import LONGEST_MESSAGE
from peavine_operator import reasons
from peavine_operator.symptoms import Finding, merged

MORE = "\n... and more"
Condition = dict[str, Any]


def conditions(
    generation: int,
    refused: Finding | None,
    waiting: Finding | None,
    failing: Sequence[Finding],
    ready_message: str = "all is ready",
) -> list[Condition]:
    """Return the conditions of a resource: why its manifest was refused, what it waits for and what fails in it.

    `ready_message` is the message of Ready where there is none of these.
    """
    accepted = refused or Finding(reasons.ACCEPTED, "the manifest is valid")
    fails = merged(failing)
    ready = refused or (waiting and (fails or waiting))
    told = (
        ("Ready", ready is None, ready or Finding(reasons.READY, ready_message)),
        ("Progressing", _moves(refused, waiting, fails), waiting or Finding(reasons.NONE, "nothing is under way")),
        ("Degraded", bool(fails), fails or Finding(reasons.NONE, "nothing fails")),
        ("Accepted", refused is None, accepted),
    )
    return [
        {
            "type": name,
            "status": "True" if holds else "False",
            "reason": finding.reason,
            "message": _bounded(finding.message),
            "observedGeneration": generation,
        }
        for name, holds, finding in told
    ]


def _moves(refused: Finding | None, waiting: Finding | None, fails: Finding | None) -> bool:
    return refused is None and fails is None and waiting is not None and waiting.reason != reasons.SCALED_TO_ZERO


def _bounded(message: str) -> str:
    """Cut what the API server would refuse: then the status would go on saying what was true before."""
    return message if len(message) <= LONGEST_MESSAGE else message[: LONGEST_MESSAGE - len(MORE)] + MORE


def invalid(problems: Sequence[Problem]) -> Finding:
    """Return why a manifest is not accepted: every problem, one a line."""
    return Finding(reasons.INVALID, "\n".join(str(problem) for problem in problems))


def timed(told: Sequence[Condition], before: Sequence[Condition], now: str) -> list[Condition]:
    """Return conditions with the time when the status of each last changed."""
    known = {condition["type"]: condition for condition in before}
    timed = []
    for condition in told:
        old = known.get(condition["type"])
        same = old is not None and old.get("status") == condition["status"]
        since = old["lastTransitionTime"] if old is not None and same else now
        timed.append({**condition, "lastTransitionTime": since})
    return timed


def condition(body: Mapping[str, Any] | None, name: str) -> Condition | None:
    """Return a condition of a live resource, if it speaks of the resource's newest generation."""
    if body is None:
        return None
    for found in (body.get("status") or {}).get("conditions") or ():
        if found["type"] == name and found.get("observedGeneration") == body["metadata"].get("generation"):
            return dict(found)
    return None
