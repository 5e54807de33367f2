"""What programs read at their start. Its name has the content's hash, so that a change of it is a rollout."""

from __future__ import annotations

import json
from typing import Any

from peavine_operator import names


def config_map(name: str, namespace: str, labels: dict[str, str], files: dict[str, Any]) -> dict[str, Any]:
    """Return a ConfigMap of JSON files."""
    digest = names.content_hash(files)
    data = {file: json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) for file, content in files.items()}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": names.metadata(f"{name}-{digest}", namespace, labels),
        "immutable": True,
        "data": data,
    }
