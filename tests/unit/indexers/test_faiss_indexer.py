"""The graph finds most of what exact search finds, follows every commit, and is never trusted when it is stale."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import faiss
import numpy as np
import pytest

from peavine.errors import StartError
from peavine.executors.indexers import CompoundIndexer, NumpyIndexer
from peavine.executors.indexers.faiss_indexer import FaissIndexer
from peavine.executors.indexers.nearest import METRICS, Metric

CHANCE = np.random.default_rng(0)
VECTORS = CHANCE.standard_normal((2000, 16)).astype(np.float32)
QUERIES = CHANCE.standard_normal((50, 16)).astype(np.float32)
IDS = [f"{n:04}" for n in range(len(VECTORS))]


@pytest.mark.parametrize("metric", METRICS)
def test_it_agrees_with_exact_search(metric: Metric) -> None:
    with FaissIndexer(metric).open() as graph, NumpyIndexer(metric).open() as exact:
        for indexer in (graph, exact):
            indexer.add(IDS, VECTORS, IDS)
            indexer.add(IDS[:300], VECTORS[1000:1300], IDS[:300])
            indexer.delete(IDS[500:900])
        found, distances = graph.query(QUERIES, 10)
        expected, exact_distances = exact.query(QUERIES, 10)
        common = [len(set(a) & set(b)) for a, b in zip(found, expected, strict=True)]
        assert np.mean(common) > 9.5
        for n in range(len(QUERIES)):
            known = dict(zip(expected[n], exact_distances[n], strict=True))
            assert all(known.get(id, distance) == distance for id, distance in zip(found[n], distances[n], strict=True))
            assert not set(found[n]) & set(IDS[500:900])


def test_it_takes_over_the_vectors_of_another_indexer(tmp_path: Path) -> None:
    with CompoundIndexer(metric="euclidean").open(tmp_path) as indexer:
        first = indexer.components[0]
        assert isinstance(first, NumpyIndexer)
        first.add(IDS[:100], VECTORS[:100], IDS[:100])
    graph = FaissIndexer("euclidean")
    with CompoundIndexer([graph]).open(tmp_path):
        assert graph.query(VECTORS[:1], 1)[0] == [["0000"]]


def starts(folder: Path, caplog: pytest.LogCaptureFixture) -> str:
    """Open and close it, and tell how it came to its graph."""
    caplog.clear()
    with caplog.at_level(logging.INFO), FaissIndexer("euclidean").open(folder) as graph:
        assert graph.query(VECTORS[:1], 1)[0] == [["0000"]]
        assert graph.size == 100
    return "built" if "building the graph" in caplog.text else "kept"


def test_the_graph_is_kept_and_used_only_for_the_state_it_was_made_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaissIndexer("euclidean").open(tmp_path) as graph:
        graph.add(IDS[:101], VECTORS[:101], IDS[:101])
        graph.delete(["0100"])
    assert starts(tmp_path, caplog) == "kept"

    kept = (tmp_path / "vectors.hnsw").read_bytes()
    with NumpyIndexer("euclidean").open(tmp_path) as other:
        other.add(["0000"], VECTORS[:1], ["0000"])
    assert starts(tmp_path, caplog) == "built"
    assert starts(tmp_path, caplog) == "kept"

    monkeypatch.setattr(faiss, "__version__", "0.9")  # another version may write graphs in another way
    assert starts(tmp_path, caplog) == "built"

    for damaged in (kept, b"", kept[:-100], kept[:1000] + b"x" + kept[1001:]):
        (tmp_path / "vectors.hnsw").write_bytes(damaged)
        assert starts(tmp_path, caplog) == "built"


def test_a_graph_of_mostly_deleted_vectors_is_built_anew(caplog: pytest.LogCaptureFixture) -> None:
    with FaissIndexer("euclidean", connectivity=8, ef_construction=16).open() as graph:
        for _ in range(4):
            graph.add(IDS, VECTORS, IDS)
        graph.delete(IDS[1:])
        with caplog.at_level(logging.INFO):
            graph.add(["x"], VECTORS[1:2], ["x"])
        assert graph.query(VECTORS[:1], 9)[0] == [["0000", "x"]]


def test_without_faiss_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(StartError, match=r"FaissIndexer needs faiss; install it with pip install 'peavine\[faiss\]'"):
        FaissIndexer().open()


def test_a_vast_top_k_finds_all_there_is_and_takes_no_room_for_more() -> None:
    with FaissIndexer("euclidean").open() as graph:
        graph.add(IDS[:100], VECTORS[:100], IDS[:100])
        assert sorted(graph.query(QUERIES[:1], 2**31 - 1)[0][0]) == IDS[:100]


def test_an_empty_index_has_no_matches(tmp_path: Path) -> None:
    with FaissIndexer().open(tmp_path) as graph:
        assert graph.query(QUERIES[:2], 3)[0] == [[], []]
        graph.add(["a"], VECTORS[:1], ["a"])
        graph.delete(["a"])
        assert graph.query(QUERIES[:1], 3)[0] == [[]]


def test_a_graph_from_which_all_was_deleted_takes_another_dimension() -> None:
    with FaissIndexer("euclidean").open() as indexer:
        indexer.add(IDS[:9], VECTORS[:9], IDS[:9])
        indexer.delete(IDS[:9])
        indexer.add(["x"], np.eye(2, dtype=np.float32)[:1], ["x"])
        assert indexer.query(np.eye(2, dtype=np.float32)[:1], 5)[0] == [["x"]]
