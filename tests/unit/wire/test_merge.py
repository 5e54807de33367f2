"""The answers of shards become one, as if there had been one shard."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine.documents import Batch, Document, Score
from peavine.errors import ExecutorError
from peavine.v1 import pea_pb2, shallow_pb2
from peavine.wire import batch_from_bytes, batch_to_bytes, encoded
from peavine.wire.columns import is_columns
from peavine.wire.merge import merge, merge_bodies, merge_matches

SCORES = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(0, 5), max_size=20)


def ranked(scores: dict[str, int], ascending: bool) -> list[shallow_pb2.Ranked]:
    made = []
    for name, value in scores.items():
        match = shallow_pb2.Ranked(id=name)
        match.score.value, match.score.ascending = value, ascending
        made.append(match)
    return made


@given(SCORES, st.integers(1, 5), st.integers(1, 10), st.booleans())
def test_the_best_of_each_shard_holds_the_best_of_all(
    scores: dict[str, int], shards: int, top_k: int, ascending: bool
) -> None:
    everything = ranked(scores, ascending)
    split = [everything[shard::shards] for shard in range(shards)]
    bests = [merge_matches([part], top_k) for part in split]
    found = merge_matches(bests, top_k)
    assert [match.id for match in found] == [match.id for match in merge_matches([everything], top_k)]
    sign = 1 if ascending else -1
    assert [match.id for match in found] == sorted(scores, key=lambda name: (sign * scores[name], name))[:top_k]


@given(SCORES, st.permutations(range(3)))
def test_the_order_of_the_shards_does_not_matter(scores: dict[str, int], order: list[int]) -> None:
    everything = ranked(scores, True)
    parts = [everything[shard::3] for shard in range(3)]
    assert merge_matches(parts) == merge_matches([parts[place] for place in order])


def test_a_score_that_is_no_number_is_the_worst_in_both_directions() -> None:
    for ascending in (True, False):
        matches = ranked({"good": 1, "none": 0}, ascending)
        matches[1].score.value = math.nan
        assert [match.id for match in merge_matches([matches])] == ["good", "none"]


def found(query: str, *matches: tuple[str, float], chunk: list[tuple[str, float]] | None = None) -> bytes:
    doc = Document(id=query, text="a question", tags={"kept": True})
    doc.matches.extend(match(*one) for one in matches)
    if chunk is not None:
        part = Document(id=f"{query}-chunk", text="a part")
        part.matches.extend(match(*one) for one in chunk)
        doc.chunks.append(part)
    return batch_to_bytes([doc])


def match(name: str, distance: float) -> Document:
    return Document(id=name, text=f"text of {name}", score=Score(distance, ascending=True))


def test_matches_are_merged_wherever_they_are_and_nothing_else_is_lost() -> None:
    one = found("q", ("a", 1.0), ("b", 3.0), chunk=[("x", 0.5)])
    two = found("q", ("c", 2.0), chunk=[("y", 0.25), ("z", 9.0)])
    (doc,) = batch_from_bytes(merge_bodies([one, two], 2)).docs
    assert [(each.id, each.text) for each in doc.matches] == [("a", "text of a"), ("c", "text of c")]
    assert [each.id for each in doc.chunks[0].matches] == ["y", "x"]
    assert doc.text == "a question"
    assert doc.tags == {"kept": True}


FOUND = st.lists(
    st.builds(
        lambda id, value, root, text: Document(id=id, text=text, root_id=root, score=value),
        st.text("abc", min_size=1, max_size=2),
        st.none() | st.builds(Score, st.sampled_from([0.0, 1.0, 2.0, math.nan]), ascending=st.booleans()),
        st.sampled_from(["", "r", "s"]),
        st.none() | st.text(max_size=3),
    ),
    max_size=5,
)


@given(st.lists(st.tuples(FOUND, FOUND), min_size=2, max_size=3), st.integers(0, 3), st.data())
def test_columns_are_merged_as_rows_are(
    shards: list[tuple[list[Document], list[Document]]], top_k: int, data: st.DataObject
) -> None:
    answers = []
    for found, below in shards:
        chunks = [Document(id=f"c{n}", matches=below if n else []) for n in range(data.draw(st.integers(1, 2)))]
        query = Document(id="q", tags={"kept": True}, chunks=chunks if data.draw(st.booleans()) else [], matches=found)
        answers.append(Batch([query, Document(id="other")], [Document(id="truth"), Document(id="another")]))
    rows = merge_bodies([encoded(batch, False) for batch in answers], top_k)
    columns = merge_bodies([encoded(batch, True) for batch in answers], top_k)
    assert is_columns(columns)
    assert encoded(batch_from_bytes(columns), False) == encoded(batch_from_bytes(rows), False)


def test_matches_with_arrays_of_different_shapes_are_merged_too() -> None:
    def answer(name: str, size: int) -> bytes:
        match = Document(id=name, score=Score(size), embedding=np.ones(size))
        return encoded(Batch([Document(id="q", matches=[match])]), True)

    (doc,) = batch_from_bytes(merge_bodies([answer("a", 2), answer("b", 3)])).docs
    assert [(match.id, match.embedding.shape) for match in doc.matches] == [("b", (3,)), ("a", (2,))]  # type: ignore[union-attr]


def test_columns_of_a_shard_that_cannot_be_read_are_its_error() -> None:
    good = encoded(Batch([Document(id="q")]), True)
    with pytest.raises(ExecutorError, match="a shard's answer is not a DocumentBatch"):
        merge_bodies([good, good[:-1]])


def test_shards_that_answer_different_numbers_of_documents_are_not_mixed_up() -> None:
    two = batch_to_bytes([Document(id="q"), Document(id="r")])
    with pytest.raises(ExecutorError, match=r"\[1, 2\]"):
        merge_bodies([found("q"), two])


def answer(body: bytes | None, code: int = 0) -> pea_pb2.Unit:
    unit = pea_pb2.Unit(kind=pea_pb2.SEARCH)
    item = unit.items.add(header=pea_pb2.Header(id="r"))
    if body is None:
        item.header.status.code = code
    else:
        item.bodies.append(body)
    return unit


@pytest.mark.parametrize(
    ("partial", "code", "failed"),
    [(False, 14, 1), (True, 14, 0), (True, 3, 1)],
    ids=["waiting, one shard's error is the answer's", "partially, the others answer", "a wrong request fails anyway"],
)
def test_an_error_of_one_shard(partial: bool, code: int, failed: int) -> None:
    merged, count = merge([answer(found("q", ("a", 1.0))), answer(None, code)], 2, partial)
    (item,) = merged.items
    assert count == failed
    assert item.header.status.code == (code if failed else 0)
    if not failed:
        assert (item.header.coverage.answered, item.header.coverage.total) == (1, 2)


def test_an_answer_says_how_many_shards_it_rests_on() -> None:
    units = [answer(found("q", ("a", 1.0))) for _ in range(2)]
    merged, _ = merge(units, 3, True)
    coverage = merged.items[0].header.coverage
    assert (coverage.answered, coverage.total) == (2, 3)
