"""Conditions: what a resource's status says. Pure; the checks themselves are in pod_status and flow_status.

Ready        a request would be answered by all that the manifest asks for, in its newest version
Available    a request would be answered, be it by an old version or by fewer replicas
Progressing  it is not ready, and only needs time
Degraded     something fails, and time will not mend it
Accepted     the manifest is valid
Reconciling  the operator is at work on it, or it waits for its turn; what kstatus reads
Stalled      it is not ready and will not be before somebody acts; what kstatus reads
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from peavine.errors import Problem
from peavine.spec.status import LONGEST_MESSAGE
from peavine_operator import reasons
from peavine_operator.symptoms import Finding, merged

MORE = "\n... and more"
Condition = dict[str, Any]


@dataclass(frozen=True)
class Findings:
    """All that was found of a resource, from which its conditions are made."""

    refused: Finding | None = None
    """Why its manifest is not accepted."""
    waiting: Finding | None = None
    """Why it is not ready."""
    failing: Sequence[Finding] = ()
    """What fails in it, and time will not mend."""
    unavailable: Finding | None = None
    """Why requests would not be answered."""
    queued: Finding | None = None
    """Why a change waits, although all is ready as it is."""
    paused: Finding | None = None
    """Why the operator changes nothing."""
    examined: bool = True
    """Whether its parts were looked at. An invalid manifest does not say which they are."""
    ready_message: str = "all is ready"
    """Message of Ready where nothing was found."""

    @property
    def is_settled(self) -> bool:
        """Whether nothing has to happen any more: it is ready, or nothing is asked for."""
        idle = self.waiting is not None and self.waiting.reason == reasons.SCALED_TO_ZERO
        return self.refused is None and (self.waiting is None or idle)


def conditions(generation: int, found: Findings) -> list[Condition]:
    """Return the conditions of a resource."""
    refused, waiting, fails = found.refused, found.waiting, merged(found.failing)
    not_ready: Finding | None
    if waiting and found.paused and waiting.reason != reasons.PAUSED:
        not_ready = refused or fails or Finding(reasons.PAUSED, f"{found.paused.message}; {waiting.message}")
    else:
        not_ready = refused or (waiting and (fails or waiting))
    stalled = refused or (fails if waiting else None)
    moves = not_ready is not None and stalled is None and not found.paused
    moves = moves and waiting is not None and waiting.reason != reasons.SCALED_TO_ZERO
    works = waiting if moves else None if stalled or found.paused else found.queued
    nothing = Finding(reasons.NONE, "no change is in progress")
    available = found.unavailable or Finding(reasons.AVAILABLE, "requests are answered")
    if refused and not found.examined:
        available = refused
    told = (
        ("Ready", not_ready is None, not_ready or found.paused or Finding(reasons.READY, found.ready_message)),
        ("Available", found.unavailable is None if found.examined else None, available),
        ("Progressing", moves, waiting or found.paused or nothing),
        ("Degraded", fails is not None, fails or Finding(reasons.NONE, "nothing fails")),
        ("Accepted", refused is None, refused or Finding(reasons.ACCEPTED, "the manifest is valid")),
        ("Reconciling", works is not None, works or found.paused or nothing),
        ("Stalled", stalled is not None, stalled or Finding(reasons.NONE, "nothing waits for a person")),
    )
    return [
        {
            "type": name,
            "status": "Unknown" if holds is None else str(bool(holds)),
            "reason": finding.reason,
            "message": _bounded(finding.message),
            "observedGeneration": generation,
        }
        for name, holds, finding in told
    ]


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


def turned(before: Sequence[Condition], now: Sequence[Condition]) -> list[tuple[str, Condition]]:
    """Return the conditions that people should hear of, each with the type of its event: Normal or Warning.

    That a resource became ready is told, and each new reason why something fails or a manifest is not accepted.
    """
    known = {condition["type"]: (condition["status"], condition["reason"]) for condition in before}
    heard = {("Ready", "True"): "Normal", ("Degraded", "True"): "Warning", ("Accepted", "False"): "Warning"}
    found = []
    for condition in now:
        kind = heard.get((condition["type"], condition["status"]))
        was = known.get(condition["type"], ("", ""))
        same = was[0] == condition["status"] and (kind == "Normal" or was[1] == condition["reason"])
        if kind is not None and not same:
            found.append((kind, condition))
    return found


def latest(body: Mapping[str, Any] | None, name: str) -> Condition | None:
    """Return a condition of a live resource, also if it speaks of an older generation."""
    conditions = ((body or {}).get("status") or {}).get("conditions") or ()
    return next((dict(found) for found in conditions if found["type"] == name), None)


def condition(body: Mapping[str, Any] | None, name: str) -> Condition | None:
    """Return a condition of a live resource, if it speaks of the resource's newest generation."""
    found = latest(body, name)
    if body is None or found is None or found.get("observedGeneration") != body["metadata"].get("generation"):
        return None
    return found
