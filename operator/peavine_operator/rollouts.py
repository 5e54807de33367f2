"""Which Flows may roll out now, when the operator would render all of them differently than before.

After an upgrade of the operator every Flow gets another runtime image. If all began at once, the cluster would need
room for all of them again, and an image that does not start would reach all of them. So a few go at a time, those that
are ready first, and one that does not become ready keeps its place. A Flow that somebody edits never waits.
"""

from __future__ import annotations

from peavine_operator import kinds, reasons
from peavine_operator.conditions import latest
from peavine_operator.kinds import Body, Ref
from peavine_operator.observed import Observed
from peavine_operator.stages import paused
from peavine_operator.symptoms import Finding

WAITING, ROLLING_OUT = "Waiting", "RollingOut"


class Rollouts:
    """The places in which Flows roll out. They are kept in the status of the Flows, so another replica knows them."""

    def __init__(self, observed: Observed, release: str, places: int) -> None:
        self.release = release
        """Identifies what the operator renders besides manifests: its version and its settings."""
        self._observed, self._places = observed, places
        self._rolling: set[Ref] = set()
        self._waiting: dict[Ref, bool] = {}
        """Whether each Flow that waits is ready."""
        self._begun = False

    def turn(self, key: Ref) -> Finding | None:
        """Return why a Flow must wait, or None when it may roll out: then it has a place, if it needs one."""
        if not self._begun:
            self._begin()
        flow = self._observed.get(key)
        if flow is None or not self._is_behind(key, flow):
            self._waiting.pop(key, None)
            return None
        self._waiting[key] = ready = _is_ready(flow)
        if len(self._rolling) < self._places and (ready or not any(self._waiting.values())):
            self._rolling.add(key)
            del self._waiting[key]
            return None
        return Finding(
            reasons.ROLLOUT_QUEUED,
            f"the operator was upgraded, and {self._places} Flows at a time roll out; until its turn this one goes on "
            "in its old version; an edit rolls it out at once",
        )

    def finish(self, key: Ref, ready: bool) -> set[Ref]:
        """Give up the place of a Flow that is ready in its new version; return whom to look at then."""
        flow = self._observed.get(key)
        pods = self._observed.children(key, kinds.POD)
        if key not in self._rolling or not ready or flow is None or _release(flow) != self.release:
            return set()
        if any(_release(pod) != self.release for pod in pods):
            return set()
        self._rolling.discard(key)
        first = sorted(self._waiting, key=lambda waiting: not self._waiting[waiting])
        return {each for flow in first[: self._places] for each in (flow, *self._observed.pods(flow))}

    def status(self, key: Ref, body: Body, waits: bool) -> dict[str, str | None]:
        """Return what the status of a Flow keeps of this."""
        state = WAITING if waits else ROLLING_OUT if key in self._rolling else None
        return {"rollout": state, "release": _release(body) if waits else self.release}

    def forget(self, key: Ref) -> None:
        """Forget a Flow that is gone."""
        self._rolling.discard(key)
        self._waiting.pop(key, None)

    def _begin(self) -> None:
        self._begun = True
        for key in self._observed.resources():
            flow = self._observed.get(key) if key.kind == kinds.FLOW else None
            if flow is None:
                continue
            if _release(flow) == self.release and (flow.get("status") or {}).get("rollout") == ROLLING_OUT:
                self._rolling.add(key)
            elif self._is_behind(key, flow):
                self._waiting[key] = _is_ready(flow)

    def _is_behind(self, key: Ref, flow: Body) -> bool:
        status = flow.get("status") or {}
        edited = status.get("observedGeneration") != flow["metadata"].get("generation")
        if edited or paused(flow):  # then somebody looks after it
            self._rolling.discard(key)
            return False
        return key not in self._rolling and _release(flow) != self.release


def _release(body: Body) -> str | None:
    found: str | None = (body.get("status") or {}).get("release")
    return found


def _is_ready(flow: Body) -> bool:
    found = latest(flow, "Ready")
    return found is not None and (found["status"] == "True" or found["reason"] == reasons.SCALED_TO_ZERO)
