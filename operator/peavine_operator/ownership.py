"""Which operator serves a Flow, where several are installed: the one that an annotation names, while its Lease lives.

Two operators that render differently would rewrite each other's objects for ever, and each rewrite is a rollout.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, NamedTuple

from peavine_operator import kinds, names, reasons
from peavine_operator.cluster import ApiError, Cluster
from peavine_operator.kinds import Body, Object, Ref
from peavine_operator.observed import Observed
from peavine_operator.symptoms import Finding

ABSENT_SECONDS: Final = 300.0
"""How long a Lease may go without being renewed before its Flows are taken over. An operator that is being upgraded, or
whose node is lost, is back sooner."""
ASK_AGAIN: Final = 30.0
"""Seconds for which what a Lease said is remembered."""


def operator(body: Body) -> str:
    """Return the operator that a Flow or Pod resource names, as NAMESPACE/LEASE; empty where it names none."""
    return str((body["metadata"].get("annotations") or {}).get(names.OPERATOR, ""))


def lives(lease: Body | None, now: datetime) -> bool:
    """Tell whether an operator renewed its Lease within ABSENT_SECONDS."""
    renewed = ((lease or {}).get("spec") or {}).get("renewTime")
    return renewed is not None and (now - datetime.fromisoformat(renewed)).total_seconds() < ABSENT_SECONDS


class Other(NamedTuple):
    """Another operator that serves a resource."""

    finding: Finding
    is_known: bool
    """Whether it is known to live, so that it reports on the resource."""


class Ownership:
    """Takes Flows, and Pod resources that no Flow made, for this operator."""

    def __init__(self, cluster: Cluster, observed: Observed, changed: Callable[[set[Ref]], None]) -> None:
        self._cluster, self._observed, self._changed = cluster, observed, changed
        self.name = f"{cluster.settings.namespace}/{cluster.settings.lease_name}"
        self._answers: dict[str, tuple[float, bool | None]] = {}
        """When each other Lease was read, and whether its operator lives; None where that is not known."""

    async def other(self, key: Ref, body: Object) -> Other | None:
        """Return which other operator serves a Flow or Pod, or None when this one does, which it then names.

        The Pods of a Flow go with it.
        """
        made_by = (body["metadata"].get("labels") or {}).get(names.FLOW, "")
        flow = self._observed.get(Ref(kinds.FLOW, key.namespace, made_by))
        serving = operator(flow or body)
        if serving == self.name:
            return None
        known = True if flow is not None else await self._lives(serving) if serving else False
        if known is not False:
            message = (
                f'the annotation {names.OPERATOR} names the operator "{serving}"; this is "{self.name}", which takes '
                "over when the annotation is removed"
            )
            return Other(Finding(reasons.OTHER_OPERATOR, message), known is True)
        live = await self._cluster.annotate(body, {names.OPERATOR: self.name})
        self._changed(self._observed.put(live))
        return None

    async def _lives(self, serving: str) -> bool | None:
        known = self._answers.get(serving)
        if known is None or time.monotonic() - known[0] > ASK_AGAIN:
            known = time.monotonic(), await self._ask(serving)
            self._answers = {**self._answers, serving: known} if len(self._answers) < 100 else {serving: known}
        return known[1]

    async def _ask(self, serving: str) -> bool | None:
        namespace, _, name = serving.partition("/")
        if not namespace or not name or "/" in name:
            return None
        try:
            lease = await self._cluster.get(Ref(kinds.LEASE, namespace, name))
        except ApiError as error:
            if error.status == 403:
                return None
            raise
        return lives(lease, datetime.now(UTC))
