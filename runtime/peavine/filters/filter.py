"""What a filter is: conditions on single tags, joined by and, or and not.

A value that is missing or null, or of another kind than what it is compared with, makes a condition false. `not` turns
that round, and so `!=` and `not in`, which mean `not ==` and `not .. in`, hold for Documents without the tag.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final, Literal

from peavine.filters.values import Box, Circle, Place

__all__ = ["OPERATORS", "WORDS", "And", "Condition", "Filter", "Not", "Operator", "Or", "Value", "datetime_text"]

Operator = Literal["eq", "ne", "lt", "lte", "gt", "gte", "in", "nin", "exists", "contains", "prefix", "within"]

Scalar = float | str | bool | datetime
Value = Scalar | tuple[Scalar, ...] | Circle | Box

OPERATORS: Final[dict[str, Operator]] = {
    "$eq": "eq", "$ne": "ne", "$lt": "lt", "$lte": "lte", "$gt": "gt", "$gte": "gte", "$in": "in", "$nin": "nin",
    "$exists": "exists", "$contains": "contains", "$prefix": "prefix", "$geoRadius": "within", "$geoBox": "within",
}  # fmt: skip
"""The operators of objects."""

SIGNS: Final[dict[Operator, str]] = {
    "eq": "==", "ne": "!=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">=", "in": "in", "nin": "not in",
    "contains": "contains", "prefix": "startswith",
}  # fmt: skip
"""The operators of text."""

WORDS = frozenset({
    "and", "or", "not", "in", "exists", "contains", "startswith", "within", "true", "false", "null",
})  # fmt: skip
"""Words of text that name a tag only in backticks."""

NAME = r"[^\W\d][\w-]*(?:\.[\w-]+)*"
"""Names of tags that need no backticks."""
_NAME = re.compile(NAME)


class Filter(ABC):
    """Which Documents are meant; `str()` gives the text that `parse` reads."""

    @abstractmethod
    def to_object(self) -> dict[str, Any]:
        """Return it as JSON, one spelling for each filter; `parse` makes the same filter of it."""

    @property
    @abstractmethod
    def depth(self) -> int:
        """How deep it is nested: 0 for a condition."""

    @abstractmethod
    def conditions(self) -> Iterator[Condition]:
        """Yield its conditions, from left to right."""


@dataclass(frozen=True)
class Condition(Filter):
    """What is asked of one tag; dots in `field` lead into objects."""

    field: str
    operator: Operator
    value: Value = True

    def to_object(self) -> dict[str, Any]:
        """Return `{field: {operator: value}}`."""
        if isinstance(self.value, Circle):
            area = {"center": self.value.center.to_object(), "radius": self.value.radius}
            return {self.field: {"$geoRadius": area}}
        if isinstance(self.value, Box):
            corners = {"top_left": self.value.top_left, "bottom_right": self.value.bottom_right}
            return {self.field: {"$geoBox": {name: corner.to_object() for name, corner in corners.items()}}}
        values = self.value
        plain = [_plain(value) for value in values] if isinstance(values, tuple) else _plain(values)
        return {self.field: {f"${self.operator}": plain}}

    @property
    def depth(self) -> int:
        """Return 0."""
        return 0

    @cached_property
    def members(self) -> frozenset[tuple[type, Scalar]]:
        """The values of a list with their kinds, because 1 equals true in Python."""
        assert isinstance(self.value, tuple)
        return frozenset((type(value), value) for value in self.value)

    def conditions(self) -> Iterator[Condition]:
        """Yield itself."""
        yield self

    def __str__(self) -> str:
        plain = _NAME.fullmatch(self.field) and self.field.lower() not in WORDS
        field = self.field if plain else "`{}`".format(self.field.replace("`", "``"))
        value = self.value
        if self.operator == "exists":
            return f"exists({field})"
        if isinstance(value, Circle):
            return f"{field} within {_shown(value.radius)} m of {_place(value.center)}"
        if isinstance(value, Box):
            return f"{field} within box({_place(value.top_left)}, {_place(value.bottom_right)})"
        values = value if isinstance(value, tuple) else (value,)
        shown = ", ".join(map(_shown, values))
        return f"{field} {SIGNS[self.operator]} {f'({shown})' if isinstance(value, tuple) else shown}"


@dataclass(frozen=True)
class Not(Filter):
    """What the part does not hold for."""

    part: Filter

    def to_object(self) -> dict[str, Any]:
        """Return `{"$not": part}`."""
        return {"$not": self.part.to_object()}

    @property
    def depth(self) -> int:
        """One more than that of its part."""
        return 1 + self.part.depth

    def conditions(self) -> Iterator[Condition]:
        """Yield those of its part."""
        yield from self.part.conditions()

    def __str__(self) -> str:
        return f"not ({self.part})" if isinstance(self.part, _Joined) else f"not {self.part}"


@dataclass(frozen=True)
class _Joined(Filter):
    parts: tuple[Filter, ...]

    @property
    def depth(self) -> int:
        """One more than that of its deepest part."""
        return 1 + max(part.depth for part in self.parts)

    def conditions(self) -> Iterator[Condition]:
        """Yield those of its parts."""
        for part in self.parts:
            yield from part.conditions()

    def _text(self, word: str) -> str:
        return f" {word} ".join(f"({part})" if isinstance(part, _Joined) else str(part) for part in self.parts)


class And(_Joined):
    """What all parts hold for."""

    def to_object(self) -> dict[str, Any]:
        """Return `{"$and": parts}`."""
        return {"$and": [part.to_object() for part in self.parts]}

    def __str__(self) -> str:
        return self._text("and")


class Or(_Joined):
    """What one of the parts or more hold for."""

    def to_object(self) -> dict[str, Any]:
        """Return `{"$or": parts}`."""
        return {"$or": [part.to_object() for part in self.parts]}

    def __str__(self) -> str:
        return self._text("or")


def datetime_text(moment: datetime) -> str:
    """Return a moment in UTC as ISO 8601."""
    return moment.isoformat().replace("+00:00", "Z")


def _plain(value: Scalar | Value) -> Any:
    if isinstance(value, datetime):
        return {"$date": datetime_text(value)}
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def _place(place: Place) -> str:
    return f"({_shown(place.lat)}, {_shown(place.lon)})"


def _shown(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return datetime_text(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(_plain(value))
