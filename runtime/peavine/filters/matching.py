"""What filters mean, for the tags of one Document. Whatever else answers filters must agree with this."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from peavine.filters.filter import And, Condition, Filter, Not, Or, Scalar
from peavine.filters.values import Box, Circle, instant, number, place

__all__ = ["MISSING", "matches", "read_as", "tag"]

MISSING: Final = object()
"""What a tag is that is not there, or null."""

ORDERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "lt": operator.lt, "lte": operator.le, "gt": operator.gt, "gte": operator.ge,
}  # fmt: skip


def matches(filter: Filter, tags: Mapping[str, Any]) -> bool:
    """Return whether a filter holds for a Document with these tags."""
    if isinstance(filter, And):
        return all(matches(part, tags) for part in filter.parts)
    if isinstance(filter, Or):
        return any(matches(part, tags) for part in filter.parts)
    if isinstance(filter, Not):
        return not matches(filter.part, tags)
    assert isinstance(filter, Condition)
    return holds(filter, tag(tags, filter.field))


def tag(tags: Mapping[str, Any], path: str) -> Any:
    """Return the value at a path, where dots lead into objects; MISSING where there is none."""
    value: Any = tags
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return MISSING if value is None else value


def holds(condition: Condition, value: Any) -> bool:
    """Return whether a condition holds for the value of its tag."""
    wanted = condition.value
    if condition.operator in ("ne", "nin"):
        return not holds(Condition(condition.field, "eq" if condition.operator == "ne" else "in", wanted), value)
    if value is MISSING:
        return False
    if condition.operator == "exists":
        return True
    if isinstance(wanted, Circle | Box):
        where = place(value)
        return where is not None and wanted.holds(where)
    if isinstance(wanted, tuple):
        return not condition.members.isdisjoint(_readings(value))
    if condition.operator == "eq":
        return equal(value, wanted)
    if condition.operator == "contains":
        if isinstance(value, str):
            return isinstance(wanted, str) and wanted in value
        return isinstance(value, list | tuple) and any(equal(each, wanted) for each in value)
    if condition.operator == "prefix":
        return isinstance(value, str) and isinstance(wanted, str) and value.startswith(wanted)
    found = read_as(wanted, value)
    return found is not None and ORDERS[condition.operator](found, wanted)


def equal(value: Any, wanted: Scalar) -> bool:
    """Return whether a value is the one that is wanted, and of its kind."""
    return read_as(wanted, value) == wanted


def _readings(value: Any) -> list[tuple[type, Scalar]]:
    """Return what a value can be equal to."""
    if isinstance(value, bool):
        return [(bool, value)]
    if isinstance(value, str):
        moment = instant(value)
        return [(str, value)] if moment is None else [(str, value), (datetime, moment)]
    wide = number(value)
    return [] if wide is None else [(float, wide)]


def read_as(wanted: Scalar, value: Any) -> Scalar | None:
    """Return a value as the kind of what it is compared with, None where it is of another kind."""
    if isinstance(wanted, bool):
        return value if isinstance(value, bool) else None
    if isinstance(wanted, str):
        return value if isinstance(value, str) else None
    return instant(value) if isinstance(wanted, datetime) else number(value)
