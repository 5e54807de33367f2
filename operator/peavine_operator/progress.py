"""Whether what is not ready makes progress. Pure; the status holds the time it last did, so a restart keeps it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from peavine_operator import reasons
from peavine_operator.conditions import latest
from peavine_operator.kinds import Body
from peavine_operator.symptoms import Finding

ELSEWHERE = (
    reasons.SCALED_TO_ZERO, reasons.PODS_NOT_READY, reasons.WAITING_FOR_PODS, reasons.POD_MISSING,
    reasons.VOLUME_UNCHECKED,
)  # fmt: skip
"""Reasons to wait without a deadline: nothing is asked for, or another resource reports that it is stuck."""


def since(body: Body, waiting: Finding | None, now: str) -> str | None:
    """Return when what a resource waits for last changed, or None if it waits for nothing."""
    if waiting is None:
        return None
    before = latest(body, "Progressing") or {}
    same = (before.get("reason"), before.get("message"), before.get("observedGeneration"))
    known: str | None = (body.get("status") or {}).get("lastProgressTime")
    return known if known and same == (*waiting, body["metadata"]["generation"]) else now


def overdue(waiting: Finding | None, since: str | None, now: str, seconds: int) -> bool:
    """Tell whether there was no progress for so long that time will not help."""
    if waiting is None or since is None or waiting.reason in ELSEWHERE:
        return False
    return (datetime.fromisoformat(now) - datetime.fromisoformat(since)).total_seconds() > seconds


def stuck(waiting: Finding, seconds: int, events: Iterable[Body]) -> Finding:
    """Return that there was no progress for `seconds`, and what Kubernetes warns of."""
    message = f"no progress for {seconds} s: {waiting.message}"
    newest = max(events, key=_time, default=None)
    if newest is not None:
        about = newest.get("involvedObject", {})
        message += f"\n{about.get('kind')} {about.get('name')}: {newest.get('reason')}: {newest.get('message')}"
    return Finding(reasons.STUCK, message)


def _time(event: Body) -> str:
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return next((str(time) for time in times if time), "")
