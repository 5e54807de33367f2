"""One look at a Flow or a Pod: observe, render, apply what differs, prune what is not rendered, tell the status.

It decides from what is there, never from what happened, so any number of looks in any order lead to the same end, and
a look at what is as it should be writes nothing.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from peavine.errors import ManifestError
from peavine.spec import Flow, Pod
from peavine.version import __version__
from peavine_operator import conditions, flow_status, growth, kinds, names, pod_status, reasons, render, stages, volumes
from peavine_operator.acceptance import accept_flow, accept_pod
from peavine_operator.applying import Applier, Refused
from peavine_operator.asking import Peas
from peavine_operator.checks import first
from peavine_operator.cluster import Cluster
from peavine_operator.kinds import Object, Ref
from peavine_operator.objects import GatewayObjects
from peavine_operator.observed import Observed
from peavine_operator.ownership import Ownership
from peavine_operator.rollouts import Rollouts
from peavine_operator.settings import Settings
from peavine_operator.status_writer import StatusWriter
from peavine_operator.symptoms import Finding, is_ready, merged


class Reconciler:
    """Looks at Flows and Pods, one at a time each."""

    def __init__(self, cluster: Cluster, observed: Observed, settings: Settings, changed: Callable[[set[Ref]], None]):
        self._observed, self._settings = observed, settings
        self._applier = Applier(cluster, observed, changed)
        self._changed = changed
        self._ownership = Ownership(cluster, observed, changed)
        release = names.content_hash([__version__, dataclasses.asdict(self._target(""))])
        self._rollouts = Rollouts(observed, release, settings.rolling_flows)
        self._status = StatusWriter(cluster, observed, changed, settings.progress_seconds)
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
            self._applier.forget(key)
            self._rollouts.forget(key)
            return True
        if other := await self._ownership.other(key, body):
            self._rollouts.forget(key)
            if not other.is_known and not body.get("status"):
                await self._status.write(key, body, conditions.Findings(refused=other.finding, examined=False), {})
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
        self._rollouts.forget(key)
        await self._status.write(key, body, conditions.Findings(refused=wrong, examined=False), {})
        return True

    def _accepted_before(self, key: Ref, body: Object) -> Flow | Pod | None:
        """Return the manifest that a resource had before it was wrong, if this process has seen it."""
        uid, spec = self._accepted.get(key, ("", ""))
        return _accept({**body, "spec": json.loads(spec)}) if uid == body["metadata"]["uid"] else None

    async def _pod(self, key: Ref, body: Object, pod: Pod, wrong: Finding | None) -> bool:
        seen = pod_status.see(self._observed, key, pod)
        live = self._observed.get(Ref(kinds.SERVICE, key.namespace, key.name))
        made_by = Ref(kinds.FLOW, key.namespace, (body["metadata"].get("labels") or {}).get(names.FLOW, ""))
        paused = stages.paused(body, self._observed.get(made_by))
        queued = self._rollouts.turn(made_by)
        shrinks, not_grown = await self._grow(pod, seen, paused or queued)
        size = growth.template_size(seen.peas) if shrinks or not_grown else None
        objects = render.pod_objects(pod, self._target(key.namespace), stages.entry(live, seen), size)
        held = stages.rehearsing(objects, seen, paused or queued)
        applied = objects.applied(rehearse=held is not None)
        refused, pending = await self._carry_out(applied, body, paused or queued, template=pod.spec.pod_template)
        seen = pod_status.see(self._observed, key, pod)
        idle = pod_status.peas_are_scaled_to_zero(seen)
        settled = first((*pod_status.SETTLED, pod_status.entry_is_reachable), seen) is None
        waiting, failing = first(pod_status.READY, seen), pod_status.failing(seen)
        if held:
            waiting, failing = held.waiting, [*held.failing, *failing]
        found = await self._volumes(body, seen)
        failing = [*failing, *found.failing, *([not_grown] if not_grown else [])]
        grows = growth.growing(seen.claims, pod.spec.storage.size) if pod.spec.storage else None
        waiting = pending or waiting or next(iter(found.failing), found.unchecked) or not_grown or grows
        judged = conditions.Findings(
            refused=wrong or shrinks or refused,
            waiting=waiting,
            failing=failing,
            unavailable=first(pod_status.AVAILABLE, seen),
            queued=queued,
            paused=paused,
        )
        stores = {"stores": found.stores} if found.stores else {}
        told = {**pod_status.status(seen), **stores}
        if not (paused or queued):
            told["release"] = self._rollouts.release
        await self._status.write(key, body, judged, told, pod_status.parts(seen))
        if not (refused or paused or queued):
            kept = [*objects.every(), *applied]
            await self._applier.prune(key, body, kept, held is None and (settled or idle is not None))
        return refused is None and found.unchecked is None

    async def _grow(
        self, pod: Pod, seen: pod_status.SeenPod, hold: Finding | None
    ) -> tuple[Finding | None, Finding | None]:
        """Enlarge the volumes of a Pod that are too small; return why they would shrink, and why they cannot grow."""
        if pod.spec.storage is None or hold:
            return None, None
        size = pod.spec.storage.size
        if shrinks := growth.shrinks(seen.peas, size):
            return shrinks, None
        try:
            await self._applier.enlarge(growth.too_small(seen.claims, size), size)
        except Refused as refusal:
            return None, refusal.finding
        return None, None

    async def _volumes(self, body: Object, seen: pod_status.SeenPod) -> volumes.Outcome:
        """Return whether the shards that are ready have the data that they had."""
        if seen.pod.spec.storage is None:
            return volumes.Outcome()
        answers = await self._peas.stores([pod for pod in seen.of("pea") if is_ready(pod)])
        reported = {int(name.rpartition("-")[2]): stores for name, stores in answers.items()}
        remembered = (body.get("status") or {}).get("stores") or ()
        accepted = (body["metadata"].get("annotations") or {}).get(names.ACCEPT_VOLUME, "")
        return volumes.look(seen.pod.metadata.name, remembered, reported, accepted)

    async def _flow(self, key: Ref, body: Object, flow: Flow, wrong: Finding | None) -> bool:
        target = self._target(key.namespace)
        pods, gateway = render.flow_pods(flow, target), render.flow_gateway(flow, target)
        paused, queued = stages.paused(body), self._rollouts.turn(key)
        refused, pending = await self._apply_pods(pods, body, paused or queued, flow)
        held = self._plan_waits(key, gateway)
        applied = gateway.applied(plan_waits=held is not None or refused is not None)
        template = flow.spec.gateway.pod_template
        of_gateway = await self._carry_out(applied, body, paused or queued, "spec.gateway", template)
        refused, pending = refused or of_gateway[0], pending or of_gateway[1]
        seen = flow_status.see(self._observed, key, flow, held)
        idle = held is None and flow_status.gateway_is_scaled_to_zero(seen) is not None
        settled = first(flow_status.SETTLED, seen) is None
        waiting, failing = first(flow_status.READY, seen), flow_status.failing(seen)
        judged = conditions.Findings(
            refused=wrong or refused or flow_status.refused(seen),
            waiting=pending or waiting,
            failing=failing,
            unavailable=first(flow_status.AVAILABLE, seen),
            queued=queued,
            paused=paused,
            ready_message=flow_status.ready_message(seen),
        )
        self._changed(self._rollouts.finish(key, judged.is_settled))
        told = {**flow_status.status(seen), **self._rollouts.status(key, body, waits=bool(paused or queued))}
        await self._status.write(key, body, judged, told, flow_status.parts(seen))
        if not (refused or paused or queued):
            await self._applier.prune(key, body, [*pods, *gateway.every()], settled or idle)
        return refused is None

    def _plan_waits(self, key: Ref, gateway: GatewayObjects) -> Finding | None:
        """Return why a live gateway keeps its old plan: a Pod that only the new one names is not ready."""
        live = self._observed.get(Ref(kinds.DEPLOYMENT, key.namespace, names.gateway(key.name)))
        new = stages.newly_named(live, gateway)
        return stages.plan_waits({name: self._observed.get(Ref(kinds.POD, key.namespace, name)) for name in new})

    def _target(self, namespace: str) -> render.Target:
        settings = self._settings
        return render.Target(
            namespace=namespace,
            image=settings.image,
            pull_policy=settings.image_pull_policy,
            pull_secrets=settings.image_pull_secrets,
            network_policies=settings.network_policies,
            fs_group=settings.fs_group,
            cluster_domain=settings.cluster_domain,
        )

    async def _apply_pods(
        self, pods: Sequence[Object], owner: Object, hold: Finding | None, flow: Flow
    ) -> tuple[Finding | None, Finding | None]:
        """Apply the Pod resources of a Flow, which do not depend on each other; return what `_carry_out` does."""
        refused, pending = [], []
        for item in pods:
            refusal, waits = await self._carry_out([item], owner, hold)
            if refusal:
                step = item["metadata"]["labels"][names.STEP]
                refused.append(Finding(refusal.reason, flow_status.in_flow(flow, step, refusal.message)))
            pending += [waits] if waits else []
        return merged(refused), merged(pending)

    async def _carry_out(
        self,
        objects: Sequence[Object],
        owner: Object,
        hold: Finding | None,
        path: str = "spec",
        template: Mapping[str, Any] | None = None,
    ) -> tuple[Finding | None, Finding | None]:
        """Apply objects; return why they were refused, and what of them is not applied because of a pause.

        `hold` says why what is there is not changed now: a pause, during which nothing is made either, or a queue.
        """
        try:
            if hold is None:
                await self._applier.apply(objects, owner, path, template)
                return None, None
            if hold.reason != reasons.PAUSED:
                await self._applier.restore(objects, owner)
                return None, None
            for wanted, why in await self._applier.stale(objects, owner):
                changes = f"{wanted['kind']} {wanted['metadata']['name']} would be changed: {why}"
                return None, Finding(hold.reason, f"{hold.message}; {changes}")
        except Refused as refusal:
            return refusal.finding, None
        return None, None


def _accept(body: Object) -> Flow | Pod:
    return accept_flow(body) if kinds.of(body) == kinds.FLOW else accept_pod(body)
