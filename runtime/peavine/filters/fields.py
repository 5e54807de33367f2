"""Fields: the tags that an index declares, with their types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from peavine.errors import InvalidRequest, ManifestError, Problem, did_you_mean
from peavine.filters.matching import MISSING, tag
from peavine.filters.values import instant, kind_of, number, place

__all__ = ["FieldType", "Kind", "fitting", "parse_fields", "values_of"]

Kind = Literal["number", "keyword", "text", "datetime", "geo", "bool"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
MAX_FIELDS = 256

_READERS: Final[dict[Kind, Any]] = {
    "number": number,
    "keyword": lambda value: value if isinstance(value, str) else None,
    "text": lambda value: value if isinstance(value, str) else None,
    "datetime": instant,
    "geo": place,
    "bool": lambda value: value if isinstance(value, bool) else None,
}
_WANTED: Final[dict[Kind, str]] = {
    "number": "a number",
    "keyword": "a string",
    "text": "a string",
    "datetime": "a datetime in ISO 8601, such as 2026-01-31T12:00:00Z",
    "geo": 'an object {"lat": .., "lon": ..} in degrees',
    "bool": "true or false",
}


@dataclass(frozen=True)
class FieldType:
    """What the values of a field are; `many` where each Document has a list of them."""

    kind: Kind
    many: bool = False

    def __str__(self) -> str:
        return f"[{self.kind}]" if self.many else self.kind


def parse_fields(declared: Mapping[str, Any]) -> dict[str, FieldType]:
    """Return the types of `{price: number, labels: [keyword]}`, or raise ManifestError with all problems."""
    problems = []
    found = {}
    if len(declared) > MAX_FIELDS:
        problems.append(Problem("fields", f"has {len(declared)} fields; the limit is {MAX_FIELDS}"))
    for name, value in declared.items():
        many = isinstance(value, list | tuple) and len(value) == 1
        kind = value[0] if many else value
        if not isinstance(name, str) or not all(name.split(".")):
            problems.append(Problem(f"fields.{name}", "is not the name of a tag; dots lead into objects"))
        elif kind not in KINDS:
            hint = did_you_mean(kind, KINDS) if isinstance(kind, str) else ""
            types = f"{', '.join(KINDS)}, or a list of one of them, such as [keyword]"
            problems.append(Problem(f"fields.{name}", f"unknown type {kind!r:.60}; one of {types}{hint}"))
        else:
            found[name] = FieldType(kind, many)
    if problems:
        raise ManifestError(problems)
    return found


def fitting(fields: Mapping[str, FieldType], tags: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that tags have for these fields, as their types have them; missing ones are left out.

    Raises InvalidRequest with the path of each value that does not fit the type of its field.
    """
    found, problems = values_of(fields, tags)
    if problems:
        raise InvalidRequest("\n".join(problems))
    return found


def values_of(fields: Mapping[str, FieldType], tags: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the values that fit, and what is wrong with the others."""
    found: dict[str, Any] = {}
    problems: list[str] = []
    for name, declared in fields.items():
        value = tag(tags, name)
        if value is MISSING:
            continue
        if declared.many and not isinstance(value, list | tuple):
            problems.append(f"tags.{name}: must be a list, not {kind_of(value)}; the index declares {declared}")
            continue
        read = _READERS[declared.kind]
        values = []
        for n, each in enumerate(value if declared.many else (value,)):
            one = read(each)
            if one is None:
                where = f"tags.{name}[{n}]" if declared.many else f"tags.{name}"
                shown = f'"{each:.40}"' if isinstance(each, str) else kind_of(each)
                problems.append(f"{where}: must be {_WANTED[declared.kind]}, not {shown}")
                break
            values.append(one)
        else:
            found[name] = values if declared.many else values[0]
    return found, problems
