"""Unite the columns of Documents that several Pods answered, as `reduce` unites Documents. Pure.

Only the regular case: the same Documents in the same order, each field whole wherever it is. Else there is None.
"""

from __future__ import annotations

import numpy as np

from peavine.documents.columns import Column, Columns, Nested, Numbers, Ragged

__all__ = ["united"]

_CONTENTS = ("text", "buffer", "tensor")
_SCORE = ("score_value", "score_name", "score_reference", "score_ascending")
_FIRST = ("id", "root_id", "granularity", "adjacency")
"""Fields of which what the first Pod says stands, even where that is nothing."""


def united(first: Columns, other: Columns) -> Columns | None:
    """Return the first with what it lacks from the other; None where only Documents can say what that is."""
    if first.rows != other.rows or "rest" in first.fields or "rest" in other.fields:
        return None
    if not first.rows:
        return first
    if any(first.texts(name) != other.texts(name) for name in ("id", "root_id")):
        return None
    made = first.copy()
    for group in (_CONTENTS, _SCORE, *((name,) for name in other.fields if name not in _GROUPED)):
        own = [first.fields[name] for name in group if name in first.fields]
        theirs = {name: other.fields[name] for name in group if name in other.fields}
        if not own:
            made.fields |= theirs
        elif theirs and not (_is_whole(own[0]) or _same(own, list(theirs.values()))):
            return None
        elif theirs and group == ("tags",) and not _same(own, list(theirs.values())):
            return None  # tags are united one by one
    for edge in ("chunks", "matches"):
        mine, their = getattr(first, edge), getattr(other, edge)
        if their is None:
            continue
        if mine is None or not np.array_equal(mine.offsets, their.offsets):
            return None
        below = united(mine.columns, their.columns)
        if below is None:
            return None
        setattr(made, edge, Nested(mine.offsets, below))
    return made


_GROUPED = frozenset((*_CONTENTS, *_SCORE, *_FIRST))


def _is_whole(column: Column) -> bool:
    """Return whether each row has a value that is not empty."""
    if column.at is not None and (column.at < 0).any():
        return False
    if isinstance(column.store, Ragged):
        return bool(np.diff(column.store.offsets).all())
    return not isinstance(column.store, Numbers) or bool(column.store.array.all())


def _same(mine: list[Column], their: list[Column]) -> bool:
    """Return whether columns say the same, as those do that came with the request."""
    return len(mine) == len(their) and all(map(_equal, mine, their))


def _equal(one: Column, two: Column) -> bool:
    (mask, store), (other_mask, other) = one.packed(), two.packed()
    if type(store) is not type(other) or len(store) != len(other):
        return False
    if (mask is None) != (other_mask is None) or (mask is not None and not np.array_equal(mask, other_mask)):  # type: ignore[arg-type]
        return False
    if isinstance(store, Ragged) and isinstance(other, Ragged):
        return bool(np.array_equal(np.diff(store.offsets), np.diff(other.offsets))) and store.data == other.data
    return bool(np.array_equal(store.array, other.array))  # type: ignore[attr-defined]
