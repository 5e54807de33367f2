"""Checking a filter against the fields that an index declares: what can never match is an error."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from peavine.errors import InvalidRequest, did_you_mean
from peavine.filters.fields import FieldType, Kind
from peavine.filters.filter import SIGNS, And, Condition, Filter, Not, Or, Scalar
from peavine.filters.values import instant

__all__ = ["check"]

_ORDERED = frozenset({"eq", "ne", "lt", "lte", "gt", "gte", "in", "nin", "exists"})
_OPERATORS: Final[dict[Kind, frozenset[str]]] = {
    "number": _ORDERED,
    "datetime": _ORDERED,
    "keyword": _ORDERED | {"contains", "prefix"},
    "text": _ORDERED | {"contains", "prefix"},
    "bool": frozenset({"eq", "ne", "in", "nin", "exists"}),
    "geo": frozenset({"within", "exists"}),
}
_OF_LISTS = frozenset({"contains", "exists"})
_VALUES: Final[dict[Kind, tuple[type, str]]] = {
    "number": (float, "a number"),
    "keyword": (str, "a string in quotes"),
    "text": (str, "a string in quotes"),
    "datetime": (datetime, "a datetime in ISO 8601, such as 2026-01-31T12:00:00Z"),
    "bool": (bool, "true or false"),
}


def check(filter: Filter, fields: Mapping[str, FieldType]) -> Filter:
    """Return the filter with its values as the types of the fields have them: strings become datetimes.

    Raises InvalidRequest with all problems: an operator or a value that can never match a field, and a tag that is not
    declared but is nearly called like a field. Other tags that are not declared may be anything.
    """
    problems: list[str] = []
    found = _checked(filter, fields, problems)
    if problems:
        raise InvalidRequest("\n".join(dict.fromkeys(problems)))
    return found


def _checked(filter: Filter, fields: Mapping[str, FieldType], problems: list[str]) -> Filter:
    if isinstance(filter, And | Or):
        return type(filter)(tuple(_checked(part, fields, problems) for part in filter.parts))
    if isinstance(filter, Not):
        return Not(_checked(filter.part, fields, problems))
    assert isinstance(filter, Condition)
    declared = fields.get(filter.field)
    if declared is None:
        hint = did_you_mean(filter.field, fields)
        if hint:
            problems.append(
                f"filter: no field `{filter.field}`{hint.replace(chr(34), '`')} "
                "If it is another tag, declare it in the index's `fields`"
            )
        return filter
    return _fitted(filter, declared, problems)


def _fitted(condition: Condition, declared: FieldType, problems: list[str]) -> Filter:
    usable = _OF_LISTS if declared.many else _OPERATORS[declared.kind]
    if declared.many and declared.kind == "geo":
        usable = frozenset({"exists"})
    if condition.operator not in usable:
        signs = ", ".join(SIGNS.get(each, each) for each in (*SIGNS, "within", "exists") if each in usable)
        sign = SIGNS.get(condition.operator, condition.operator)
        problems.append(f"filter: `{condition.field}` is of type {declared}, which `{sign}` never matches; use {signs}")
        return condition
    if condition.operator in ("exists", "within"):
        return condition
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    kind, wanted = _VALUES[declared.kind]
    fitted: list[Scalar] = []
    for value in values:
        moment = instant(value) if kind is datetime and isinstance(value, str) else None
        fits = type(value) is kind or moment is not None
        if not fits:
            problems.append(
                f"filter: `{condition}` never matches, because the field is of type {declared}; give {wanted}"
            )
            return condition
        fitted.append(moment if moment is not None else value)  # type: ignore[arg-type]
    whole = tuple(fitted) if isinstance(condition.value, tuple) else fitted[0]
    return Condition(condition.field, condition.operator, whole)
