"""Plain data of a manifest that no schema has checked yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Plain = Mapping[str, Any]


def mapping(value: Any) -> Plain:
    """Return a mapping, or an empty one in place of anything else, which the schema refuses."""
    return value if isinstance(value, Mapping) else {}
