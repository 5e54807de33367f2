"""What a cluster requires of a manifest besides what is required everywhere: there are no files next to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from peavine.errors import ManifestError, Problem
from peavine.spec import Flow, Pod, parse, parse_pod
from peavine.spec.uses import File, parse_uses
from peavine_operator import names
from peavine_operator.kinds import Body

M = TypeVar("M")
CARRIED: Final = ("files", "uses", "executor", "head")
"""Fields of a Pod that may be large; Executors have a bound of their own."""
MAX_CARRIED_BYTES: Final = 1048576 - 65536
"""The largest size of them as JSON. A ConfigMap holds 1 MiB, and the other fields of a Pod are in it, too."""


def accept_flow(body: Body) -> Flow:
    """Return a Flow resource's manifest, or raise ManifestError with every problem."""
    spec = body.get("spec", {})
    problems = [found for i, pod in enumerate(spec.get("pods", ())) for found in _problems(pod, f"spec.pods[{i}]")]
    return _accept(parse, body, problems + _labels(spec.get("gateway", {}), "spec.gateway"))


def accept_pod(body: Body) -> Pod:
    """Return a Pod resource's manifest, or raise ManifestError with every problem."""
    return _accept(parse_pod, body, _problems(body.get("spec", {}), "spec"))


def _accept(read: Callable[[object], M], body: Body, problems: list[Problem]) -> M:
    try:
        manifest = read(_manifest(body))
    except ManifestError as error:
        raise ManifestError(sorted([*error.problems, *problems])) from None
    if problems:
        raise ManifestError(problems)
    return manifest


def _manifest(body: Body) -> dict[str, object]:
    metadata = {key: body["metadata"][key] for key in ("name", "namespace", "labels") if key in body["metadata"]}
    return {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": metadata, "spec": body.get("spec")}


def _problems(spec: Mapping[str, Any], path: str) -> list[Problem]:
    head = spec.get("head", {})
    return _size(spec, path) + _files(spec, path) + _labels(spec, path) + _labels(head, f"{path}.head")


def _labels(spec: Mapping[str, Any], path: str) -> list[Problem]:
    found: Any = spec
    for name in ("podTemplate", "metadata", "labels"):
        found = found.get(name) if isinstance(found, Mapping) else None
    return [
        Problem(f"{path}.podTemplate.metadata.labels", f'"{label}" is how core pods are found; leave it out')
        for label in (found if isinstance(found, Mapping) else ())
        if label in names.FINDS
    ]


def _size(spec: Mapping[str, Any], path: str) -> list[Problem]:
    """What a Pea is started from must fit into a ConfigMap."""
    carried = {field: spec[field] for field in CARRIED if field in spec}
    size = len(json.dumps(carried, indent=1, ensure_ascii=False).encode(errors="replace"))
    if size <= MAX_CARRIED_BYTES:
        return []
    message = (
        f"takes {size} bytes with the Executors, as JSON, and the ConfigMap that carries them has room for "
        f"{MAX_CARRIED_BYTES}; make an image with the files, or mount them with `filesFrom`"
    )
    return [Problem(f"{path}.files", message)]


def _files(spec: Mapping[str, Any], path: str) -> list[Problem]:
    uses = parse_uses(str(spec.get("uses", "_pass")))
    # An image and ConfigMaps bring their own files, and those under `files` are put next to the manifest.
    if not isinstance(uses, File) or uses.name in spec.get("files", {}) or spec.get("filesFrom"):
        return []
    if spec.get("image") and uses.name.startswith("/"):
        return []
    message = (
        f'"{_short(uses.name)}" is a file, and there are no files next to a manifest in a cluster; '
        "`peavine convert flow.yml | kubectl apply -f -` puts its content here"
    )
    return [Problem(f"{path}.uses", message)]


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
