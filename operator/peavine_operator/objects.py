"""The objects that a Flow or a Pod leads to, by name, and which of them are applied at which stage. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from peavine_operator.kinds import Object


class GatewayObjects(NamedTuple):
    """What a Flow leads to besides its Pods, in the order in which it is applied."""

    policies: list[Object]
    config: Object
    service_account: Object
    service: Object
    workload: Object
    disruption_budget: Object
    autoscaler: Object | None

    def every(self) -> list[Object]:
        """Return all that belongs to the Flow."""
        return _listed(self)

    def applied(self, plan_waits: bool) -> list[Object]:
        """Return what is applied now. While the new plan waits, the gateways that run keep theirs."""
        return [item for item in self.every() if not (plan_waits and (item is self.config or item is self.workload))]


class HeadObjects(NamedTuple):
    """The head of a Pod, in the order in which it is applied."""

    config: Object
    workload: Object
    disruption_budget: Object


class PodObjects(NamedTuple):
    """What a Pod resource leads to, in the order in which it is applied."""

    policies: list[Object]
    config: Object
    peas_service: Object | None
    """The Service of the Peas, where the Pod's own leads to a head or shards need names."""
    workload: Object
    """The Deployment or StatefulSet of the Peas."""
    disruption_budget: Object
    autoscaler: Object | None
    head: HeadObjects | None
    service: Object
    """Bears the Pod's name and leads to the head where there is one, else to the Peas. So a plan that names the Pod
    stays right when a head comes or goes."""
    rehearsal: Object | None
    """A Deployment that starts what the shards are to start, once and without their data; None without shards."""

    def every(self) -> list[Object]:
        """Return all that belongs to the Pod in the end."""
        return _listed(self._replace(rehearsal=None))

    def applied(self, rehearse: bool) -> list[Object]:
        """Return what is applied now. While the new version is rehearsed, the shards stay as they are."""
        return [item for item in _listed(self) if item is not (self.workload if rehearse else self.rehearsal)]


def _listed(parts: Iterable[Any]) -> list[Object]:
    listed: list[Object] = []
    for part in parts:
        if isinstance(part, tuple | list):
            listed += _listed(part)
        elif part is not None:
            listed.append(part)
    return listed
