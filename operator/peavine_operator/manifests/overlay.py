"""A user's pod template over the rendered one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def overlay(rendered: Any, own: Any) -> Any:
    """Return `rendered` with what `own` says: mappings merge, lists of named things merge by name, the rest is taken.

    Lists of things without names (tolerations, for example) are replaced, as there is nothing to tell them apart by.
    A value of null takes a field away.
    """
    if isinstance(rendered, Mapping) and isinstance(own, Mapping):
        merged = {key: value for key, value in rendered.items() if key not in own}
        for key, value in own.items():
            if value is not None:
                merged[key] = overlay(rendered.get(key), value)
        return merged
    if _named(rendered) and _named(own):
        by_name = {item["name"]: item for item in own}
        merged_list = [overlay(item, by_name.pop(item["name"], {})) for item in rendered]
        return merged_list + list(by_name.values())
    return own


def _named(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, Mapping) and isinstance(item.get("name"), str) for item in value
    )
