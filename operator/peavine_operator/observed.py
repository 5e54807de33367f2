"""What the cluster was last seen to hold, of all that concerns Flows: the operator's only memory, and it can be lost.

Objects are trimmed to what decisions need. Nothing here talks to the API server.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from peavine_operator import kinds, names
from peavine_operator.kinds import Body, Kind, Ref

KEPT = {
    kinds.CONFIG_MAP: ("immutable", "data"),
    kinds.CORE_POD: ("status",),
    kinds.ENDPOINT_SLICE: ("endpoints",),
}
"""Fields that are kept beside metadata, where they are not all."""
KEPT_OF_CORE_POD = ("phase", "podIP", "conditions", "containerStatuses", "initContainerStatuses")
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
    if kind == kinds.CONFIG_MAP and not isinstance(body.get("data"), str):
        trimmed["data"] = names.data_digest(body)  # it can be large, and whether it is ours is all that matters
    return {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": metadata, **trimmed}


def version(body: Body) -> int:
    """Return when an object was written, in the order of all writes."""
    return int(body["metadata"].get("resourceVersion", 0))


class Known(NamedTuple):
    """One object as it is remembered. As text it takes a fifth of the memory that it would take as mappings."""

    version: int
    uid: str
    owner: Ref | None
    """The Flow or Pod whose label it bears."""
    text: bytes


class Observed:
    """All objects by reference, and those of each Flow and Pod."""

    def __init__(self) -> None:
        self._objects: dict[Ref, Known] = {}
        self._children: dict[Ref, set[Ref]] = defaultdict(set)
        self._gone: dict[Ref, int] = {}
        """When an object was deleted, until a list has said so, too. What is older must not bring it back."""
        self._refers: dict[Ref, set[str]] = {}
        """The Pod resources that a Flow refers to, of those Flows that do."""

    def get(self, ref: Ref) -> dict[str, Any] | None:
        """Return an object, or None where there is none."""
        known = self._objects.get(ref)
        return None if known is None else _body(known)

    def children(self, key: Ref, kind: Kind) -> list[dict[str, Any]]:
        """Return the objects of one kind that bear the label of a Flow or Pod, in the order of their names."""
        found = (ref for ref in self._children.get(key, ()) if ref.kind == kind)
        return [_body(self._objects[ref]) for ref in sorted(found, key=lambda ref: ref.name)]

    def pods(self, flow: Ref) -> set[Ref]:
        """Return the Pod resources that a Flow made."""
        return {child for child in self._children.get(flow, ()) if child.kind == kinds.POD}

    def resources(self) -> set[Ref]:
        """Return every Flow and Pod."""
        return {ref for ref in self._objects if ref.kind in kinds.RESOURCES}

    def put(self, body: Body) -> set[Ref]:
        """Take note of an object and return the Flows and Pods that it concerns; none if it is not newer than known."""
        ref, now = kinds.ref(body), version(body)
        known = self._objects.get(ref)
        if (self._gone.get(ref, 0) if known is None else known.version) >= now:
            return set()
        new = Known(
            now,
            body["metadata"].get("uid", ""),
            _owner(body, ref),
            json.dumps(trim(body), separators=(",", ":"), ensure_ascii=False).encode(),
        )
        concerned = self._pods_that_read(ref, known, body)
        if known is not None:
            self._unlink(ref, known)
        self._objects[ref] = new
        if ref.kind == kinds.FLOW and (refers := _refers(body)):
            self._refers[ref] = refers
        if new.owner is not None:
            self._children[new.owner].add(ref)
        return concerned | self._concerned(ref, new)

    def users(self, key: Ref) -> list[str]:
        """Return the names of the Flows that refer to a Pod resource."""
        return sorted(flow.name for flow, pods in self._refers.items() if _within(flow, key, pods))

    def drop(self, body: Body) -> set[Ref]:
        """Forget an object that is gone, and return the Flows and Pods that it concerned."""
        ref = kinds.ref(body)
        known = self._objects.get(ref)
        if known is not None and known.uid != body["metadata"].get("uid"):
            return set()
        self._gone[ref] = max(self._gone.get(ref, 0) if known is None else known.version, version(body))
        return set() if known is None else self._forget(ref, known)

    def replace(self, kind: Kind, bodies: Iterable[Body], listed_at: int) -> set[Ref]:
        """Take note of all objects of a kind as a list told them, and return what the differences concern."""
        changed: set[Ref] = set()
        present = set()
        for body in bodies:
            ref = kinds.ref(body)
            present.add(ref)
            known = self._objects.get(ref)
            if known is None or known.version < version(body):
                changed |= self.put(body)
        gone = [(ref, known) for ref, known in self._objects.items() if ref.kind == kind and ref not in present]
        for ref, known in gone:
            if known.version <= listed_at:
                changed |= self._forget(ref, known)
        self._gone = {ref: at for ref, at in self._gone.items() if ref.kind != kind or at > listed_at}
        return changed

    def _forget(self, ref: Ref, known: Known) -> set[Ref]:
        concerned = self._pods_that_read(ref, known, None)
        del self._objects[ref]
        self._unlink(ref, known)
        return concerned | self._concerned(ref, known)

    def _pods_that_read(self, ref: Ref, known: Known | None, now: Body | None) -> set[Ref]:
        """Return the Pods to look at when a Flow changed: its own read its annotations, others are referred to."""
        if ref.kind != kinds.FLOW:
            return set()
        before = self._refers.get(ref, set())
        after = _refers(now) if now is not None else set()
        concerned = {Ref(kinds.POD, ref.namespace, name) for name in before ^ after}
        if known is not None and now is not None and _annotations(_body(known)) != _annotations(trim(now)):
            concerned |= self.pods(ref)
        return concerned & self._objects.keys()

    def _concerned(self, ref: Ref, known: Known) -> set[Ref]:
        """Return the Flows and Pods to look at when an object changed."""
        found = {ref} if ref.kind in kinds.RESOURCES else set()
        if known.owner is not None:
            found.add(known.owner)
        if ref.kind == kinds.POD:
            found |= {flow for flow, pods in self._refers.items() if _within(flow, ref, pods)}
        return found

    def _unlink(self, ref: Ref, known: Known) -> None:
        self._refers.pop(ref, None)
        if known.owner is not None:
            self._children[known.owner].discard(ref)
            if not self._children[known.owner]:
                del self._children[known.owner]


def _body(known: Known) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(known.text)
    return body


def _annotations(body: Body) -> Any:
    return body["metadata"].get("annotations") or {}


def _within(flow: Ref, pod: Ref, names_of_pods: set[str]) -> bool:
    return flow.namespace == pod.namespace and pod.name in names_of_pods


def _refers(flow: Body) -> set[str]:
    """Return the Pod resources that a Flow refers to, also of one that an older definition let in."""
    pods = (flow.get("spec") or {}).get("pods") or ()
    references = (pod.get("podRef") for pod in pods if isinstance(pod, Mapping))
    return {str(each["name"]) for each in references if isinstance(each, Mapping) and each.get("name")}


def _owner(body: Body, ref: Ref) -> Ref | None:
    labels = body["metadata"].get("labels") or {}
    if ref.kind != kinds.POD and names.POD in labels:
        return Ref(kinds.POD, ref.namespace, labels[names.POD])
    if ref.kind != kinds.FLOW and names.FLOW in labels:
        return Ref(kinds.FLOW, ref.namespace, labels[names.FLOW])
    return None
