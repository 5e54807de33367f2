"""What plain data has beyond Python's own types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Tagged:
    """`!tag value`: a class named in YAML, and its settings."""

    tag: str
    value: Any = None


class Plain(str):
    """A scalar written without quotes and with a `$` in it.

    What substitution puts in its place is read as YAML reads a scalar, so that `size: ${SIZE}` can be a number, while
    `size: "${SIZE}"` is always a string.
    """

    __slots__ = ()
