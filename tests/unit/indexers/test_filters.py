"""Vector Indexers search among the Documents that a filter holds for, and find top_k of them wherever they exist."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from peavine.documents import Document, row_name
from peavine.errors import InvalidRequest, ManifestError
from peavine.executors.indexers import BinaryPbIndexer, CompoundIndexer, FaissIndexer, NumpyIndexer
from peavine.executors.indexers.vectors import StoredVectors
from peavine.filters import matches, parse
from peavine.wire import document_to_bytes

CHANCE = np.random.default_rng(5)
COUNT = 3000
FIELDS = {"rank": "number", "kind": "keyword", "labels": ["keyword"], "even": "bool", "size.width": "number"}
TAGS: list[dict[str, Any]] = [
    {
        "rank": n,
        "kind": f"kind {n % 7}",
        "labels": [f"l{n % 3}", f"l{n % 5}"],
        "even": n % 2 == 0,
        "size": {"width": n % 10},
        "free": n % 4,
    }
    for n in range(COUNT)
]
IDS = [f"{n:04}" for n in range(COUNT)]
VECTORS = CHANCE.standard_normal((COUNT, 8)).astype(np.float32)
QUERIES = CHANCE.standard_normal((4, 8)).astype(np.float32)

FILTERS = [
    "rank == 1234", "rank in (7, 8, 2999)", "rank < 30", "rank < 300", "rank < 1500 and even", "rank >= 0",
    "not rank == 5", 'kind == "kind 3" and labels contains "l4"', "size.width > 7", "free == 2", "not exists(nothing)",
    "free == 1 and rank < 100", "free == 1 and not free == true", "free == true or free == 1",
    'kind startswith "kind" and not (even or free == 3)',
]  # fmt: skip


def write(indexer: CompoundIndexer, ids: Sequence[str], vectors: Any, tags: Sequence[dict[str, Any]]) -> None:
    """Index root Documents; the vector of each stands for itself."""
    stored = [document_to_bytes(Document(id=id, tags=each)) for id, each in zip(ids, tags, strict=True)]
    with indexer.transaction():
        vectors_of(indexer).add(ids, vectors, ids)
        documents_of(indexer).add(ids, stored, ids)


def vectors_of(indexer: CompoundIndexer) -> StoredVectors:
    found = indexer.components[0]
    assert isinstance(found, StoredVectors)
    return found


def documents_of(indexer: CompoundIndexer) -> BinaryPbIndexer:
    found = indexer.components[1]
    assert isinstance(found, BinaryPbIndexer)
    return found


def made(kind: str) -> CompoundIndexer:
    engine = NumpyIndexer("euclidean") if kind == "exact" else FaissIndexer("euclidean")
    return CompoundIndexer([engine, BinaryPbIndexer()], fields=FIELDS)


@pytest.fixture(scope="module", params=["exact", "graph"])
def indexer(request: pytest.FixtureRequest) -> Iterator[CompoundIndexer]:
    with made(request.param).open() as indexer:
        write(indexer, IDS, VECTORS, TAGS)
        yield indexer


def expected(text: str, query: Any, top_k: int) -> list[str]:
    distances = np.linalg.norm(VECTORS.astype(np.float64) - query, axis=1)
    filter = parse(text)
    found = [n for n in range(COUNT) if matches(filter, TAGS[n])]
    return [IDS[n] for n in sorted(found, key=lambda n: (distances[n], IDS[n]))[:top_k]]


@pytest.mark.parametrize("text", FILTERS)
def test_it_finds_the_nearest_of_those_that_match(indexer: CompoundIndexer, text: str) -> None:
    for top_k in (1, 10, 100):
        report: dict[str, Any] = {}
        found, distances = vectors_of(indexer).query(QUERIES, top_k, text, report)
        wanted = [expected(text, query, top_k) for query in QUERIES]
        assert [len(each) for each in found] == [len(each) for each in distances] == [len(each) for each in wanted]
        assert all(matches(parse(text), TAGS[int(id)]) for each in found for id in each)
        common = sum(len(set(a) & set(b)) for a, b in zip(found, wanted, strict=True))
        assert common >= (1 if report.get("exact") else 0.9) * sum(map(len, wanted))
        assert report["documents"] == COUNT
        assert report["matching"] == sum(matches(parse(text), tags) for tags in TAGS)
        assert report.get("scanned", {}).keys() == {name for name in ("free", "nothing") if name in text}
        assert report.get("unknown", {}) == ({"nothing": 1} if "nothing" in text else {})


def test_shards_find_together_what_one_index_finds() -> None:
    with made("exact").open() as whole, made("exact").open() as first, made("exact").open() as second:
        write(whole, IDS[:200], VECTORS[:200], TAGS[:200])
        write(first, IDS[:200:2], VECTORS[:200:2], TAGS[:200:2])
        write(second, IDS[1:200:2], VECTORS[1:200:2], TAGS[1:200:2])
        for text in FILTERS:
            (ids,), (distances,) = vectors_of(whole).query(QUERIES[:1], 20, text)
            parts = [vectors_of(shard).query(QUERIES[:1], 20, text) for shard in (first, second)]
            pairs = [pair for part in parts for pair in zip(part[1][0], part[0][0], strict=True)]
            assert sorted(pairs)[:20] == list(zip(distances, ids, strict=True))


def test_chunks_are_filtered_by_the_tags_of_their_root(indexer: CompoundIndexer) -> None:
    with made("exact").open() as other:
        roots = [document_to_bytes(Document(id=id, tags={"kind": id})) for id in ("a", "b")]
        chunk = document_to_bytes(Document(id="part", tags={"kind": "none"}))
        with other.transaction():
            vectors_of(other).add(["part", "part"], VECTORS[:2], ["a", "b"])
            documents_of(other).add(
                ["a", "part", "b", "part"], [roots[0], chunk, roots[1], chunk], ["a", "a", "b", "b"]
            )
        assert vectors_of(other).query(QUERIES[:1], 9, 'kind == "b"')[0] == [[row_name("part", "b")]]
        assert vectors_of(other).query(QUERIES[:1], 9, 'kind == "none"')[0] == [[]]


@pytest.mark.parametrize("kind", ["exact", "graph"])
def test_filters_follow_every_commit_and_a_new_start(kind: str, tmp_path: Path) -> None:
    with made(kind).open(tmp_path) as indexer:
        write(indexer, IDS[:20], VECTORS[:20], TAGS[:20])
        vectors = vectors_of(indexer)

        def found(text: str) -> list[str]:
            return sorted(vectors.query(QUERIES[:1], 99, text)[0][0])

        assert found("rank < 3") == IDS[:3]
        write(indexer, IDS[:1], VECTORS[:1], [{"rank": 50}])
        assert found("rank < 3") == IDS[1:3]
        assert found("rank == 50") == IDS[:1]
        with indexer.transaction():
            vectors.delete(IDS[1:2])
            documents_of(indexer).delete(IDS[1:2])
        assert found("rank < 3") == IDS[2:3]
        assert found("not rank < 3") == IDS[:1] + IDS[3:20]
        write(indexer, IDS[1:2], VECTORS[1:2], [{"rank": 1}])
        assert found("rank < 3") == IDS[1:3]
        assert found("free >= 0") == IDS[2:20]
    with made(kind).open(tmp_path) as indexer:
        assert sorted(vectors_of(indexer).query(QUERIES[:1], 99, "rank < 3")[0][0]) == IDS[1:3]
        assert vectors_of(indexer).fields.nbytes > 0  # type: ignore[union-attr]


def test_many_deletions_leave_the_slots_right() -> None:
    with made("exact").open() as indexer:
        for start in range(0, 12_000, 2000):
            ids = [f"d{n}" for n in range(start, start + 2000)]
            tags = [{"rank": n, "labels": [f"l{n % 2}"]} for n in range(start, start + 2000)]
            write(indexer, ids, np.ones((2000, 2)), tags)
            (found,), _ = vectors_of(indexer).query(np.ones((1, 2)), 5000, 'labels contains "l1" and rank >= 10')
            assert set(found) == {id for n, id in enumerate(ids, start) if n % 2 and n >= 10}
            with indexer.transaction():
                vectors_of(indexer).delete(ids)
                documents_of(indexer).delete(ids)


def test_a_value_that_does_not_fit_refuses_the_document_with_its_path() -> None:
    with made("exact").open() as indexer:
        with pytest.raises(InvalidRequest, match=r"^Document 'b': tags\.rank: must be a number, not \"high\"$"):
            write(indexer, ["a", "b"], VECTORS[:2], [{"rank": 1}, {"rank": "high"}])
        assert indexer.size == 0


def test_documents_from_before_a_declaration_are_kept_and_misfits_count_as_missing(tmp_path: Path) -> None:
    with CompoundIndexer().open(tmp_path) as before:
        write(before, ["a", "b"], VECTORS[:2], [{"rank": 1}, {"rank": "high"}])
    with CompoundIndexer(fields={"rank": "number"}).open(tmp_path) as after:
        assert vectors_of(after).query(QUERIES[:1], 9, "exists(rank)")[0] == [["a"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("knd == 5", "no field `knd`; did you mean `kind`?"),
        ("rank == true", "`rank == true` never matches, because the field is of type number"),
        ("rank <", "expected a value"),
    ],
)
def test_a_filter_that_cannot_match_is_refused(indexer: CompoundIndexer, text: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        vectors_of(indexer).query(QUERIES[:1], 1, text)
    assert message in str(refused.value)


def test_an_index_without_documents_cannot_filter() -> None:
    with NumpyIndexer().open() as indexer:
        indexer.add(["a"], VECTORS[:1], ["a"])
        with pytest.raises(InvalidRequest, match="keeps no tags, so it cannot filter"):
            indexer.query(QUERIES[:1], 1, "rank == 1")
    with pytest.raises(ManifestError, match="fields: are read from stored Documents; add a BinaryPbIndexer"):
        CompoundIndexer([NumpyIndexer()], fields=FIELDS)


def test_a_scan_that_would_read_too_much_is_refused() -> None:
    with made("exact").open() as indexer:
        write(indexer, [f"d{n}" for n in range(8000)], np.ones((8000, 2)), [{}] * 8000)
        names = [f"free{n}" for n in range(255)]
        assert vectors_of(indexer).query(np.ones((1, 2)), 1, "free1")[0] == [[]]
        with pytest.raises(InvalidRequest, match="declare such tags in the index's `fields`, or ask for fewer"):
            vectors_of(indexer).query(np.ones((1, 2)), 1, " or ".join(names))


def test_a_graph_that_was_emptied_and_filled_again_compares_the_new_vectors() -> None:
    with made("graph").open() as indexer:
        write(indexer, IDS[:50], VECTORS[:50] * 9, TAGS[:50])
        assert len(vectors_of(indexer).query(QUERIES[:1], 99, "rank < 10")[0][0]) == 10
        with indexer.transaction():
            vectors_of(indexer).delete(IDS[:50])
            documents_of(indexer).delete(IDS[:50])
        assert vectors_of(indexer).query(QUERIES[:1], 99, "rank < 10")[0] == [[]]
        write(indexer, IDS, VECTORS, TAGS)
        assert vectors_of(indexer).query(QUERIES[:1], 5, "rank < 200")[0] == [expected("rank < 200", QUERIES[0], 5)]
