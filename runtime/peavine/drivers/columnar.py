"""What Executors are given and give, straight from and to columns. Nothing here makes a Document or calls an Executor.

Each function takes only what is regular: one kind of content, one shape, nothing missing. For anything else it returns
None, and the Driver goes through the Documents one by one, which also finds what is wrong with them and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peavine.documents import check_id, row_name, split_name
from peavine.documents.columns import Block, Column, Columns, Nested, Numbers, Ragged
from peavine.documents.tensor import DTYPES
from peavine.drivers.driver import Task
from peavine.errors import PeavineError
from peavine.wire.batches import columns_in
from peavine.wire.columns import rest_column
from peavine.wire.fields import fields

__all__ = [
    "FOUND", "contents", "embeddings", "fill_matches", "is_found", "levels", "match_names", "matches", "may_be_rest",
    "set_embeddings",
]  # fmt: skip


def levels(tasks: Iterable[Task], paths: Iterable[str]) -> list[Columns] | None:
    """Return the levels that the paths lead to in each request, those without Documents left out."""
    found = []
    for task in tasks:
        root = columns_in(task.batch)
        if root is None:
            return None
        for path in paths:
            level: Columns | None = root
            for edge in path if path != "r" else "":
                nested = None if level is None else level.chunks if edge == "c" else level.matches
                level = None if nested is None else nested.columns
            if level is not None and level.rows:
                found.append(level)
    return found


def contents(found: Sequence[Columns]) -> Any:
    """Return the content of all rows as Encoders get it: a list of str or bytes, or the tensors as one array."""
    names = {name for level in found for name in ("text", "buffer", "tensor") if name in level.fields}
    if len(names) != 1 or any("rest" in level.fields for level in found):
        return None
    (name,) = names
    columns = [level.fields.get(name) for level in found]
    if name == "tensor":
        return _stacked(columns, 2)
    values: list[Any] = []
    for column in columns:
        if column is None:
            return None
        values += column.values()
    return None if None in values else values


def embeddings(found: Sequence[Columns]) -> NDArray[Any] | None:
    """Return the embeddings of all rows, B x D, where all are lists of D finite numbers."""
    if any("rest" in level.fields for level in found):
        return None
    rows = _stacked([level.fields.get("embedding") for level in found], 2)
    if rows is None or rows.ndim != 2 or rows.dtype.kind not in "biuf" or not rows.shape[1]:
        return None
    return rows if np.isfinite(rows).all() else None


def _stacked(columns: Sequence[Column | None], dimensions: int) -> NDArray[Any] | None:
    """Return the arrays of all rows as one of at least so many dimensions. It may be written to, as Executors do."""
    arrays = []
    for column in columns:
        if column is None or not isinstance(column.store, Block) or column.store.array.ndim < dimensions:
            return None
        if column.at is not None and (column.at < 0).any():
            return None
        arrays.append(column.store.array if column.at is None else column.store.array[column.at])
    if len({(array.shape[1:], array.dtype) for array in arrays}) != 1:
        return None
    return np.concatenate(arrays)


def set_embeddings(found: Sequence[Columns], answers: Sequence[Any]) -> bool:
    """Make the rows of the answers, in order, the embeddings of all rows; False where they are not regular."""
    arrays = [answer for answer in answers if isinstance(answer, np.ndarray) and 2 <= answer.ndim < 32]
    if len(arrays) < len(answers) or len({(array.shape[1:], array.dtype) for array in arrays}) != 1:
        return False
    dtype = DTYPES.get(arrays[0].dtype.newbyteorder("<").str)
    if dtype is None:
        return False
    rows = np.concatenate(arrays).astype(dtype, copy=False)  # the Executor may use its own arrays again
    begin = 0
    for level in found:
        level.fields["embedding"] = Column(Block(rows[begin : begin + level.rows]))
        begin += level.rows
    return True


def _constant(value: int | bool | str, rows: int) -> Column:
    """Return a column that has the same value in each row."""
    store: Any
    if isinstance(value, str):
        store = Ragged.texts([value])
    else:
        store = Numbers(np.array([value], np.bool_ if isinstance(value, bool) else np.uint32))
    return Column(store, np.zeros(rows, np.int64))


def matches(
    queries: Sequence[str],
    found: Sequence[Sequence[str]],
    distances: Sequence[Any],
    top_k: int,
    name: str,
    ascending: bool,
) -> Nested | None:
    """Return at most `top_k` matches of each query, with scores; None where ids or numbers are not regular."""
    counts = [min(len(ids), len(values), top_k) for ids, values in zip(found, distances, strict=True)]
    rows = sum(counts)
    if not rows:
        return None
    try:
        pairs = [split_name(row) for ids, count in zip(found, counts, strict=True) for row in ids[:count]]
        ids = [check_id(id) for id, _ in pairs]
        numbers = [np.asarray(each[:count], float) for each, count in zip(distances, counts, strict=True)]
        if any(each.ndim != 1 for each in numbers):
            return None
        columns = {
            "id": Column(Ragged.texts(ids)),
            "root_id": Column(Ragged.texts(["" if root == id else root for id, root in pairs])),
            "granularity": _constant(0, rows),
            "adjacency": _constant(1, rows),
            "score_value": Column(Numbers(np.concatenate(numbers))),
            "score_name": _constant(name, rows),
            "score_reference": Column(Ragged.texts(queries), np.repeat(np.arange(len(queries)), counts)),
            "score_ascending": _constant(ascending, rows),
        }
    except (AttributeError, TypeError, ValueError, PeavineError):
        return None
    return Nested.of(counts, Columns(rows, columns))


FOUND = frozenset({
    "id", "root_id", "granularity", "adjacency", "score_value", "score_name", "score_reference", "score_ascending",
})  # fmt: skip
"""The fields of matches that were just found. All rows have all of them, so a rest can add to them and change none."""


def is_found(root: Columns) -> bool:
    """Return whether the matches of all rows are as a search makes them: each is where it belongs, and has a score."""
    if root.matches is None or not root.fields.keys().isdisjoint(("granularity", "adjacency", "rest")):
        return False
    fields = root.matches.columns.fields
    return fields.keys() >= FOUND and _all(fields["granularity"], 0) and _all(fields["adjacency"], 1)


def _all(column: Column, wanted: int) -> bool:
    """Return whether each row has this number."""
    if not isinstance(column.store, Numbers) or (column.at is not None and bool((column.at < 0).any())):
        return False
    return bool((column.store.array == wanted).all())


def match_names(found: Columns) -> list[str]:
    """Return the names of the rows that matches stand for."""
    return [row_name(id, root or id) for id, root in zip(found.texts("id"), found.texts("root_id"), strict=True)]


def may_be_rest(stored: bytes) -> bool:
    """Return whether a stored Document can be the rest of a match that was just found: it changes nothing else."""
    return not any(number in _NOT_IN_REST for number, _, _ in fields(stored))


_NOT_IN_REST = frozenset({6, 7, 19, 22})
"""Chunks and matches, which are levels of their own; score and root_id, which a match has already."""


def fill_matches(root: Columns, stored: Sequence[bytes | None]) -> None:
    """Give the matches of all rows what is stored of them, and drop those of which nothing is."""
    assert root.matches is not None
    kept = np.array([value is not None for value in stored], np.bool_)
    nested = root.matches
    if not kept.all():
        before = np.concatenate(([0], np.cumsum(kept)))[nested.offsets]
        nested = Nested(before.astype(np.uint32), nested.columns.take(np.flatnonzero(kept)))
    root.matches = nested if nested.columns.rows else None
    if nested.columns.rows:
        nested.columns.fields["rest"] = rest_column([value for value in stored if value is not None])
