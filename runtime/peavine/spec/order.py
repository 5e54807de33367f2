"""The order of a Flow's Pods: each after the ones that it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["ordered"]


def ordered(needs: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the names, each after those that it needs, otherwise in the order given.

    Names in a cycle, and those that need one, are left out. A name that is needed but not listed, such
    as the gateway, counts as done.
    """
    left = list(needs)
    order = []
    while (name := next((name for name in left if not any(need in left for need in needs[name])), None)) is not None:
        left.remove(name)
        order.append(name)
    return order
