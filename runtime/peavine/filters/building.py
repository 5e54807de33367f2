"""Making conditions of names, operators and values, however these were written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from peavine.filters.filter import Condition, Filter, Not, Operator, Scalar
from peavine.filters.values import in_utc, kind_of, number

__all__ = ["Unfit", "condition", "scalar"]


class Unfit(Exception):
    """A name or a value does not fit where it is."""


def condition(field: str, operator: Operator, value: Any) -> Filter:
    """Return the condition, or raise Unfit. A comparison with null asks whether there is a value."""
    _check_name(field)
    if operator in ("eq", "ne") and value is None:
        there = Condition(field, "exists")
        return Not(there) if operator == "eq" else there
    if operator == "exists":
        if not isinstance(value, bool):
            raise Unfit(f"must be true or false, not {kind_of(value)}")
        return Condition(field, "exists") if value else Not(Condition(field, "exists"))
    if operator == "within":
        return Condition(field, operator, value)
    if operator in ("in", "nin"):
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise Unfit(f"must be a list of values, not {kind_of(value)}")
        return Condition(field, operator, tuple(scalar(each) for each in value))
    single = scalar(value)
    if operator == "prefix" and not isinstance(single, str):
        raise Unfit(f"must be a string, not {kind_of(value)}")
    if operator in ("lt", "lte", "gt", "gte") and isinstance(single, bool):
        raise Unfit("true and false have no order; use == or !=")
    return Condition(field, operator, single)


def scalar(value: Any) -> Scalar:
    """Return a single value to compare with, or raise Unfit."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Unfit("is not valid Unicode (a lone surrogate)") from None
        return value
    if isinstance(value, datetime):
        try:
            return in_utc(value)
        except OverflowError:
            raise Unfit("is outside the years 1 to 9999 in UTC") from None
    wide = number(value)
    if wide is None:
        if isinstance(value, int | float):
            raise Unfit("must be a finite number")
        hint = "; compare with null by == or !=" if value is None else ""
        raise Unfit(f"must be a number, a string, true, false or a datetime, not {kind_of(value)}{hint}")
    return wide + 0.0  # so that -0.0 is 0.0


def _check_name(field: str) -> None:
    if not all(field.split(".")):
        raise Unfit("is not the name of a tag; names are not empty, and dots lead into objects")
    scalar(field)
