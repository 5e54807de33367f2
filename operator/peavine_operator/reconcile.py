"""One look at a Flow or a Pod: observe, render, apply what differs, prune what is not rendered, tell the status.

It decides from what is there, never from what happened, so any number of looks in any order lead to the same end, and
a look at what is as it should be writes nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from peavine.errors import ManifestError, Problem
from peavine.spec import Flow
from peavine_operator import conditions, flow_status, kinds, names, pod_status, reasons, rehearsal, render, volumes
from peavine_operator.acceptance import accept_flow, accept_pod
from peavine_operator.asking import Peas
from peavine_operator.cluster import ApiError, Cluster
from peavine_operator.drift import drift
from peavine_operator.kinds import Kind, Ref
from peavine_operator.observed import Observed
from peavine_operator.settings import Settings
from peavine_operator.symptoms import Finding, is_ready, merged

Body = dict[str, Any]
AT_ONCE = (kinds.AUTOSCALER, kinds.DISRUPTION_BUDGET)
"""What goes as soon as it is not rendered; the rest may be needed by an old version that still runs."""
NEW = "it is new"
"""Why an object is applied that is not there yet."""
_log = logging.getLogger(__name__)


class Refused(Exception):
    """A manifest cannot be carried out as it is; `finding` says why, and `again` whether time may help."""

    def __init__(self, finding: Finding, again: bool = False) -> None:
        self.finding, self.again = finding, again
        super().__init__(finding.message)


class Reconciler:
    """Looks at Flows and Pods, one at a time each."""

    def __init__(self, cluster: Cluster, observed: Observed, settings: Settings, changed: Callable[[set[Ref]], None]):
        self._cluster, self._observed, self._settings, self._changed = cluster, observed, settings, changed
        self._peas = Peas(settings.resync_seconds / 2)
        self._equal: dict[Ref, tuple[str, str]] = {}
        """What the API server says in its own words: an object's hash, and the difference that is none."""

    async def reconcile(self, key: Ref) -> bool:
        """Look at a Flow or Pod and return whether nothing failed. A refused manifest is no failure."""
        body = self._observed.get(key)
        if body is None or "deletionTimestamp" in body["metadata"]:
            return True
        look = self._flow if key.kind == kinds.FLOW else self._pod
        refused: Finding | None = None
        again = False
        checked = True
        try:
            checked = await look(key, body)
        except ManifestError as error:
            refused = conditions.invalid(error.problems)
        except Refused as refusal:
            refused, again = refusal.finding, refusal.again
        if refused:
            told = conditions.conditions(body["metadata"]["generation"], refused, None, ())
            await self._tell(key, body, told, {})
        return checked and not again

    async def _pod(self, key: Ref, body: Body) -> bool:
        pod = accept_pod(body)
        place = render.Place(key.namespace, self._settings.image, self._settings.image_pull_policy)
        objects = render.pod_objects(pod, place)
        seen = pod_status.see(self._observed, key, pod)
        self._hold_entry(key, objects[-1], seen)
        trial = render.rehearsal(pod, place)
        held = self._hold_shards(objects, trial, seen)
        applied = [trial if held and kinds.of(item) == kinds.STATEFUL_SET else item for item in objects]
        await self._apply(applied, body, template=pod.spec.pod_template)
        seen = pod_status.see(self._observed, key, pod)
        idle = pod_status.peas_are_scaled_to_zero(seen)
        settled = pod_status.first((*pod_status.SETTLED, pod_status.entry_is_reachable), seen) is None
        await self._prune(key, body, [*objects, *applied], held is None and (settled or idle is not None))
        waiting, failing = pod_status.first(pod_status.READY, seen), pod_status.failing(seen)
        if held:
            waiting, failing = held.waiting, [*held.failing, *failing]
        found = await self._volumes(body, seen)
        failing += found.failing
        waiting = waiting or next(iter(found.failing), found.unchecked)
        told = conditions.conditions(body["metadata"]["generation"], None, waiting, failing)
        stores = {"stores": found.stores} if found.stores else {}
        await self._tell(key, body, told, {**pod_status.status(seen), **stores})
        return found.unchecked is None

    async def _volumes(self, body: Body, seen: pod_status.Seen) -> volumes.Outcome:
        """Return whether the shards that are ready have the data that they had."""
        if seen.pod.spec.storage is None:
            return volumes.Outcome()
        answers = await self._peas.stores([pod for pod in seen.of("pea") if is_ready(pod)])
        reported = {int(name.rpartition("-")[2]): stores for name, stores in answers.items()}
        remembered = (body.get("status") or {}).get("stores") or ()
        accepted = (body["metadata"].get("annotations") or {}).get(names.ACCEPT_VOLUME, "")
        return volumes.look(seen.pod.metadata.name, remembered, reported, accepted)

    def _hold_shards(self, objects: Sequence[Body], trial: Body, seen: pod_status.Seen) -> rehearsal.Outcome | None:
        """Return why shards that run are not given their new version yet: a rehearsal of it has not started."""
        for item in objects:
            if kinds.of(item) == kinds.STATEFUL_SET and rehearsal.needed(seen.peas, item):
                return rehearsal.outcome(trial, seen.rehearsal, seen.of("rehearsal"))
        return None

    def _hold_entry(self, key: Ref, service: Body, seen: pod_status.Seen) -> None:
        """Leave a Pod's Service with the Peas until a new head can take over."""
        live = self._observed.get(Ref(kinds.SERVICE, key.namespace, key.name))
        if live is None or not seen.pod.spec.has_head:
            return
        if pod_status.head_is_replaced(seen) or pod_status.head_is_ready(seen):
            service["spec"]["selector"] = live["spec"]["selector"]

    async def _flow(self, key: Ref, body: Body) -> bool:
        flow = accept_flow(body)
        place = render.Place(key.namespace, self._settings.image, self._settings.image_pull_policy)
        pods, gateway = render.flow_pods(flow, place), render.flow_gateway(flow, place)
        refused = await self._apply_pods(pods, body, flow)
        held = self._hold_plan(key, gateway)
        keep = (kinds.DEPLOYMENT, kinds.CONFIG_MAP) if held or refused else ()
        applied = [item for item in gateway if kinds.of(item) not in keep]
        await self._apply(applied, body, "spec.gateway", flow.spec.gateway.pod_template)
        if refused:
            raise Refused(refused, again=True)
        seen = flow_status.see(self._observed, key, flow, held)
        idle = held is None and flow_status.gateway_is_scaled_to_zero(seen) is not None
        settled = flow_status.first(flow_status.SETTLED, seen) is None
        await self._prune(key, body, [*pods, *gateway], settled or idle)
        waiting, failing = flow_status.first(flow_status.READY, seen), flow_status.failing(seen)
        told = conditions.conditions(body["metadata"]["generation"], flow_status.refused(seen), waiting, failing)
        await self._tell(key, body, told, flow_status.status(seen))
        return True

    def _hold_plan(self, key: Ref, gateway: Sequence[Body]) -> Finding | None:
        """Return why a live gateway keeps its old plan: a Pod that only the new one names is not ready."""
        live = self._observed.get(Ref(kinds.DEPLOYMENT, key.namespace, names.gateway(key.name)))
        if live is None:
            return None
        (new,) = (item for item in gateway if kinds.of(item) == kinds.DEPLOYMENT)
        named = [_named(item) for item in (live, new)]
        waited = [
            name
            for name in sorted(named[1] - named[0])
            if not flow_status.is_ready(self._observed.get(Ref(kinds.POD, key.namespace, name)))
        ]
        if not waited:
            return None
        return Finding(reasons.WAITING_FOR_PODS, f"the gateway goes on as before until these are ready: {waited}")

    async def _apply_pods(self, pods: Sequence[Body], owner: Body, flow: Flow) -> Finding | None:
        """Apply the Pod resources of a Flow, which do not depend on each other; return why any was refused."""
        refused = []
        for item in pods:
            try:
                await self._apply([item], owner)
            except Refused as refusal:
                reason, message = refusal.finding
                step = item["metadata"]["labels"][names.STEP]
                refused.append(Finding(reason, flow_status.in_flow(flow, step, message)))
        return merged(refused)

    async def _apply(
        self, objects: Sequence[Body], owner: Body, path: str = "spec", template: Mapping[str, Any] | None = None
    ) -> None:
        """Apply each object that is not as rendered. Raises Refused.

        `path` is where the manifest asks for them, and `template` what it says there of their core pods.
        """
        stale = []
        for item in objects:
            wanted = _owned(item, owner)
            why = await self._why(wanted, owner)
            if why is not None:
                stale.append((wanted, why))
        try:
            for wanted, _ in stale:
                if template and kinds.of(wanted) in (kinds.DEPLOYMENT, kinds.STATEFUL_SET):
                    await self._cluster.apply(wanted, dry_run=True)
            for wanted, why in stale:
                ref = kinds.ref(wanted)
                await self._keep_replicas(wanted)
                try:
                    live = await self._cluster.apply(wanted)
                except ApiError as error:
                    if not error.invalid or why == NEW:
                        raise
                    live = await self._cluster.overwrite(wanted)
                _log.info("%s applied: %s", ref, why)
                self._changed(self._observed.put(live))
                left = drift(_comparable(wanted), live)
                if left is not None:
                    self._equal[ref] = (wanted["metadata"]["annotations"][names.RENDERED], left)
        except ApiError as error:
            if not error.refused:
                raise
            where = f"{path}.podTemplate" if template and error.invalid else path
            problem = Problem(where, f"the API server refuses what this leads to: {error.message}")
            raise Refused(Finding(reasons.REFUSED, str(problem)), again=True) from error

    async def _keep_replicas(self, wanted: Body) -> None:
        """Let the replicas that there are stay when the manifest says nothing of them any longer.

        An apply takes away what it said before and says no longer, and the default is one: that would end replicas
        just when an autoscaler takes over.
        """
        ref = kinds.ref(wanted)
        live = self._observed.get(ref)
        if ref.kind not in (kinds.POD, kinds.DEPLOYMENT) or live is None or "replicas" in wanted["spec"]:
            return
        replicas = live["spec"].get("replicas", 1)
        if replicas != 1:
            body = {
                **wanted,
                "metadata": {"name": ref.name, "namespace": ref.namespace},
                "spec": {"replicas": replicas},
            }
            await self._cluster.apply(body, manager=names.REPLICAS_MANAGER)

    async def _why(self, wanted: Body, owner: Body) -> str | None:
        """Return why an object must be applied, or None when it is as it should be."""
        ref = kinds.ref(wanted)
        live = self._observed.get(ref)
        if live is None:
            live = await self._cluster.get(ref)
            if live is None:
                return NEW
        controller, labels = _controller(live), live["metadata"].get("labels") or {}
        if controller is None and wanted["metadata"]["labels"].items() <= labels.items():
            return "it has lost its owner"
        if controller != owner["metadata"]["uid"]:
            hint = "it may be about to be deleted" if controller else "choose another name"
            problem = Problem("metadata.name", f"{ref.kind.name} {ref.name} belongs to somebody else; {hint}")
            raise Refused(Finding(reasons.NAME_TAKEN, str(problem)), again=True)
        digest = wanted["metadata"]["annotations"][names.RENDERED]
        found = drift(_comparable(wanted), live)
        if (live["metadata"].get("annotations") or {}).get(names.RENDERED) != digest:
            return found or "a field is no longer rendered"
        return None if found is None or self._equal.get(ref) == (digest, found) else found

    async def _prune(self, key: Ref, owner: Body, rendered: Iterable[Body], settled: bool) -> None:
        """Delete what belongs to a resource and is not rendered any longer."""
        wanted = {kinds.ref(item) for item in rendered}
        prunable: tuple[Kind, ...] = (*kinds.APPLIED, kinds.POD) if key.kind == kinds.FLOW else kinds.APPLIED
        for kind in prunable:
            for live in self._observed.children(key, kind):
                ref = kinds.ref(live)
                if ref in wanted or "deletionTimestamp" in live["metadata"]:
                    continue
                at_once = kind in AT_ONCE or ref.name == names.rehearsal(key.name)
                if _controller(live) == owner["metadata"]["uid"] and (settled or at_once):
                    await self._cluster.delete(live)
                    _log.info("%s deleted: it is not rendered any longer", ref)
                    self._observed.drop(live)

    async def _tell(self, key: Ref, body: Body, told: Sequence[conditions.Condition], more: Mapping[str, Any]) -> None:
        """Write the status, if it differs from what it says already, and tell people what turned."""
        before = body.get("status") or {}
        old = {condition["type"]: condition for condition in before.get("conditions") or ()}
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        timed = conditions.timed(told, list(old.values()), now)
        status = {"observedGeneration": body["metadata"]["generation"], "conditions": timed, **more}
        if all(before.get(field) == value for field, value in status.items()):
            return
        live = await self._cluster.patch_status(key, status)
        if live is not None:
            self._changed(self._observed.put(live))
        for condition in timed:
            was = old.get(condition["type"], {}).get("status")
            good = condition["type"] in ("Ready", "Accepted")
            if condition["type"] != "Progressing" and was != condition["status"]:
                if condition["status"] == "True" and condition["type"] == "Ready":
                    await self._cluster.event(body, "Normal", condition["reason"], condition["message"])
                elif good != (condition["status"] == "True") and condition["type"] != "Ready":
                    await self._cluster.event(body, "Warning", condition["reason"], condition["message"])


def _owned(item: Body, owner: Body) -> Body:
    """Return an object with its owner, so that it goes when the owner goes, and with its hash."""
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
    metadata = item["metadata"]
    annotations = {**metadata.get("annotations", {}), names.RENDERED: names.content_hash(item)}
    return {**item, "metadata": {**metadata, "annotations": annotations, "ownerReferences": [reference]}}


def _comparable(item: Body) -> Body:
    """Return what of an object can be compared.

    A ConfigMap cannot change, and its content is not remembered. The hash differs because something else does.
    """
    metadata = item["metadata"]
    annotations = {key: value for key, value in metadata["annotations"].items() if key != names.RENDERED}
    compared = {key: value for key, value in item.items() if key != "data"}
    return {**compared, "metadata": {**metadata, "annotations": annotations}}


def _controller(live: Body) -> str | None:
    for reference in live["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            return str(reference["uid"])
    return None


def _named(gateway: Body) -> set[str]:
    return set((gateway["metadata"].get("annotations") or {}).get(names.NAMED, "").split(",")) - {""}
