"""Whether shards may be given a new version, which nobody stands in for while they start.

A shard has one writer, so its old Pea ends before a new one begins, and is missing if that one cannot start. Therefore
a rehearsal, a Pea of the new version without their data, starts first (docs/decisions/0009).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from peavine_operator import names, reasons, rollout
from peavine_operator.kinds import Body
from peavine_operator.symptoms import Finding, is_ready, symptoms


class Outcome(NamedTuple):
    """Of a rehearsal that the shards wait for: why they do, and what fails in it."""

    waiting: Finding
    failing: Sequence[Finding]


def needed(shards: Body | None, wanted: Body, rehearse: bool) -> bool:
    """Tell whether shards that run are to be given another version, and the manifest asks to `rehearse` that."""
    if not rehearse or shards is None or not rollout.wanted(shards) or not rollout.wanted(wanted):
        return False
    return _version(shards) != _version(wanted)


def outcome(wanted: Body, rehearsal: Body | None, core_pods: Sequence[Body]) -> Outcome | None:
    """Return why the shards wait for a rehearsal, or None when they may go on.

    They may when it has started, and when it cannot be tried: no node has room for it, or Kubernetes makes none.
    """
    tried = rollout.newest(wanted, core_pods)
    if any(is_ready(pod) for pod in tried):
        return None
    failing = symptoms(tried)
    if failing and all(finding.reason == reasons.UNSCHEDULABLE for finding in failing):
        return None
    if not failing and rehearsal is not None and _version(rehearsal) == _version(wanted) and rollout.stuck(rehearsal):
        return None
    name = wanted["metadata"]["name"]
    return Outcome(
        Finding(reasons.REHEARSING, f"{name}: the shards go on as they are until their new version has started here"),
        failing,
    )


def _version(workload: Body) -> str:
    return str(workload["spec"]["template"]["metadata"]["labels"].get(names.VERSION))
