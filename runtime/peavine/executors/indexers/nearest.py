"""Exact nearest neighbours among float32 rows, in bounded memory. Pure: arrays in, arrays out.

Candidates come from one matrix product in float32, whose rounding error has a bound: a row that the bound cannot
exclude is a candidate. The candidates' distances are then computed one by one in float64, from the vectors themselves.
So a distance depends on the two vectors and on nothing else, equal distances are told apart by id, and a search through
shards finds what a search through all rows finds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Metric = Literal["cosine", "euclidean", "inner_product"]
METRICS: tuple[Metric, ...] = ("cosine", "euclidean", "inner_product")
"""cosine: 1 - cos(x, q), and 1 where x or q is zero. euclidean: |x - q|. inner_product: x . q, where more is better."""

SHORTEST, LONGEST = 1e-18, 1e18
"""Lengths of vectors, other than 0, between which no square leaves the range of float32."""

_PRODUCT = 1 << 22
"""Numbers in one block of the matrix product: 16 MiB."""
_ROWS = 1 << 18
_COPIED = 1 << 23
"""Numbers of chosen rows that are copied at once: 32 MiB."""
_GROUP = 64
_ROUNDING = 2.0**-24

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass(frozen=True)
class Rows:
    """N rows to search: N x D numbers, their N lengths in float64, and their N ids."""

    vectors: Float32
    lengths: Float64
    ids: Sequence[str]


def is_ascending(metric: Metric) -> bool:
    """Return whether a smaller number is a better match."""
    return metric != "inner_product"


def lengths(vectors: NDArray[Any]) -> Float64:
    """Return the Euclidean lengths of N x D numbers, computed in float64."""
    wide = vectors.astype(np.float64)
    return np.sqrt((wide * wide).sum(axis=1))  # type: ignore[no-any-return]


def nearest(
    metric: Metric, rows: Rows, queries: Float32, top_k: int, among: Index | None = None
) -> tuple[list[list[str]], list[Float64]]:
    """Return for each of B queries (B x D) the ids and distances of the nearest rows, at most `top_k`, best first.

    `among` are the numbers of the rows to look at, where these are not all.
    """
    count = len(rows.vectors) if among is None else len(among)
    if not count:
        return [[] for _ in queries], [np.empty(0) for _ in queries]
    ids: list[list[str]] = []
    distances: list[Float64] = []
    block = max(1, _PRODUCT // min(count, _ROWS))
    for start in range(0, len(queries), block):
        for found in _search(metric, rows, queries[start : start + block], min(top_k, count), among):
            ids.append([id for _, id in found])
            distances.append(np.array([key for key, _ in found]) * (1.0 if is_ascending(metric) else -1.0))
    return ids, distances


def _parts(rows: Rows, among: Index | None) -> Iterator[tuple[slice | Index, int]]:
    """Yield which rows to compare at once, and the number to add to places in them; chosen rows have to be copied."""
    if among is None:
        for start in range(0, len(rows.vectors), _ROWS):
            yield slice(start, start + _ROWS), start
        return
    size = min(_ROWS, max(1, _COPIED // rows.vectors.shape[1]))
    for start in range(0, len(among), size):
        yield among[start : start + size], 0


def _search(
    metric: Metric, rows: Rows, queries: Float32, top_k: int, among: Index | None
) -> list[list[tuple[float, str]]]:
    """Return for each query the best (key, id): distances, or negative products, so that less is better."""
    bounds = np.full(len(queries), np.inf)
    best: list[list[tuple[float, str]]] = [[] for _ in queries]
    for part, start in _parts(rows, among):
        which, found = _candidates(metric, rows.vectors[part], rows.lengths[part], queries, top_k, bounds)
        found = found + start if isinstance(part, slice) else part[found]
        keys = _keys(metric, rows.vectors, queries, which, found)
        order = np.lexsort((keys, which))
        ends = np.searchsorted(which[order], np.arange(len(queries) + 1))
        for n in range(len(queries)):
            own = order[ends[n] : ends[n + 1]]
            best[n] = sorted([*best[n], *_least(keys[own], found[own], rows.ids, top_k)])[:top_k]
    return best


def _candidates(
    metric: Metric, vectors: Float32, sizes: Float64, queries: Float32, top_k: int, bounds: Float64
) -> tuple[Index, Index]:
    """Return pairs (query, row) that hold every row that can be among the `top_k`, and lower `bounds` accordingly.

    `bounds` is, for each query, a number that the estimates of at least `top_k` rows do not exceed.
    """
    estimates, error = _estimate(metric, vectors, sizes, queries)
    count = estimates.shape[1]
    if top_k >= count:
        which, found = np.divmod(np.arange(estimates.size), count)
        return which, found
    # The k-th smallest of the minima of groups is not below the k-th smallest of all: k groups have one below it.
    # A group is every G-th row, so that the minima are taken over whole rows of memory.
    size = min(_GROUP, count // top_k)
    groups = count // size
    folded = estimates[:, : size * groups].reshape(len(queries), size, groups)
    minima = folded.min(axis=1)
    kth = np.partition(minima, top_k - 1, axis=1)[:, top_k - 1].astype(np.float64)
    np.minimum(bounds, kth, out=bounds)
    limit = np.nextafter((bounds + 2 * error).astype(np.float32), np.float32(np.inf))[:, None]
    which, group = np.nonzero(minima <= limit)
    inside = folded[which, :, group] <= limit[which]
    pair, member = np.nonzero(inside)
    rest_which, rest = np.nonzero(estimates[:, size * groups :] <= limit)
    found = np.concatenate([member * groups + group[pair], rest + size * groups])
    return np.concatenate([which[pair], rest_which]), found


def _estimate(metric: Metric, vectors: Float32, sizes: Float64, queries: Float32) -> tuple[Float32, Float64]:
    """Return B x N numbers in the order of the distances, and for each query the bound of their error.

    A product of D terms is off by at most D u |x| |q|, whatever the order of its sum (Higham, Accuracy and Stability of
    Numerical Algorithms, 3.1), u = 2^-24. The 8 covers the operations around it, the 1.1 the terms of second order.
    """
    unit = (queries.shape[1] + 8) * _ROUNDING * 1.1
    query_sizes = lengths(queries)
    if metric == "inner_product":
        return -(queries @ vectors.T), unit * float(sizes.max()) * query_sizes
    if metric == "euclidean":
        estimates = (-2 * queries) @ vectors.T
        estimates += (sizes * sizes).astype(np.float32)
        return estimates, unit * float(sizes.max()) * (float(sizes.max()) + 2 * query_sizes)
    scale = np.divide(1, query_sizes, out=np.zeros_like(query_sizes), where=query_sizes > 0)
    estimates = (queries * -scale[:, None]).astype(np.float32) @ vectors.T
    estimates *= np.divide(1, sizes, out=np.zeros_like(sizes), where=sizes > 0).astype(np.float32)
    return estimates, np.full(len(queries), unit)


def _least(keys: Float64, found: Index, ids: Sequence[str], top_k: int) -> list[tuple[float, str]]:
    """Return the least (key, id) of rows in the order of their keys, at most `top_k`.

    Of rows that all have the last key, which may be nearly all there are, only the ids are compared.
    """
    if len(keys) <= top_k:
        return list(zip(keys.tolist(), [ids[row] for row in found.tolist()], strict=True))
    last = keys[top_k - 1]
    begin, end = np.searchsorted(keys, last, "left"), np.searchsorted(keys, last, "right")
    less = zip(keys[:begin].tolist(), [ids[row] for row in found[:begin].tolist()], strict=True)
    equal = sorted([ids[row] for row in found[begin:end].tolist()])[: top_k - begin]
    return [*less, *((float(last), id) for id in equal)]


def _keys(metric: Metric, vectors: Float32, queries: Float32, which: Index, found: Index) -> Float64:
    """Return the key of each pair (query, row) in float64."""
    keys = np.empty(len(found))
    block = max(1, _PRODUCT // vectors.shape[1])
    for start in range(0, len(found), block):
        part = slice(start, start + block)
        x, q = vectors[found[part]].astype(np.float64), queries[which[part]].astype(np.float64)
        if metric == "euclidean":
            difference = x - q
            keys[part] = np.sqrt((difference * difference).sum(axis=1))
        elif metric == "inner_product":
            keys[part] = -(x * q).sum(axis=1)
        else:
            both = np.sqrt((x * x).sum(axis=1)) * np.sqrt((q * q).sum(axis=1))
            cosine = np.divide((x * q).sum(axis=1), both, out=np.zeros_like(both), where=both > 0)
            keys[part] = np.maximum(0, 1 - cosine)
    return keys
