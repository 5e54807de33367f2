"""Vectors: what is refused, what survives, what follows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from peavine.errors import InvalidRequest, ManifestError
from peavine.executors.indexers import CompoundIndexer, NumpyIndexer


@pytest.fixture
def indexer(tmp_path: Path) -> Iterator[NumpyIndexer]:
    with NumpyIndexer(metric="euclidean").open(tmp_path / "data") as indexer:
        indexer.add(["a", "b", "c"], np.eye(3), ["a", "b", "c"])
        yield indexer


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.zeros((1, 4)), "vectors of 4 dimensions, but the index holds 3; encode with the model"),
        (np.zeros(3), r"vectors of shape \(3,\); give B x D numbers"),
        (np.zeros((1, 0)), r"vectors of shape \(1, 0\)"),
        (np.array([[1, np.nan, 0]]), r'the vector of "x" has NaN or infinity'),
        (np.array([[1, np.inf, 0]]), r'the vector of "x" has NaN or infinity'),
        (np.array([[1e300, 0, 0]]), r'the vector of "x" has NaN or infinity'),
        (np.array([[1e30, 0, 0]]), r'the vector of "x" has the length 1e\+30; lengths are 0 or 1e-18 to 1e\+18'),
        (np.array([[1j, 0, 0]]), "vectors of complex128; give real numbers"),
        (np.array([["1", "2", "3"]]), "give real numbers"),
    ],
    ids=["wide", "flat", "empty", "nan", "infinite", "infinite in float32", "long", "complex", "text"],
)
def test_a_vector_that_cannot_be_searched_is_refused_whole(
    indexer: NumpyIndexer,
    vectors: np.ndarray,
    message: str,
) -> None:
    with pytest.raises(InvalidRequest, match=message):
        indexer.add(["x"], vectors, ["x"])
    with pytest.raises(InvalidRequest, match=message.replace('the vector of "x"', "vector 0 of the query")):
        indexer.query(vectors, 1)
    assert indexer.size == 3
    assert indexer.query(np.eye(3)[:1], 9)[0] == [["a", "b", "c"]]


def test_an_index_from_which_all_was_deleted_takes_another_dimension(indexer: NumpyIndexer, tmp_path: Path) -> None:
    indexer.delete(["a", "b"])
    with pytest.raises(InvalidRequest, match="the index holds 3"):
        indexer.add(["x"], np.eye(2)[:1], ["x"])
    with indexer.transaction():
        indexer.delete(["c", "unknown"])
        indexer.add(["c"], np.eye(3)[:1], ["c"])
    assert indexer.dimension == 3
    indexer.delete(["c"])
    assert indexer.query(np.eye(4)[:1], 9)[0] == [[]]
    indexer.add(["x"], np.eye(2)[:1], ["x"])
    assert (indexer.dimension, indexer.query(np.eye(2)[:1], 9)[0]) == (2, [["x"]])
    indexer.close()
    with NumpyIndexer(metric="euclidean").open(tmp_path / "data") as again:
        assert again.query(np.eye(2)[:1], 9)[0] == [["x"]]


@pytest.mark.parametrize("id", ["", "i" * 257, "ü" * 129], ids=["empty", "257 bytes", "258 bytes of UTF-8"])
def test_an_id_that_cannot_be_kept_is_refused(indexer: NumpyIndexer, id: str) -> None:
    with pytest.raises(InvalidRequest, match="give it 1 to 256"):
        indexer.add([id], np.eye(3)[:1], ["owner"])
    with pytest.raises(InvalidRequest, match="give it 1 to 256"):
        indexer.add(["id"], np.eye(3)[:1], [id])
    indexer.delete([id])
    assert indexer.query_by_id([id]) == [None]
    assert indexer.size == 3


@pytest.mark.parametrize("id", ["i" * 256, "üñï\U0001f600", "a/b c\n\0"], ids=["256 bytes", "Unicode", "control"])
def test_any_other_id_is_kept(indexer: NumpyIndexer, id: str) -> None:
    indexer.add([id], -np.eye(3)[:1], [id])
    assert indexer.query(-np.eye(3)[:1], 1)[0] == [[id]]


def test_an_empty_batch_changes_nothing(indexer: NumpyIndexer) -> None:
    indexer.add([], np.empty((0, 0)), [])
    indexer.update([], np.empty((0, 3)), [])
    indexer.delete([])
    assert indexer.query(np.empty((0, 3)), 5) == ([], [])
    assert indexer.size == 3


def test_uneven_arguments_are_refused(indexer: NumpyIndexer) -> None:
    with pytest.raises(InvalidRequest, match="2 ids, 3 values and 2 owners"):
        indexer.add(["x", "y"], np.eye(3), ["x", "y"])


@pytest.mark.parametrize("top_k", [0, -1])
def test_top_k_must_be_positive(indexer: NumpyIndexer, top_k: int) -> None:
    with pytest.raises(InvalidRequest, match=f"top_k is {top_k}; ask for 1 or more"):
        indexer.query(np.eye(3), top_k)


def test_an_empty_index_has_no_matches(tmp_path: Path) -> None:
    with NumpyIndexer().open(tmp_path) as indexer:
        assert indexer.query(np.eye(3), 5)[0] == [[], [], []]
        indexer.update(["a"], np.eye(3)[:1], ["a"])
        assert indexer.dimension is None
        indexer.add(["a"], np.eye(2)[:1], ["a"])
        indexer.delete(["a"])
        assert indexer.query(np.eye(2), 5)[0] == [[], []]


def test_an_unknown_metric_is_named_with_the_known_ones() -> None:
    with pytest.raises(ManifestError, match=r'metric: unknown metric "cosin"; one of cosine.*did you mean "cosine"'):
        NumpyIndexer(metric="cosin")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("metric", "distances", "ascending"),
    [("cosine", [0, 1], True), ("euclidean", [1, 5**0.5], True), ("inner_product", [2, 0], False)],
)
def test_metrics_and_their_direction(metric: str, distances: list[float], ascending: bool) -> None:
    with NumpyIndexer(metric=metric).open() as indexer:  # type: ignore[arg-type]
        indexer.add(["x", "y"], np.array([[1, 0], [0, 1]]), ["x", "y"])
        ids, found = indexer.query(np.array([[2.0, 0.0]]), 2)
        assert ids == [["x", "y"]]
        np.testing.assert_allclose(found[0], distances)
        assert indexer.ascending is ascending


def test_other_kinds_of_numbers_are_kept_as_float32(indexer: NumpyIndexer) -> None:
    for n, dtype in enumerate(("uint8", "int64", "float16", "float64", "bool")):
        indexer.add([f"{n}"], np.array([[1, 0, 1]], dtype), [f"{n}"])
    found = indexer.query_by_id([f"{n}" for n in range(5)])
    assert [None if each is None else (each.dtype.name, each.tolist()) for each in found] == [
        ("float32", [1, 0, 1])
    ] * 5


def test_without_a_workspace_nothing_is_left_behind() -> None:
    indexer = CompoundIndexer().open()
    folder = indexer.store.folder
    assert folder.exists()
    indexer.close()
    assert not folder.exists()


def test_a_reader_follows_what_another_process_writes(tmp_path: Path) -> None:
    with CompoundIndexer(metric="euclidean").open(tmp_path) as writer:
        first = writer.component("NumpyIndexer")
        assert isinstance(first, NumpyIndexer)
        first.add(["a"], np.eye(3)[:1], ["a"])
        reader = subprocess.Popen(
            [sys.executable, "-c", READER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert reader.stdin is not None
        assert reader.stdout is not None
        for id, expected in [("b", "['a']"), ("c", "['a', 'b']"), ("d", "['a', 'b', 'c']")]:
            assert reader.stdout.readline().strip() == expected
            first.add([id], np.eye(3)[:1], [id])
            print(file=reader.stdin, flush=True)
        assert reader.communicate(timeout=120)[0].strip() == "read-only; send what changes it to the Pod that writes"
        assert reader.returncode == 0


READER = """
import pathlib, sys
import numpy as np
from peavine.errors import InvalidRequest
from peavine.executors.indexers import CompoundIndexer
with CompoundIndexer(metric="euclidean").open(pathlib.Path(sys.argv[1]), read_only=True) as reader:
    vectors = reader.components[0]
    for _ in range(3):
        print(vectors.query(np.eye(3)[:1], 5)[0][0], flush=True)
        sys.stdin.readline()
    try:
        with reader.transaction():
            vectors.delete(["a"])
    except InvalidRequest as error:
        print(str(error).partition("is ")[2], flush=True)
"""


def test_a_compound_takes_back_what_its_first_part_wrote_when_the_second_fails(tmp_path: Path) -> None:
    with CompoundIndexer().open(tmp_path) as indexer:
        vectors, documents = indexer.component("VectorIndexer"), indexer.component("KVIndexer")

        def index_half() -> None:
            with indexer.transaction():
                vectors.add(["a"], np.eye(3)[:1], ["a"])  # type: ignore[attr-defined]
                documents.add([""], [b"1"], ["a"])  # type: ignore[attr-defined]

        with pytest.raises(InvalidRequest):
            index_half()
        assert indexer.size == 0
        vectors.add(["a"], np.eye(4)[:1], ["a"])  # type: ignore[attr-defined]
        assert vectors.query(np.eye(4)[:1], 1)[0] == [["a"]]  # type: ignore[attr-defined]


def test_indexers_of_one_kind_in_a_compound_do_not_share_rows(tmp_path: Path) -> None:
    first, second = NumpyIndexer(), NumpyIndexer()
    second.name = "captions"
    with CompoundIndexer([first, second]).open(tmp_path):
        first.add(["a"], np.eye(3)[:1], ["a"])
        second.add(["b"], np.eye(2)[:1], ["b"])
    first, second = NumpyIndexer(), NumpyIndexer()
    second.name = "renamed"
    with CompoundIndexer([first, second]).open(tmp_path):
        assert first.query(np.eye(3)[:1], 5)[0] == [["a"]]
        assert second.query(np.eye(2)[:1], 5)[0] == [["b"]]
