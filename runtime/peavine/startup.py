"""The files that a Pea or a gateway is started with: a Pod manifest, a plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pydantic
import yaml

from peavine.errors import ManifestError, StartError
from peavine.graph import Plan
from peavine.spec import Pod, parse_pod
from peavine.spec.manifest import problems_in

__all__ = ["read_plan", "read_pod"]


def read_pod(path: Path, files: Path | None = None) -> Pod:
    """Return the Pod manifest in a JSON or YAML file, with the files of a folder; those it carries take precedence.

    Raises ManifestError, or StartError when something cannot be read.
    """
    pod = parse_pod(read(path), str(path))
    if files is None:
        return pod
    spec = pod.spec.model_copy(update={"files": {**_texts(files), **pod.spec.files}})
    return pod.model_copy(update={"spec": spec})


def _texts(folder: Path) -> dict[str, str]:
    """Return the files of a folder by name. Names that begin with a dot are links of Kubernetes' own."""
    texts = {}
    path = folder
    try:
        for path in sorted(folder.iterdir()):
            if path.is_file() and not path.name.startswith("."):
                texts[path.name] = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise StartError(f"{path}: is not UTF-8 text: {error}; mount it with podTemplate instead") from error
    except OSError as error:
        raise StartError(f"{path}: cannot be read: {error}") from error
    return texts


def read_plan(path: Path) -> Plan:
    """Return the plan in a JSON or YAML file. Raises StartError."""
    try:
        return Plan.model_validate(read(path))
    except pydantic.ValidationError as error:
        raise StartError(str(ManifestError(problems_in(error, Plan), f"{path}: is not a plan"))) from error


def read(path: Path) -> Any:
    """Return the plain data in a JSON or YAML file."""
    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise StartError(f"{path}: cannot be read: {error}") from error
