"""What a cluster asks of a manifest beside what is asked everywhere: there are no files beside it."""

from __future__ import annotations

from peavine.errors import ManifestError, Problem
from peavine.spec import Flow, Pod, PodSpec, parse, parse_pod
from peavine_operator.observed import Body
from peavine_operator.render import IMAGE_PREFIX


def accept_flow(body: Body) -> Flow:
    """Return a Flow resource's manifest, or raise ManifestError with every problem."""
    flow = parse(_manifest(body))
    problems = [found for i, pod in enumerate(flow.spec.pods) for found in _files(pod, f"spec.pods[{i}]")]
    if problems:
        raise ManifestError(problems)
    return flow


def accept_pod(body: Body) -> Pod:
    """Return a Pod resource's manifest, or raise ManifestError with every problem."""
    pod = parse_pod(_manifest(body))
    problems = _files(pod.spec, "spec")
    if problems:
        raise ManifestError(problems)
    return pod


def _manifest(body: Body) -> dict[str, object]:
    metadata = {key: body["metadata"][key] for key in ("name", "namespace", "labels") if key in body["metadata"]}
    return {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": metadata, "spec": body.get("spec")}


def _files(spec: PodSpec, path: str) -> list[Problem]:
    said = {"uses": spec.uses, "usesBefore": spec.uses_before, "usesAfter": spec.uses_after}
    return [
        Problem(
            f"{path}.{field}",
            f'"{uses}" looks like a file, and there are no files beside a manifest in a cluster; '
            "`peavine convert flow.yml | kubectl apply -f -` puts its text here",
        )
        for field, uses in said.items()
        if uses is not None and _is_file(uses, spec)
    ]


def _is_file(uses: str, spec: PodSpec) -> bool:
    if uses.startswith(("_", IMAGE_PREFIX)) or uses.lstrip().startswith(("!", "#", "---")) or "\n" in uses.strip():
        return False
    # An image brings its own files, and `files` are put beside the manifest.
    return uses not in spec.files and not (spec.image and uses.startswith("/"))
