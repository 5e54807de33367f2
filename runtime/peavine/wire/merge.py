"""The answers of all shards to the same requests become one: matches in order of their scores. Pure.

Matches are merged wherever they are: of the Documents, and of their chunks. Only what ranks them is read. Scores of
one list have one direction; equal ones are in the order of their rows' names, so that any number of shards gives one
answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from peavine.documents import row_name
from peavine.documents.columns import Column, Columns, Nested, Numbers, concat
from peavine.errors import ExecutorError, InvalidRequest, PeavineError
from peavine.v1 import pea_pb2, shallow_pb2
from peavine.wire.batches import batch_from_bytes, encoded
from peavine.wire.columns import columns_from_bytes, columns_to_bytes, is_columns
from peavine.wire.join import lesser, union
from peavine.wire.pages import merge_read
from peavine.wire.report import added, report_of, set_report
from peavine.wire.status import status_of

__all__ = ["merge", "merge_bodies", "merge_matches"]

INVALID_ARGUMENT = 3


def merge(units: Sequence[pea_pb2.Unit], total: int, partial: bool) -> tuple[pea_pb2.Unit, int]:
    """Return the merged answer of `total` shards, of which some may be missing, and how many items have failed.

    An item that failed in a shard has failed; with `partial` it stands as long as one shard answered it, unless the
    request itself is wrong.
    """
    merged = pea_pb2.Unit(kind=units[0].kind, routes=union(unit.routes for unit in units))
    failed = 0
    for items in zip(*(unit.items for unit in units), strict=True):
        one = merged.items.add()
        good = [item for item in items if not item.header.HasField("status")]
        broken = [item.header.status for item in items if item.header.HasField("status")]
        one.header.CopyFrom((good or items)[0].header)
        del one.header.routes[:]
        one.header.routes.extend(union(item.header.routes for item in items))
        if broken and (not partial or not good or any(status.code == INVALID_ARGUMENT for status in broken)):
            one.header.status.CopyFrom(broken[0])
            failed += 1
            continue
        one.header.coverage.CopyFrom(lesser(one.header, pea_pb2.Coverage(answered=len(good), total=total)))
        try:
            if merged.kind == pea_pb2.READ:
                one.bodies.append(merge_read(one.header, good))
                continue
            if any(item.header.HasField("report") for item in good):
                set_report(one.header, added(report_of(item.header) for item in good))
            one.bodies.append(merge_bodies([b"".join(item.bodies) for item in good], one.header.top_k))
        except PeavineError as error:
            one.header.status.CopyFrom(status_of(error))
            failed += 1
    return merged, failed


def merge_bodies(bodies: Sequence[bytes], top_k: int = 0) -> bytes:
    """Return the first body with the matches of all; at most `top_k` a Document, or all where it is 0."""
    if len(bodies) == 1:
        return bodies[0]
    if not any(map(is_columns, bodies)):
        return _merged_rows(bodies, top_k)
    try:
        if all(map(is_columns, bodies)):
            read = [columns_from_bytes(body) for body in bodies]
            merged = _merged_columns([docs for docs, _ in read], top_k)
            if merged is not None:
                return columns_to_bytes(merged, read[0][1])
        # What differs too much from shard to shard is merged row by row.
        rows = _merged_rows([encoded(batch_from_bytes(body), columns=False) for body in bodies], top_k)
        return encoded(batch_from_bytes(rows), columns=is_columns(bodies[0]))
    except InvalidRequest as error:
        raise ExecutorError(f"a shard's answer is not a DocumentBatch: {error}") from error


def _same_counts(counts: Sequence[int]) -> None:
    if len(set(counts)) != 1:
        raise ExecutorError(f"the shards answered {counts} Documents to the same request; they cannot be merged")


def _merged_columns(levels: Sequence[Columns], top_k: int) -> Columns | None:
    """Return the first level with the matches of all, and of its chunks; None where their forms differ too much."""
    _same_counts([len(level) for level in levels])
    first = levels[0].copy()
    nested = [level.matches for level in levels if level.matches]
    if nested:
        every = concat([each.columns for each in nested])
        if every is None:
            return None
        parents = np.concatenate([np.repeat(np.arange(first.rows), np.diff(each.offsets)) for each in nested])
        first.matches = _best(every, parents, first.rows, top_k)
    chunks = [level.chunks for level in levels]
    if first.chunks and any(below.matches or below.chunks for each in chunks if each for below in (each.columns,)):
        if not all(each and np.array_equal(each.offsets, first.chunks.offsets) for each in chunks):
            return None
        below = _merged_columns([each.columns for each in chunks if each], top_k)
        if below is None:
            return None
        first.chunks = Nested(first.chunks.offsets, below)
    return first


def _best(every: Columns, parents: NDArray[np.int64], rows: int, top_k: int) -> Nested:
    """Return the best matches of each parent, the best first, each row once."""
    ids, roots = every.texts("id"), every.texts("root_id")
    names = [row_name(id, root or id) for id, root in zip(ids, roots, strict=True)]
    values = _numbers(every.fields.get("score_value"), every.rows)
    # Scores of one list have one direction; one that says so speaks for all.
    ascending = np.zeros(rows, np.bool_)
    ascending[parents[_numbers(every.fields.get("score_ascending"), every.rows) > 0]] = True
    badness = np.where(np.isnan(values), np.inf, np.where(ascending[parents], values, -values)).tolist()
    chosen: list[int] = []
    counts = [0] * rows
    seen: set[tuple[int, str]] = set()
    of = parents.tolist()
    for place in sorted(range(every.rows), key=lambda place: (of[place], badness[place], names[place])):
        parent = of[place]
        if (parent, names[place]) not in seen and not (top_k and counts[parent] == top_k):
            seen.add((parent, names[place]))
            chosen.append(place)
            counts[parent] += 1
    return Nested.of(counts, every.take(np.array(chosen, np.int64)))


def _numbers(column: Column | None, rows: int) -> NDArray[np.float64]:
    """Return the numbers of all rows, 0 where a row has none."""
    found = np.zeros(rows)
    if column is not None and isinstance(column.store, Numbers):
        at = np.arange(rows) if column.at is None else column.at
        found[at >= 0] = column.store.array[at[at >= 0]]
    return found


def _merged_rows(bodies: Sequence[bytes], top_k: int) -> bytes:
    try:
        batches = [shallow_pb2.RankedBatch.FromString(body) for body in bodies]
    except DecodeError as error:
        raise ExecutorError(f"a shard's answer is not a DocumentBatch: {error}") from error
    _same_counts([len(batch.docs) for batch in batches])
    for docs in zip(*(batch.docs for batch in batches), strict=True):
        _merge(docs, top_k)
    return batches[0].SerializeToString()


def _merge(docs: Sequence[shallow_pb2.Ranked], top_k: int) -> None:
    """Merge the matches of all into the first, of it and of its chunks."""
    first = docs[0]
    if any(doc.matches for doc in docs):
        matches = merge_matches([list(doc.matches) for doc in docs], top_k)
        del first.matches[:]
        first.matches.extend(matches)
    if first.chunks and all(len(doc.chunks) == len(first.chunks) for doc in docs):
        for chunks in zip(*(doc.chunks for doc in docs), strict=True):
            _merge(chunks, top_k)


def merge_matches(lists: Sequence[Sequence[shallow_pb2.Ranked]], top_k: int = 0) -> list[shallow_pb2.Ranked]:
    """Return the best of several lists of matches, the best first, each row once."""
    every = [match for each in lists for match in each]
    ascending = any(match.score.ascending for match in every)
    best: dict[str, shallow_pb2.Ranked] = {}
    names = [row_name(match.id, match.root_id or match.id) for match in every]
    badness = [_badness(match.score.value, ascending) for match in every]
    for _, name, match in sorted(zip(badness, names, every, strict=True), key=lambda ranked: ranked[:2]):
        best.setdefault(name, match)
    found = list(best.values())
    return found[:top_k] if top_k else found


def _badness(value: float, ascending: bool) -> float:
    """Return what is smaller for better scores; what is no number is worst."""
    return math.inf if math.isnan(value) else value if ascending else -value
