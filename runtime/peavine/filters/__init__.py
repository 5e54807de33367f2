"""Filters: which Documents a search, a count or a deletion is about, by their tags. Pure; it knows no store.

A filter has two spellings, text for people and objects for programs, and one meaning, which `matches` defines. Whatever
answers filters faster than one Document at a time must agree with it.
"""

from peavine.filters.checking import check
from peavine.filters.fields import FieldType, fitting, parse_fields
from peavine.filters.filter import And, Condition, Filter, Not, Or
from peavine.filters.matching import matches
from peavine.filters.parsing import parse

__all__ = [
    "And",
    "Condition",
    "FieldType",
    "Filter",
    "Not",
    "Or",
    "check",
    "fitting",
    "matches",
    "parse",
    "parse_fields",
]
