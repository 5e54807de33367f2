"""Exact search is exact: whatever the numbers, the blocks and the shards."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from peavine.executors.indexers import nearest as module
from peavine.executors.indexers.nearest import METRICS, Metric, Rows, is_ascending, lengths, nearest

Vectors = NDArray[np.float32]


def rows(vectors: Vectors, ids: list[str] | None = None) -> Rows:
    return Rows(vectors, lengths(vectors), ids or [f"{n:05}" for n in range(len(vectors))])


def distance(metric: Metric, x: Vectors, q: Vectors) -> float:
    """By the definition, with Python's own arithmetic."""
    pairs = [(float(a), float(b)) for a, b in zip(x, q, strict=True)]
    product = sum(a * b for a, b in pairs)
    if metric == "inner_product":
        return product
    if metric == "euclidean":
        return float(sum((a - b) ** 2 for a, b in pairs) ** 0.5)
    both = float(sum(a * a for a, _ in pairs) ** 0.5 * sum(b * b for _, b in pairs) ** 0.5)
    return max(0.0, 1 - product / both) if both else 1.0


def sharded(metric: Metric, vectors: Vectors, queries: Vectors, top_k: int, shard: NDArray[Any]) -> list[list[Any]]:
    sign = 1 if is_ascending(metric) else -1
    merged: list[list[Any]] = [[] for _ in queries]
    for number in np.unique(shard):
        own = np.flatnonzero(shard == number)
        ids, distances = nearest(metric, rows(vectors[own], [f"{n:05}" for n in own]), queries, top_k)
        for n in range(len(queries)):
            merged[n] += zip((sign * distances[n]).tolist(), ids[n], strict=True)
    return [sorted(found)[:top_k] for found in merged]


@st.composite
def searches(draw: st.DrawFn) -> tuple[Vectors, Vectors, int, NDArray[Any]]:
    """Vectors, many of them equal or nearly so, of any scale; queries, some of them among the vectors."""
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    count, dimension = draw(st.integers(1, 300)), draw(st.sampled_from([1, 2, 3, 17, 64]))
    kind = draw(st.sampled_from(["normal", "few values", "near each other", "all equal", "far apart", "with zeros"]))
    vectors = chance.standard_normal((count, dimension))
    if kind == "few values":
        vectors = chance.integers(-1, 2, (count, dimension)).astype(float)
    elif kind == "near each other":
        vectors = 1000 + vectors * 1e-4
    elif kind == "all equal":
        vectors[:] = vectors[0]
    elif kind == "far apart":
        vectors *= 10.0 ** chance.integers(-12, 12, (count, 1))
    elif kind == "with zeros":
        vectors[chance.random(count) < 0.3] = 0
    narrow = vectors.astype(np.float32)
    queries = np.concatenate([narrow[: draw(st.integers(0, 3))], chance.standard_normal((2, dimension))])
    return (
        narrow,
        queries.astype(np.float32),
        draw(st.integers(1, 20)),
        chance.integers(0, draw(st.integers(1, 5)), count),
    )


@pytest.mark.parametrize("metric", METRICS)
@given(search=searches())
def test_it_finds_what_the_definition_finds(metric: Metric, search: tuple[Vectors, Vectors, int, Any]) -> None:
    vectors, queries, top_k, _ = search
    ids, distances = nearest(metric, rows(vectors), queries, top_k)
    for n, query in enumerate(queries):
        expected = np.array([distance(metric, vector, query) for vector in vectors])
        sign = 1 if is_ascending(metric) else -1
        best = sign * np.sort(sign * expected)[:top_k]
        size = np.abs(expected).max() if metric != "cosine" else 1.0
        assert len(ids[n]) == len(set(ids[n])) == min(top_k, len(vectors))
        np.testing.assert_allclose(distances[n], best, rtol=1e-9, atol=1e-14 * size)
        np.testing.assert_allclose(distances[n], expected[[int(id) for id in ids[n]]], rtol=1e-9, atol=1e-14 * size)


@pytest.mark.parametrize("metric", METRICS)
@given(search=searches())
def test_a_search_through_shards_equals_a_search_without(
    metric: Metric, search: tuple[Vectors, Vectors, int, Any]
) -> None:
    vectors, queries, top_k, shard = search
    ids, distances = nearest(metric, rows(vectors), queries, top_k)
    sign = 1 if is_ascending(metric) else -1
    whole = [list(zip((sign * distances[n]).tolist(), ids[n], strict=True)) for n in range(len(queries))]
    assert whole == sharded(metric, vectors, queries, top_k, shard)


@pytest.mark.parametrize("metric", METRICS)
def test_blocks_do_not_show(metric: Metric, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(0)
    vectors = chance.standard_normal((5000, 8)).astype(np.float32)
    vectors[2000:3000] = vectors[:1000]
    queries = chance.standard_normal((50, 8)).astype(np.float32)
    whole = nearest(metric, rows(vectors), queries, 25)
    monkeypatch.setattr(module, "_PRODUCT", 1 << 13)
    monkeypatch.setattr(module, "_ROWS", 700)
    ids, distances = nearest(metric, rows(vectors), queries, 25)
    assert ids == whole[0]
    assert [found.tolist() for found in distances] == [found.tolist() for found in whole[1]]


def test_equal_distances_are_told_apart_by_id() -> None:
    vectors = np.ones((2000, 4), np.float32)
    names = [f"{n:04}" for n in np.random.default_rng(0).permutation(2000)]
    ids, distances = nearest("euclidean", rows(vectors, names), np.ones((1, 4), np.float32), 3)
    assert ids == [["0000", "0001", "0002"]]
    assert distances[0].tolist() == [0, 0, 0]


def test_no_rows_give_no_matches() -> None:
    ids, distances = nearest("cosine", rows(np.empty((0, 4), np.float32)), np.ones((2, 4), np.float32), 3)
    assert ids == [[], []]
    assert [len(found) for found in distances] == [0, 0]
