"""Filters as objects, in the style of Chroma and MongoDB: `{"price": {"$lt": 60}, "category": {"$in": ["shoes"]}}`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from peavine.errors import InvalidRequest, did_you_mean
from peavine.filters.bounds import Budget
from peavine.filters.building import Unfit, condition
from peavine.filters.filter import OPERATORS, And, Filter, Not, Or
from peavine.filters.values import Area, Box, Circle, instant, kind_of, number, place

__all__ = ["from_object"]

_JOINS = ("$and", "$or", "$not")
_SHOWN = 60
_MOST_PROBLEMS = 20


def from_object(source: Mapping[str, Any]) -> Filter:
    """Return the filter, or raise InvalidRequest with all problems."""
    reader = _Reader()
    found = reader.filter(source, "filter", 1)
    if reader.problems or found is None:
        raise InvalidRequest("\n".join(reader.problems))
    return found


class _Reader:
    """Reads one filter; a part that is wrong is None, and `problems` says why."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._budget = Budget()

    def _wrong(self, path: str, message: str) -> Filter | None:
        """Note a problem; what is read in its place is None."""
        self.problems.append(f"{path}: {message}")
        if len(self.problems) >= _MOST_PROBLEMS:
            raise InvalidRequest("\n".join(self.problems))
        return None

    def filter(self, source: Any, path: str, depth: int) -> Filter | None:
        self._budget.depth(depth)
        if not isinstance(source, Mapping):
            return self._wrong(path, f"must be an object, not {kind_of(source)}")
        if not source:
            return self._wrong(path, "is empty; leave the filter out to mean all Documents")
        parts = [self._part(str(key), value, path, depth) for key, value in source.items()]
        return _joined(And, parts)

    def _part(self, key: str, value: Any, path: str, depth: int) -> Filter | None:
        here = f"{path}.{key:.{_SHOWN}}"
        if key == "$not":
            part = self.filter(value, here, depth + 1)
            return None if part is None else Not(part)
        if key in _JOINS:
            if not isinstance(value, Sequence) or isinstance(value, str) or not value:
                return self._wrong(here, "must be a list of one filter or more")
            parts = [self.filter(each, f"{here}[{n}]", depth + 1) for n, each in enumerate(value)]
            return _joined(And if key == "$and" else Or, parts)
        if key.startswith("$"):
            hint = did_you_mean(key, _JOINS) or f"; known here: {', '.join(_JOINS)}, and names of tags"
            return self._wrong(here, f"unknown operator{hint}")
        return self._field(key, value, here, depth)

    def _field(self, field: str, value: Any, path: str, depth: int) -> Filter | None:
        if not isinstance(value, Mapping) or set(value) == {"$date"}:
            if isinstance(value, list | tuple):
                return self._wrong(path, "compares with a list; use $in for one of several, $contains for a tag's list")
            return self._condition(field, "$eq", value, path)
        if not value:
            return self._wrong(path, "is empty; give an operator and a value, such as {$lt: 60}")
        parts: list[Filter | None] = []
        for key, operand in value.items():
            operator = str(key)
            here = f"{path}.{operator:.{_SHOWN}}"
            if operator == "$not":
                self._budget.depth(depth + 1)
                inner = self._field(field, operand, here, depth + 1)
                parts.append(None if inner is None else Not(inner))
            elif operator not in OPERATORS:
                known = [*OPERATORS, "$not"]
                remedy = did_you_mean(operator, known) or f"; known: {', '.join(known)}"
                nested = "" if operator.startswith("$") else f'; for a tag in an object write "{field}.{operator}"'
                self._wrong(here, f"unknown operator{nested or remedy}")
                parts.append(None)
            else:
                parts.append(self._condition(field, operator, operand, here))
        return _joined(And, parts)

    def _condition(self, field: str, operator: str, operand: Any, path: str) -> Filter | None:
        self._budget.condition()
        self._budget.characters(field)
        try:
            if operator in ("$geoRadius", "$geoBox"):
                return condition(field, "within", _circle(operand) if operator == "$geoRadius" else _box(operand))
            if isinstance(operand, list | tuple):
                self._budget.values(len(operand))
                operand = [self._value(each) for each in operand]
            else:
                operand = self._value(operand)
            return condition(field, OPERATORS[operator], operand)
        except Unfit as problem:
            return self._wrong(path, str(problem))

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            self._budget.characters(value)
        if isinstance(value, Mapping) and set(value) == {"$date"}:
            return _moment(value["$date"])
        return value


def _joined(join: type[And] | type[Or], parts: Sequence[Filter | None]) -> Filter | None:
    there = tuple(part for part in parts if part is not None)
    if len(there) < len(parts):
        return None
    return there[0] if len(there) == 1 else join(there)


def _moment(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else instant(value)
    if moment is None:
        raise Unfit('must be {"$date": ..} with a datetime in ISO 8601, such as 2026-01-31T12:00:00Z')
    return moment


def _circle(value: Any) -> Area:
    center = place(value.get("center")) if isinstance(value, Mapping) and set(value) == {"center", "radius"} else None
    radius = number(value["radius"]) if center else None
    if center is None or radius is None or radius < 0:
        raise Unfit('must be {"center": {"lat": .., "lon": ..}, "radius": METRES}')
    return Circle(center, radius)


def _box(value: Any) -> Area:
    corners = (
        [place(value[name]) for name in ("top_left", "bottom_right")]
        if isinstance(value, Mapping) and set(value) == {"top_left", "bottom_right"}
        else [None, None]
    )
    first, second = corners
    if first is None or second is None or first.lat < second.lat:
        where = '{"lat": .., "lon": ..}'
        raise Unfit(f'must be {{"top_left": {where}, "bottom_right": {where}}}, the top at or above the bottom')
    return Box(first, second)
