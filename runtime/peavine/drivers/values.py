"""What stands in a field of each row of columns, without Documents. Pure.

Only what `field_value` would say of the rows' Documents is said here; where that takes a Document, it is None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from google.protobuf.message import DecodeError

from peavine.documents import Score
from peavine.documents.columns import Columns, Ragged
from peavine.documents.plain import NUMBERS, TEXTS
from peavine.drivers.lookup import field_value
from peavine.errors import InvalidRequest
from peavine.v1 import document_pb2
from peavine.wire.tags import read_struct

__all__ = ["RANK", "values_of"]

RANK = "score__rank"
"""Stands for what is smaller for better scores. No request can name it."""

Rest = Sequence["document_pb2.Document | None"]


def values_of(level: Columns, path: str) -> list[Any] | None:
    """Return what stands at `text`, `tags__price` or `score__value` in each row; None where only Documents can say."""
    first, _, rest = path.partition("__")
    if first == "tags":
        tags = _filled(level, "tags", _tags)
        return tags and [field_value(each or {}, rest) if rest else each or {} for each in tags]
    if path == RANK:
        return _ranks(level)
    if first == "score" and rest in ("value", "name", "reference", "ascending"):
        return _score(level, rest)
    if rest or first not in _EMPTY:
        return None
    values = _filled(level, first, partial(_plain, first))
    return None if values is None else [_EMPTY[first] if value is None else value for value in values]


_EMPTY: dict[str, Any] = (
    {"id": None, "text": None, "weight": None} | dict.fromkeys(TEXTS, "") | dict.fromkeys(NUMBERS, 0)
)
"""What a field that stands alone is when it is empty."""


def _plain(name: str, message: document_pb2.Document) -> Any:
    return getattr(message, name) if name not in ("text", "weight") or message.HasField(name) else None  # type: ignore[arg-type]


def _tags(message: document_pb2.Document) -> Any:
    return read_struct(message.tags) if message.HasField("tags") else None


def _score(level: Columns, name: str) -> list[Any]:
    """Return a part of each row's score, None where it has none."""
    scored, column = level.fields.get("score_value"), level.fields.get(f"score_{name}")
    if scored is None:
        return [None] * level.rows
    empty = {"value": None, "name": "", "reference": "", "ascending": False}[name]
    found = []
    for row in range(level.rows):
        value = None if column is None else column[row]
        found.append(None if scored[row] is None else empty if value is None else value)
    return found


def _ranks(level: Columns) -> list[Any]:
    """Return what is smaller for better scores, None where a row has none."""
    return [
        None if value is None else Score(value, ascending=bool(ascending)).rank
        for value, ascending in zip(_score(level, "value"), _score(level, "ascending"), strict=True)
    ]


def _filled(level: Columns, name: str, read: Callable[[document_pb2.Document], Any]) -> list[Any] | None:
    """Return the values of a column, and what the rest says where it has none."""
    column = level.fields.get(name)
    if column is None:
        values: list[Any] = [None] * level.rows
    elif isinstance(column.store, Ragged):
        values = column.values()
    else:
        values = [column[row] for row in range(level.rows)]
    rest = level.fields.get("rest")
    if rest is None or name == "id" or None not in values:
        return values
    if name == "text" and ("buffer" in level.fields or "tensor" in level.fields):
        return None  # a Document has one content, and columns go before the rest
    assert isinstance(rest.store, Ragged)
    try:
        messages = [document_pb2.Document.FromString(cell) for cell in rest.store.cells()]
    except DecodeError:
        raise InvalidRequest("rest: malformed protobuf, or nested too deep") from None
    places = range(level.rows) if rest.at is None else rest.at.tolist()
    return [
        read(messages[place]) if value is None and place >= 0 else value
        for value, place in zip(values, places, strict=True)
    ]
