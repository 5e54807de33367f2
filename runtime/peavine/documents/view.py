"""View: a Document that is a row of columns. Its fields are read when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from peavine.documents.children import Chunks, Matches
from peavine.documents.columns import Columns
from peavine.documents.document import Document
from peavine.documents.score import Score

__all__ = ["SLOTS", "View", "source_of", "views", "written"]

SLOTS = frozenset(Document.__slots__)
"""What a Document consists of."""

_FIELDS = {"_id": "id", "_embedding": "embedding", "_tags": "tags"} | {
    name: name
    for name in (
        "adjacency", "granularity", "level_name", "mime_type", "modality", "offset", "parent_id", "root_id", "siblings",
        "uri", "weight",
    )
}  # fmt: skip
"""The column of each slot that has one of its own."""

_DEFAULTS: dict[str, Any] = (
    dict.fromkeys(SLOTS)
    | {"location": ()}
    | dict.fromkeys(("uri", "mime_type", "modality", "parent_id", "level_name", "root_id"), "")
    | dict.fromkeys(("granularity", "adjacency", "siblings", "offset"), 0)
)

_MUTABLE = frozenset({"_chunks", "_evaluations", "_matches", "_tags", "score"})
"""What can be changed without being set, and so counts as written once it has been read."""

_FILL: dict[str, Callable[[Any, Any], None]] = {name: Document.__dict__[name].__set__ for name in Document.__slots__}


class View(Document):
    """A Document whose values are in columns until they are read or written."""

    __slots__ = ("_columns", "_rest", "_row", "_written")

    _columns: Columns
    _rest: Document | None
    _row: int
    _written: set[str] | None

    def __new__(cls, *arguments: Any, **fields: Any) -> Any:
        """Return a plain Document to whoever asks a view for its type and makes another one."""
        return Document(*arguments, **fields)

    def __getattr__(self, name: str) -> Any:
        # Called only for what is not there: a slot that was not read yet, or a name that no Document has.
        if name == "_rest":
            rest = self._columns.value("rest", self._row)
            _set_rest(self, rest)
            return rest
        if name not in SLOTS:
            raise AttributeError(f"'Document' object has no attribute {name!r}")
        value = self._read(name)
        _FILL[name](self, value)
        if value is not None and name in _MUTABLE:
            self._note(name)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        if name in SLOTS:
            self._note(name)
        object.__setattr__(self, name, value)

    def _note(self, name: str) -> None:
        if self._written is None:
            _set_written(self, {name})
        else:
            self._written.add(name)

    def _read(self, slot: str) -> Any:
        """Return what a row says: what its column holds, else what its rest holds, else nothing.

        A score is in columns, and the rest adds what it was made from.
        """
        columns, row = self._columns, self._row
        value: Any = None
        if slot in _FIELDS:
            value = columns.value(_FIELDS[slot], row)
        elif slot == "_content":
            for name in ("text", "buffer", "tensor"):
                if (value := columns.value(name, row)) is not None:
                    break
        elif slot in ("_chunks", "_matches"):
            return self._children(slot)
        elif slot == "score":
            return self._score()
        if value is None and "rest" in columns.fields and self._rest is not None:
            value = getattr(self._rest, slot)
        return _DEFAULTS[slot] if value is None else value

    def _children(self, slot: str) -> Chunks | Matches | None:
        nested = self._columns.chunks if slot == "_chunks" else self._columns.matches
        if nested is None:
            return None
        docs = views(nested.columns, int(nested.offsets[self._row]), int(nested.offsets[self._row + 1]))
        return None if not docs else Chunks(self, docs) if slot == "_chunks" else Matches(self, docs)

    def _score(self) -> Score | None:
        columns, row = self._columns, self._row
        value = columns.value("score_value", row)
        if value is None:
            return None
        more = self._rest.score if "rest" in columns.fields and self._rest is not None else None
        return Score(
            value,
            columns.value("score_name", row) or "",
            more.description if more else "",
            more.operands if more else [],
            columns.value("score_reference", row) or "",
            columns.value("score_ascending", row) or False,
        )

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickle and copy it as a plain Document, without the rest of the batch."""
        return _unfilled, (), (None, {name: getattr(self, name) for name in Document.__slots__})


def _unfilled() -> Document:
    """Return a Document whose slots pickle fills."""
    return Document.__new__(Document)


_set_columns, _set_row = View.__dict__["_columns"].__set__, View.__dict__["_row"].__set__
_set_rest, _set_written = View.__dict__["_rest"].__set__, View.__dict__["_written"].__set__


def views(columns: Columns, begin: int = 0, end: int | None = None) -> list[Document]:
    """Return the rows from `begin` to before `end`, or to the last, as Documents."""
    made: list[Document] = []
    for row in range(begin, columns.rows if end is None else end):
        view = object.__new__(View)
        _set_columns(view, columns)
        _set_row(view, row)
        _set_written(view, None)
        made.append(view)
    return made


def source_of(docs: Sequence[Document]) -> tuple[Columns, list[int]] | None:
    """Return the columns whose rows these Documents are, and which rows; None where they are not all of the same."""
    source, rows = None, []
    for doc in docs:
        if type(doc) is not View or (source is not None and doc._columns is not source):
            return None
        source = doc._columns
        rows.append(doc._row)
    return None if source is None else (source, rows)


def written(docs: Sequence[Document]) -> set[str]:
    """Return the slots that differ, or may differ, from the columns in any of these views."""
    found: set[str] = set()
    for doc in docs:
        if isinstance(doc, View) and doc._written:
            found |= doc._written
    return found
