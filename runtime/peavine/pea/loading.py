"""From a Pod manifest to its Executor and what runs it. The only place where both are put together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from peavine.errors import StartError
from peavine.spec import Pod, parse_pod

__all__ = ["read_pod"]


def read_pod(path: Path) -> Pod:
    """Return the Pod manifest in a JSON or YAML file. Raises ManifestError, or StartError when it cannot be read."""
    return parse_pod(read(path), str(path))


def read(path: Path) -> Any:
    """Return the plain data in a JSON or YAML file."""
    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise StartError(f"{path}: cannot be read: {error}") from error
