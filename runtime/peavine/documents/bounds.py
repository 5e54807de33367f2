"""How deep and wide a Document may be, in Python, as JSON and on the wire alike."""

from __future__ import annotations

from typing import Final

__all__ = ["MAX_DEPTH", "MAX_DIMENSIONS", "MAX_TAG_DEPTH"]

MAX_DEPTH: Final = 32
"""Levels of chunks and matches, and of a score's operands."""

MAX_TAG_DEPTH: Final = 16
"""Levels of mappings and lists in tags, the tags themselves included. With 32 levels of Documents that stays below 100
nested messages, protobuf's limit."""

MAX_DIMENSIONS: Final = 32
"""Dimensions of an array: numpy's limit in every version."""
