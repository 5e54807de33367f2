"""From rendered objects to the cluster: each that is not as rendered is applied, and none that somebody else owns."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from peavine.errors import Problem
from peavine_operator import growth, kinds, names, reasons
from peavine_operator.cluster import ApiError, Cluster
from peavine_operator.comparing import WHOLE, applies_replicas, differences, must_be_made_anew, without_more
from peavine_operator.kinds import Kind, Object, Ref
from peavine_operator.observed import Observed
from peavine_operator.symptoms import Finding

NEW = "it is new"
"""Why an object is applied that is not there yet."""
AT_ONCE = (kinds.AUTOSCALER, kinds.DISRUPTION_BUDGET)
"""What goes as soon as it is not rendered; the rest may be needed by an old version that still runs."""
_log = logging.getLogger(__name__)


class Refused(Exception):
    """A manifest cannot be carried out as it is, though time may help; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding
        super().__init__(finding.message)


class Applier:
    """Applies the objects rendered for a Flow or Pod, and deletes those that are not rendered any longer."""

    def __init__(self, cluster: Cluster, observed: Observed, changed: Callable[[set[Ref]], None]) -> None:
        self._cluster, self._observed, self._changed = cluster, observed, changed
        self._equal: dict[Ref, dict[Ref, tuple[str, frozenset[str]]]] = {}
        """What the API server says in its own words, by owner: an object's hash, and the differences that are none."""

    def forget(self, owner: Ref) -> None:
        """Forget a Flow or Pod that is gone."""
        self._equal.pop(owner, None)

    async def restore(self, objects: Sequence[Object], owner: Object) -> None:
        """Apply only what is missing, and leave alone what is there in another version. Raises Refused."""
        missing = {kinds.ref(wanted) for wanted, why in await self.stale(objects, owner) if why == NEW}
        if not any(ref.kind in (kinds.DEPLOYMENT, kinds.STATEFUL_SET) for ref in missing):
            # A ConfigMap has another name in each version, so nobody misses the one of the new version yet.
            missing = {ref for ref in missing if ref.kind != kinds.CONFIG_MAP}
        await self.apply([item for item in objects if kinds.ref(item) in missing], owner)

    async def stale(self, objects: Sequence[Object], owner: Object) -> list[tuple[Object, str]]:
        """Return each object that is not as rendered, with its owner, and why. Raises Refused."""
        each = [owned(item, owner) for item in objects]
        return [(wanted, why) for wanted in each if (why := await self.why(wanted, owner)) is not None]

    async def apply(
        self, objects: Sequence[Object], owner: Object, path: str = "spec", template: Mapping[str, Any] | None = None
    ) -> None:
        """Apply each object that is not as rendered. Raises Refused.

        `path` is where the manifest asks for them, and `template` what it says there of their core pods.
        """
        stale = await self.stale(objects, owner)
        equal = self._equal.setdefault(kinds.ref(owner), {})
        try:
            for wanted, _ in stale:
                live = self._observed.get(kinds.ref(wanted))
                if must_be_made_anew(wanted, live):
                    await self._cluster.apply(_renamed(wanted), dry_run=True)
                elif template and kinds.of(wanted) in (kinds.DEPLOYMENT, kinds.STATEFUL_SET):
                    await self._cluster.apply(wanted, dry_run=True)
            for wanted, why in stale:
                ref = kinds.ref(wanted)
                if await self._is_replaced(wanted, why):
                    continue
                live = await self._write(wanted, why == NEW)
                _log.info("%s applied: %s", ref, why)
                self._changed(self._observed.put(live))
                equal.pop(ref, None)
                if left := differences(wanted, live):
                    equal[ref] = (wanted["metadata"]["annotations"][names.RENDERED], frozenset(left))
        except ApiError as error:
            if not error.refused:
                raise
            where = f"{path}.podTemplate" if template and error.invalid else path
            problem = Problem(where, f"the API server refuses what this leads to: {error.message}")
            raise Refused(Finding(reasons.REFUSED, str(problem))) from error

    async def prune(self, key: Ref, owner: Object, kept: Iterable[Object], settled: bool) -> None:
        """Delete what belongs to a Flow or Pod and is not kept.

        Unless all is `settled`, most of it may be needed by an old version that still runs.
        """
        wanted = {kinds.ref(item) for item in kept}
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

    async def enlarge(self, claims: Iterable[Object], size: str) -> None:
        """Enlarge the claims of a Pod. Raises Refused."""
        for claim in claims:
            try:
                live = await self._cluster.enlarge(claim, size)
            except ApiError as error:
                if not error.refused:
                    raise
                raise Refused(growth.refused(claim, size, error.message)) from error
            _log.info("%s enlarged to %s", kinds.ref(claim), size)
            self._changed(self._observed.put(live))

    async def _is_replaced(self, wanted: Object, why: str) -> bool:
        """Return whether a StatefulSet is on its way out, to be made anew around its core Pods when it is gone.

        What will be made was tried before, by a dry run, so that nothing stands in its way then.
        """
        if kinds.of(wanted) != kinds.STATEFUL_SET or why == NEW:
            return False
        live = await self._cluster.get(kinds.ref(wanted))
        if live is not None and "deletionTimestamp" in live["metadata"]:
            return True
        if live is None or not must_be_made_anew(wanted, live):
            return False
        await self._cluster.delete(live, "Orphan")
        _log.info("%s deleted without its core Pods, to be made anew: %s", kinds.ref(wanted), why)
        return True

    async def _write(self, wanted: Object, new: bool) -> Object:
        """Make an object be as wanted, by an apply if that is enough, and return it.

        One that is new is applied without force, so that what somebody else made meanwhile is not taken over.
        """
        await self._keep_replicas(wanted)
        ref = kinds.ref(wanted)
        try:
            live = await self._cluster.apply(wanted, force=not new)
        except ApiError as error:
            if new or not error.invalid:
                raise
        else:
            if ref.kind not in WHOLE or not differences(wanted, live):
                return live
        there = await self._cluster.get(ref)
        if there is None or ref.kind != kinds.CONFIG_MAP:
            return await self._cluster.overwrite(wanted, without_more(wanted, there or {}))
        await self._cluster.delete(there)  # it cannot change
        return await self._cluster.apply(wanted)

    async def _keep_replicas(self, wanted: Object) -> None:
        """Let the replicas that there are stay when the manifest says nothing of them any longer.

        An apply takes away what it said before and says no longer, and the default is one: that would end replicas
        just when an autoscaler takes over. Where somebody else said them last, nothing is taken away. What is read here
        may be old already when it is written, so it is written only if nobody wrote since.
        """
        ref = kinds.ref(wanted)
        if ref.kind not in (kinds.POD, kinds.DEPLOYMENT) or "replicas" in wanted["spec"]:
            return
        if self._observed.get(ref) is None or (live := await self._cluster.get(ref)) is None:
            return
        replicas = live["spec"].get("replicas", 1)
        if replicas == 1 or not applies_replicas(live):
            return
        metadata = {
            "name": ref.name,
            "namespace": ref.namespace,
            "resourceVersion": live["metadata"]["resourceVersion"],
        }
        body = {**wanted, "metadata": metadata, "spec": {"replicas": replicas}}
        await self._cluster.apply(body, manager=names.REPLICAS_MANAGER)

    async def why(self, wanted: Object, owner: Object) -> str | None:
        """Return why an object must be applied, or None when it is as it should be."""
        ref = kinds.ref(wanted)
        live = self._observed.get(ref)
        if live is None:
            live = await self._cluster.get(ref)
            if live is None:
                return NEW
        owner_uid, labels = controller(live), live["metadata"].get("labels") or {}
        if owner_uid is None and wanted["metadata"]["labels"].items() <= labels.items():
            return "it has lost its owner"
        if owner_uid != owner["metadata"]["uid"]:
            hint = "it may be about to be deleted" if owner_uid else "choose another name"
            problem = Problem("metadata.name", f"{ref.kind.name} {ref.name} belongs to somebody else; {hint}")
            raise Refused(Finding(reasons.NAME_TAKEN, str(problem)))
        digest = wanted["metadata"]["annotations"][names.RENDERED]
        found = differences(wanted, live)
        if (live["metadata"].get("annotations") or {}).get(names.RENDERED) != digest:
            return found[0] if found else "a field is no longer rendered"
        known, equal = self._equal.get(kinds.ref(owner), {}).get(ref, ("", frozenset()))
        return next((each for each in found if known != digest or each not in equal), None)


def owned(item: Object, owner: Object) -> Object:
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


def _renamed(stateful_set: Object) -> Object:
    """Return a StatefulSet under a name that is free, to try whether the API server would make it."""
    return {
        **stateful_set,
        "metadata": {**stateful_set["metadata"], "name": f"{stateful_set['metadata']['name']}-anew"},
    }


def controller(live: Object) -> str | None:
    """Return the uid of an object's controller."""
    for reference in live["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            return str(reference["uid"])
    return None
