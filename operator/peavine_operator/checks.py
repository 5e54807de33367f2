"""Chains of checks: each looks at what is seen of a resource, and finds why it is not as it should be, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from peavine_operator.symptoms import Finding

S = TypeVar("S")
Checks = tuple[Callable[[S], Finding | None], ...]


def first(checks: Checks[S], seen: S) -> Finding | None:
    """Return what the first check finds that finds something."""
    return next((finding for check in checks if (finding := check(seen)) is not None), None)
