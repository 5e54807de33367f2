"""One look at a Flow or a Pod: observe, render, apply what differs, prune what is not rendered, tell the status.

It decides from what is there, never from what happened, so any number of looks in any order lead to the same end, and
a look at what is as it should be writes nothing.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from peavine.errors import ManifestError
from peavine.spec import Flow, Pod
from peavine_operator import conditions, flow_status, kinds, names, pod_status, reasons, rehearsal, render, volumes
from peavine_operator.acceptance import accept_flow, accept_pod
from peavine_operator.applying import Applier, Refused, controller
from peavine_operator.asking import Peas
from peavine_operator.cluster import Cluster
from peavine_operator.kinds import Kind, Ref
from peavine_operator.observed import Observed
from peavine_operator.settings import Settings
from peavine_operator.symptoms import Finding, is_ready, merged

Body = dict[str, Any]
AT_ONCE = (kinds.AUTOSCALER, kinds.DISRUPTION_BUDGET)
"""What goes as soon as it is not rendered; the rest may be needed by an old version that still runs."""
_log = logging.getLogger(__name__)


class Reconciler:
    """Looks at Flows and Pods, one at a time each."""

    def __init__(self, cluster: Cluster, observed: Observed, settings: Settings, changed: Callable[[set[Ref]], None]):
        self._cluster, self._observed, self._settings, self._changed = cluster, observed, settings, changed
        self._applier = Applier(cluster, observed, changed)
        self._peas = Peas(settings.resync_seconds / 2)
        self._accepted: dict[Ref, tuple[str, str]] = {}
        """The uid of each resource and its newest spec that was right, as text."""

    async def reconcile(self, key: Ref) -> bool:
        """Look at a Flow or Pod and return whether nothing failed. A wrong manifest does not count as one.

        While a manifest is wrong, what runs is kept as the one before it said.
        """
        body = self._observed.get(key)
        if body is None or "deletionTimestamp" in body["metadata"]:
            self._accepted.pop(key, None)
            return True
        wrong: Finding | None = None
        manifest: Flow | Pod | None
        try:
            manifest = _accept(body)
            self._accepted[key] = (body["metadata"]["uid"], json.dumps(body["spec"], ensure_ascii=False))
        except ManifestError as error:
            wrong = conditions.invalid(error.problems)
            manifest = self._accepted_before(key, body)
        if isinstance(manifest, Flow):
            return await self._flow(key, body, manifest, wrong)
        if isinstance(manifest, Pod):
            return await self._pod(key, body, manifest, wrong)
        told = conditions.conditions(body["metadata"]["generation"], wrong, None, ())
        await self._tell(key, body, told, {})
        return True

    def _place(self, namespace: str) -> render.Place:
        settings = self._settings
        return render.Place(
            namespace=namespace,
            image=settings.image,
            pull_policy=settings.image_pull_policy,
            pull_secrets=settings.image_pull_secrets,
            network_policies=settings.network_policies,
            fs_group=settings.fs_group,
            cluster_domain=settings.cluster_domain,
        )

    def _accepted_before(self, key: Ref, body: Body) -> Flow | Pod | None:
        """Return the manifest that a resource had before it was wrong, if this process has seen it."""
        uid, spec = self._accepted.get(key, ("", ""))
        return _accept({**body, "spec": json.loads(spec)}) if uid == body["metadata"]["uid"] else None

    async def _pod(self, key: Ref, body: Body, pod: Pod, wrong: Finding | None) -> bool:
        place = self._place(key.namespace)
        objects = render.pod_objects(pod, place)
        seen = pod_status.see(self._observed, key, pod)
        self._hold_entry(key, objects[-1], seen)
        trial = render.rehearsal(pod, place)
        held = self._hold_shards(objects, trial, seen)
        applied = [trial if held and kinds.of(item) == kinds.STATEFUL_SET else item for item in objects]
        refused: Finding | None = None
        try:
            await self._applier.apply(applied, body, template=pod.spec.pod_template)
        except Refused as refusal:
            refused = refusal.finding
        seen = pod_status.see(self._observed, key, pod)
        idle = pod_status.peas_are_scaled_to_zero(seen)
        settled = pod_status.first((*pod_status.SETTLED, pod_status.entry_is_reachable), seen) is None
        waiting, failing = pod_status.first(pod_status.READY, seen), pod_status.failing(seen)
        if held:
            waiting, failing = held.waiting, [*held.failing, *failing]
        found = await self._volumes(body, seen)
        failing = [*failing, *found.failing]
        waiting = waiting or next(iter(found.failing), found.unchecked)
        told = conditions.conditions(body["metadata"]["generation"], wrong or refused, waiting, failing)
        stores = {"stores": found.stores} if found.stores else {}
        await self._tell(key, body, told, {**pod_status.status(seen), **stores})
        if refused is None:
            await self._prune(key, body, [*objects, *applied], held is None and (settled or idle is not None))
        return refused is None and found.unchecked is None

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
            if kinds.of(item) == kinds.STATEFUL_SET and rehearsal.needed(seen.peas, item, seen.pod.spec.rehearse):
                return rehearsal.outcome(trial, seen.rehearsal, seen.of("rehearsal"))
        return None

    def _hold_entry(self, key: Ref, service: Body, seen: pod_status.Seen) -> None:
        """Leave a Pod's Service with the Peas until a new head can take over."""
        live = self._observed.get(Ref(kinds.SERVICE, key.namespace, key.name))
        if live is None or not seen.pod.spec.has_head:
            return
        leads_to = (live["spec"].get("selector") or {}).get(names.COMPONENT)
        if leads_to == "pea" and (pod_status.head_is_replaced(seen) or pod_status.head_is_ready(seen)):
            service["spec"]["selector"] = names.selector("pea", pod=key.name)

    async def _flow(self, key: Ref, body: Body, flow: Flow, wrong: Finding | None) -> bool:
        place = self._place(key.namespace)
        pods, gateway = render.flow_pods(flow, place), render.flow_gateway(flow, place)
        refused = await self._apply_pods(pods, body, flow)
        held = self._hold_plan(key, gateway)
        keep = (kinds.DEPLOYMENT, kinds.CONFIG_MAP) if held or refused else ()
        applied = [item for item in gateway if kinds.of(item) not in keep]
        try:
            await self._applier.apply(applied, body, "spec.gateway", flow.spec.gateway.pod_template)
        except Refused as refusal:
            refused = refused or refusal.finding
        seen = flow_status.see(self._observed, key, flow, held)
        idle = held is None and flow_status.gateway_is_scaled_to_zero(seen) is not None
        settled = flow_status.first(flow_status.SETTLED, seen) is None
        waiting, failing = flow_status.first(flow_status.READY, seen), flow_status.failing(seen)
        not_accepted = wrong or refused or flow_status.refused(seen)
        told = conditions.conditions(
            body["metadata"]["generation"], not_accepted, waiting, failing, flow_status.ready_message(seen)
        )
        await self._tell(key, body, told, flow_status.status(seen))
        if refused is None:
            await self._prune(key, body, [*pods, *gateway], settled or idle)
        return refused is None

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
                await self._applier.apply([item], owner)
            except Refused as refusal:
                reason, message = refusal.finding
                step = item["metadata"]["labels"][names.STEP]
                refused.append(Finding(reason, flow_status.in_flow(flow, step, message)))
        return merged(refused)

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
                if controller(live) == owner["metadata"]["uid"] and (settled or at_once):
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


def _accept(body: Body) -> Flow | Pod:
    return accept_flow(body) if kinds.of(body) == kinds.FLOW else accept_pod(body)


def _named(gateway: Body) -> set[str]:
    return set((gateway["metadata"].get("annotations") or {}).get(names.NAMED, "").split(",")) - {""}
