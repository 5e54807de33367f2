"""`metas:` of an Executor's YAML: what every Executor has, whatever it does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from peavine.errors import Problem, did_you_mean

TYPES: dict[str, type] = {
    "name": str,
    "batch_size": int,
    "on_gpu": bool,
    "read_only": bool,
    "workspace": str,
    "py_modules": list,
    "files": list,
}
"""What may stand under `metas:`. `workspace` is a folder within the Pea's data; `py_modules` are Python files, and
`files` other text files that they read."""

_NAME = re.compile(r"^[A-Za-z0-9][-A-Za-z0-9_.]{0,62}$")


def metas(data: Mapping[str, Any], path: str) -> tuple[dict[str, Any], list[Problem]]:
    """Return the metas that are valid, and what is wrong with the rest. A single file needs no list."""
    found: dict[str, Any] = {}
    problems = []
    for name, value in data.items():
        if name in ("py_modules", "files") and isinstance(value, str):
            value = [value]
        message = _wrong(name, value)
        if message:
            problems.append(Problem(f"{path}.{name}", message))
        elif value is not None:
            found[name] = value
    return found, problems


def _wrong(name: str, value: Any) -> str:
    if name not in TYPES:
        return f"unknown key{did_you_mean(name, TYPES) or '; known: ' + ', '.join(TYPES)}"
    if value is None:
        return ""
    fits = isinstance(value, TYPES[name]) and not (isinstance(value, bool) and TYPES[name] is int)
    if not fits:
        return f"is of type {TYPES[name].__name__} (given: {value!r})"
    if name == "name" and not _NAME.match(value):
        return f'"{value}" is not a name: use letters, digits, "-", "_" and "." (the limit is 63)'
    if name == "batch_size" and value < 1:
        return f"is 1 or more (given: {value})"
    if name == "workspace" and (Path(value).is_absolute() or ".." in Path(value).parts):
        return f'"{value}" leads out of the Pea\'s data folder; name a folder in it'
    return ""
