"""What an answer keeps of its Documents: the fields that its request asks for. Pure; makes no Documents of a body.

Where a Document stands in the tree and how good a match it is always comes along, because heads merge by it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from google.protobuf.message import DecodeError

from peavine.documents.columns import Column, Columns, Nested, Ragged
from peavine.documents.plain import FIELDS, NUMBERS
from peavine.errors import InvalidRequest, did_you_mean
from peavine.v1 import document_pb2, pea_pb2, shallow_pb2
from peavine.wire.columns import columns_from_bytes, columns_to_bytes, is_columns, rest_column

__all__ = ["ALL", "LIGHT", "Kept", "check_fields", "clear_columns", "cut", "cut_columns", "kept"]

Kept = frozenset[str]
"""Names of fields of a Document. They hold for Documents, chunks and matches alike."""

ALL: Final = "*"
"""Asks for all fields, and for the groundtruths."""
LIGHT: Final = tuple(name for name in FIELDS if name not in ("tensor", "buffer", "embedding"))
"""What a search answers with when nobody says otherwise."""

_ID: Final[Kept] = frozenset({"id"})
_PLACED: Final[Kept] = frozenset({"id", "root_id", "score", "parent_id", *NUMBERS})
"""What always comes along when fields are asked for."""
_LIGHT: Final[Kept] = frozenset(LIGHT)
_SCORE: Final = ("score_value", "score_name", "score_reference", "score_ascending")
"""The columns of a score."""


def check_fields(names: Iterable[str], path: str = "fields") -> None:
    """Raise InvalidRequest for what is not a field of a Document."""
    for name in names:
        if name != ALL and name not in FIELDS:
            hint = did_you_mean(name, FIELDS) or f"; known: {', '.join(FIELDS)}, and {ALL} for all"
            raise InvalidRequest(f'{path}: a Document has no field "{name:.64}"{hint}')


def kept(kind: int, asked: Sequence[str]) -> Kept | None:
    """Return what the answer to a request of this kind keeps, given the fields it asks for; None for everything."""
    if ALL in asked or (kind == pea_pb2.READ and not asked):  # what is read has only what its parameters ask for
        return None
    if not asked:
        return _LIGHT if kind == pea_pb2.SEARCH else _ID
    return _PLACED.union(asked, ("matches",) if kind == pea_pb2.SEARCH else ())


def cut(body: bytes, kept: Kept | None) -> bytes:
    """Return a body, in its own form, with these fields alone. Raises InvalidRequest where it cannot be read."""
    if kept is None or not body:
        return body
    if is_columns(body):
        return columns_to_bytes(cut_columns(columns_from_bytes(body)[0], kept))
    try:
        if kept == _ID:
            named = shallow_pb2.NamedBatch.FromString(body)
            named.DiscardUnknownFields()
            return named.SerializeToString()
        batch = document_pb2.DocumentBatch.FromString(body)
    except DecodeError:
        raise InvalidRequest("the body is not a DocumentBatch: malformed protobuf, or nested too deep") from None
    del batch.groundtruths[:]
    dropped = _dropped(kept)
    for doc in batch.docs:
        _clear(doc, dropped)
    return batch.SerializeToString()


def cut_columns(columns: Columns, kept: Kept) -> Columns:
    """Return columns with these fields alone."""
    made = columns.copy()
    if kept == _ID:
        made.fields.pop("rest", None)  # which has nothing else that is kept
    clear_columns(made, _dropped(kept))
    for edge in ("chunks", "matches"):
        nested: Nested | None = getattr(made, edge)
        if nested:
            setattr(made, edge, Nested(nested.offsets, cut_columns(nested.columns, kept)))
    return made


def clear_columns(columns: Columns, names: Collection[str]) -> None:
    """Empty these fields, in place; chunks and matches that stay are left as they are."""
    for name in names:
        for column in _SCORE if name == "score" else (name,):
            columns.fields.pop(column, None)
    if "rest" in columns.fields:
        columns.fields["rest"] = _cut_rest(columns.fields["rest"], names)
    if "chunks" in names:
        columns.chunks = None
    if "matches" in names:
        columns.matches = None


def _cut_rest(rest: Column, dropped: Collection[str]) -> Column:
    assert isinstance(rest.store, Ragged)
    cells = []
    for cell in rest.store.cells():
        try:
            doc = document_pb2.Document.FromString(cell)
        except DecodeError:
            raise InvalidRequest("rest: malformed protobuf, or nested too deep") from None
        _clear(doc, dropped)
        cells.append(doc.SerializeToString())
    return Column(rest_column(cells).store, rest.at)


def _dropped(kept: Kept) -> list[str]:
    return [name for name in FIELDS if name not in kept]


def _clear(doc: document_pb2.Document, dropped: Collection[str]) -> None:
    for name in dropped:
        doc.ClearField(name)  # type: ignore[arg-type]  # the stub wants literals
    for below in (doc.chunks, doc.matches):
        for each in below:
            _clear(each, dropped)
