"""Looking into Documents by field names joined with `__`, and asking what is found there. Pure."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from peavine.documents import Document, Score, Sparse
from peavine.documents.children import Children
from peavine.errors import InvalidRequest, did_you_mean

__all__ = ["OPERATORS", "condition", "field_value", "known_field", "text_of"]

FIELDS = frozenset({*inspect.signature(Document).parameters, "content"})
SCORE_FIELDS = frozenset({"value", "name", "description", "operands", "reference", "ascending"})
MAX_PATTERN = 200


def known_field(path: str) -> str:
    """Return the path, or raise ValueError unless it begins with a field of Documents."""
    first, *rest = path.split("__")
    if first not in FIELDS:
        raise ValueError(f'a Document has no field "{first}"{did_you_mean(first, FIELDS)}')
    if first == "score" and rest and rest[0] not in SCORE_FIELDS:
        raise ValueError(f'a score has no field "{rest[0]}"{did_you_mean(rest[0], SCORE_FIELDS)}')
    return path


def field_value(doc: Any, path: str) -> Any:
    """Return what stands at `tags__price`, `score__value` or `chunks__0__text`, or None where there is nothing."""
    value: Any = doc
    for part in path.split("__"):
        if isinstance(value, Document):
            value = getattr(value, part) if part in FIELDS else None
        elif isinstance(value, Score):
            value = getattr(value, part) if part in SCORE_FIELDS else None
        elif isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list | tuple | Children) and part.isdecimal() and len(part) < 10:
            value = value[int(part)] if int(part) < len(value) else None
        else:
            return None
    return value


def text_of(doc: Document, name: str) -> str:
    """Return the text of a field, the texts of a list one after the other; nothing where there is none."""
    value = field_value(doc, name)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return "\n".join(value)
    raise InvalidRequest(f"Document {doc.id!r}: {name} is {type(value).__name__}; give it text, or a list of texts")


def _texts(compare: Callable[[str, str], bool], fold: bool = False) -> Callable[[Any, Any], bool]:
    def ask(value: Any, wanted: Any) -> bool:
        if not isinstance(value, str):
            return False
        return compare(value.casefold(), str(wanted).casefold()) if fold else compare(value, str(wanted))

    return ask


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def ask(value: Any, wanted: Any) -> bool:
        try:
            return value is not None and bool(compare(value, wanted))
        except TypeError:  # a string and a number have no order
            return False

    return ask


def _exact(value: Any, wanted: Any) -> bool:
    if isinstance(value, np.ndarray | Sparse | Score | Document | Children):
        return False
    return bool(value == wanted)


def _contains(value: Any, wanted: Any) -> bool:
    if isinstance(value, str):
        return isinstance(wanted, str) and wanted in value
    return isinstance(value, list | tuple | Mapping) and wanted in value


def _in(value: Any, wanted: Any) -> bool:
    return isinstance(wanted, list | tuple) and any(_exact(value, one) for one in wanted)


def _regex(value: Any, wanted: Any) -> bool:
    return isinstance(value, str) and re.search(wanted, value) is not None


OPERATORS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "exact": _exact,
    "neq": lambda value, wanted: not _exact(value, wanted),
    "contains": _contains,
    "icontains": _texts(lambda value, wanted: wanted in value, fold=True),
    "in": _in,
    "startswith": _texts(str.startswith),
    "istartswith": _texts(str.startswith, fold=True),
    "endswith": _texts(str.endswith),
    "iendswith": _texts(str.endswith, fold=True),
    "gt": _ordered(lambda value, wanted: value > wanted),
    "gte": _ordered(lambda value, wanted: value >= wanted),
    "lt": _ordered(lambda value, wanted: value < wanted),
    "lte": _ordered(lambda value, wanted: value <= wanted),
    "regex": _regex,
}
"""What can be asked of a value. A value that is missing, or of another kind, is never more than unequal."""


def condition(key: str, wanted: Any) -> tuple[str, str, Any]:
    """Return field, operator and value of a lookup such as `tags__price__lt: 10`; ValueError says what is wrong.

    Without an operator it is `exact`.
    """
    path, _, last = key.rpartition("__")
    field, operator = (path, last) if path and last in OPERATORS else (key, "exact")
    known_field(field)
    if operator == "regex":
        if not isinstance(wanted, str) or len(wanted) > MAX_PATTERN:
            raise ValueError(f"{key}: a pattern is a string of at most {MAX_PATTERN} characters")
        try:
            re.compile(wanted)
        except re.error as problem:
            raise ValueError(f"{key}: {wanted!r} is not a regular expression ({problem})") from None
    if operator == "in" and not isinstance(wanted, list | tuple):
        raise ValueError(f"{key}: needs a list of values")
    return field, operator, wanted
