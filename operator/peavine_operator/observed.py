"""What the cluster was last seen to hold, of all that concerns Flows: the operator's only memory, and it can be lost.

Objects are trimmed to what decisions need. Nothing here talks to the API server.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from peavine_operator import kinds, names
from peavine_operator.kinds import Kind, Ref

Body = Mapping[str, Any]

KEPT = {
    kinds.CONFIG_MAP: ("immutable",),
    kinds.CORE_POD: ("status",),
    kinds.ENDPOINT_SLICE: ("endpoints",),
}
"""Fields that are kept beside metadata, where they are not all."""
KEPT_OF_CORE_POD = ("phase", "conditions", "containerStatuses", "initContainerStatuses")
KEPT_OF_METADATA = (
    "name", "namespace", "uid", "generation", "resourceVersion", "labels", "annotations", "ownerReferences",
    "creationTimestamp", "deletionTimestamp",
)  # fmt: skip


def trim(body: Body) -> dict[str, Any]:
    """Return an object without what no decision is made from."""
    kind = kinds.of(body)
    kept = KEPT.get(kind, tuple(key for key in body if key not in ("metadata", "apiVersion", "kind")))
    trimmed = {key: body[key] for key in kept if key in body}
    metadata = {key: body["metadata"][key] for key in KEPT_OF_METADATA if key in body["metadata"]}
    if "annotations" in metadata:
        last = "kubectl.kubernetes.io/last-applied-configuration"
        metadata["annotations"] = {key: value for key, value in metadata["annotations"].items() if key != last}
    if kind == kinds.CORE_POD:
        status = body.get("status", {})
        trimmed["status"] = {key: status[key] for key in KEPT_OF_CORE_POD if key in status}
    return {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": metadata, **trimmed}


def version(body: Body) -> int:
    """Return when an object was written, in the order of all writes."""
    return int(body["metadata"].get("resourceVersion", 0))


class Observed:
    """All objects by reference, and those of each Flow and Pod."""

    def __init__(self) -> None:
        self._objects: dict[Ref, dict[str, Any]] = {}
        self._children: dict[Ref, set[Ref]] = defaultdict(set)

    def get(self, ref: Ref) -> dict[str, Any] | None:
        """Return an object, or None where there is none."""
        return self._objects.get(ref)

    def children(self, key: Ref, kind: Kind) -> list[dict[str, Any]]:
        """Return the objects of one kind that bear the label of a Flow or Pod, in the order of their names."""
        found = (ref for ref in self._children.get(key, ()) if ref.kind == kind)
        return [self._objects[ref] for ref in sorted(found, key=lambda ref: ref.name)]

    def resources(self) -> list[Ref]:
        """Return every Flow and Pod."""
        return [ref for ref in self._objects if ref.kind in kinds.RESOURCES]

    def put(self, body: Body) -> set[Ref]:
        """Take note of an object and return the Flows and Pods that it concerns. An older state than known is not."""
        ref = kinds.ref(body)
        known = self._objects.get(ref)
        if known is not None and version(known) > version(body):
            return set()
        self._objects[ref] = trim(body)
        if known is not None and _owner(known, ref) != _owner(body, ref):
            self._unlink(known, ref)
        owner = _owner(body, ref)
        if owner is not None:
            self._children[owner].add(ref)
        return self.concerned(ref, body)

    def drop(self, body: Body) -> set[Ref]:
        """Forget an object that is gone, and return the Flows and Pods that it concerned."""
        ref = kinds.ref(body)
        known = self._objects.get(ref)
        if known is None or known["metadata"].get("uid") != body["metadata"].get("uid"):
            return set()
        del self._objects[ref]
        self._unlink(known, ref)
        return self.concerned(ref, known)

    def replace(self, kind: Kind, bodies: Iterable[Body], listed_at: int) -> set[Ref]:
        """Take note of all objects of a kind as a list told them, and return what the differences concern."""
        changed: set[Ref] = set()
        present = set()
        for body in bodies:
            ref = kinds.ref(body)
            present.add(ref)
            known = self._objects.get(ref)
            if known is None or version(known) < version(body):
                changed |= self.put(body)
        gone = [ref for ref in self._objects if ref.kind == kind and ref not in present]
        for ref in gone:
            if version(self._objects[ref]) <= listed_at:
                changed |= self.drop(self._objects[ref])
        return changed

    def concerned(self, ref: Ref, body: Body) -> set[Ref]:
        """Return the Flows and Pods to look at when an object changed."""
        found = set() if ref.kind not in kinds.RESOURCES else {ref}
        owner = _owner(body, ref)
        if owner is not None:
            found.add(owner)
        if ref.kind == kinds.POD:
            found |= {flow for flow in self._objects if flow.kind == kinds.FLOW and self._refers(flow, ref)}
        return found

    def _refers(self, flow: Ref, pod: Ref) -> bool:
        spec = self._objects[flow].get("spec", {})
        return flow.namespace == pod.namespace and any(item.get("ref") == pod.name for item in spec.get("pods", ()))

    def _unlink(self, body: Body, ref: Ref) -> None:
        owner = _owner(body, ref)
        if owner is not None:
            self._children[owner].discard(ref)
            if not self._children[owner]:
                del self._children[owner]


def _owner(body: Body, ref: Ref) -> Ref | None:
    labels = body["metadata"].get("labels") or {}
    if ref.kind != kinds.POD and names.POD in labels:
        return Ref(kinds.POD, ref.namespace, labels[names.POD])
    if ref.kind != kinds.FLOW and names.FLOW in labels:
        return Ref(kinds.FLOW, ref.namespace, labels[names.FLOW])
    return None
