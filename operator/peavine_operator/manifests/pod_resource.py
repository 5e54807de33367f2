"""The Pod resources that a Flow makes, and the manifest that a Pea is started from."""

from __future__ import annotations

from typing import Any

from peavine.spec import API_VERSION, Pod, PodSpec
from peavine.spec.facts import Reader, fields
from peavine_operator import names

PROGRAM = fields(PodSpec, lambda facts: facts.reader in (Reader.PEA, Reader.HEAD))
"""Fields that the programs of a Pod read. The manifest that they are started from has no others."""
HEAD = fields(PodSpec, lambda facts: facts.reader == Reader.HEAD)
"""Fields that only a head reads."""
HEAD_PROGRAM = ("before", "after")
"""Fields of `head` that the program of a head reads."""


def pod_resource(flow: str, pod: Pod, namespace: str) -> dict[str, Any]:
    """Return the Pod resource for a Pod of a Flow, complete with the Flow's defaults."""
    name = names.child(flow, pod.metadata.name)
    labels = {**names.labels("pod", flow=flow), names.STEP: pod.metadata.name}
    return {
        "apiVersion": API_VERSION,
        "kind": "Pod",
        "metadata": names.metadata(name, namespace, labels),
        "spec": said(pod),
    }


def said(pod: Pod) -> dict[str, Any]:
    """Return a Pod's spec without what is as it is by default.

    So it is the same whether the API server has filled in the defaults or not.
    """
    return pod.spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def program_manifest(pod: Pod, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the Pod manifest that a Pea or a head is started from, with the names of its Flow and within it."""
    labels = pod.metadata.labels or {}
    metadata: dict[str, Any] = {"name": labels.get(names.STEP, pod.metadata.name)}
    if names.FLOW in labels:
        metadata["labels"] = {names.FLOW: labels[names.FLOW]}
    spec = {key: value for key, value in said(pod).items() if key in PROGRAM and key not in without}
    if "head" in spec:
        spec["head"] = {key: value for key, value in spec["head"].items() if key in HEAD_PROGRAM}
        if not spec["head"]:
            del spec["head"]
    return {"apiVersion": API_VERSION, "kind": "Pod", "metadata": metadata, "spec": spec}
