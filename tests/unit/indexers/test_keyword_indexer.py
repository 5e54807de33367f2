"""A KeywordIndexer finds what BM25 says, computed here in the plainest way, whatever was indexed and deleted before."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peavine.documents import row_name
from peavine.errors import InvalidRequest, ManifestError
from peavine.executors.indexers import BinaryPbIndexer, CompoundIndexer, KeywordIndexer
from peavine.store import verify

Texts = dict[str, Sequence[str]]
K1, B = 1.2, 0.75


def plain(texts: Texts, query: str, boosts: Sequence[float] = (1.0,)) -> list[tuple[str, float]]:
    """Return the names and scores of all rows that have a word of the query, the best first."""
    scores: dict[str, float] = {}
    for field, boost in enumerate(boosts):
        split = {name: row[field].split() for name, row in texts.items() if row[field].split()}
        for word in query.split():
            having = [name for name, words in split.items() if word in words]
            idf = math.log(1 + (len(split) - len(having) + 0.5) / (len(having) + 0.5))
            for name in having:
                count, length = split[name].count(word), len(split[name])
                mean = sum(map(len, split.values())) / len(split)
                part = boost * idf * count / (count + K1 * (1 - B + B * length / mean))
                scores[name] = scores.get(name, 0) + part
    return sorted(scores.items(), key=lambda found: (-found[1], found[0]))


def asked(indexer: KeywordIndexer, query: str, top_k: int = 1000) -> list[tuple[str, float]]:
    (names,), (scores,) = indexer.query([query], top_k)
    return list(zip(names, scores.tolist(), strict=True))


def add(indexer: KeywordIndexer, texts: Texts) -> None:
    indexer.add(list(texts), list(texts.values()), list(texts))


def same(found: list[tuple[str, float]], expected: list[tuple[str, float]]) -> bool:
    # Scores that differ by rounding alone may change places here.
    return dict(found).keys() == dict(expected).keys() and all(
        math.isclose(score, dict(expected)[name], rel_tol=1e-9) for name, score in found
    )


words = st.lists(st.sampled_from("abcdef"), max_size=6).map(" ".join)
changes = st.dictionaries(st.sampled_from([f"d{n}" for n in range(8)]), st.none() | st.tuples(words, words), max_size=5)


@settings(max_examples=40)
@given(st.lists(changes, max_size=8), words)
def test_it_scores_as_the_formula_says_after_any_changes(batches: list[dict[str, Any]], query: str) -> None:
    texts: Texts = {}
    with KeywordIndexer({"tags__title": 2, "text": 1}).open() as indexer:
        for batch in batches:
            with indexer.transaction():
                add(indexer, {name: row for name, row in batch.items() if row is not None})
                indexer.delete([name for name, row in batch.items() if row is None])
            texts = {name: row for name, row in {**texts, **batch}.items() if row is not None}
        found = asked(indexer, query)
        assert same(found, plain(texts, query, (2, 1)))
        assert found == sorted(found, key=lambda each: (-each[1], each[0]))
        assert indexer.size == len(texts)


def collection(count: int) -> Texts:
    chosen = random.Random(5)
    return {f"d{n}": [" ".join(chosen.choices("abcdefghij", k=chosen.randint(1, 9)))] for n in range(count)}


def test_deleting_most_rows_of_many_leaves_the_right_scores() -> None:
    texts = collection(2200)
    with KeywordIndexer().open() as indexer:
        for start in range(0, 2200, 700):
            add(indexer, dict(list(texts.items())[start : start + 700]))
        gone = [name for n, name in enumerate(texts) if n % 5]
        indexer.delete(gone)
        texts = {name: text for name, text in texts.items() if name not in set(gone)}
        assert same(asked(indexer, "a b"), plain(texts, "a b"))
        again: Texts = {gone[0]: ["a new text"]}
        add(indexer, again)
        assert same(asked(indexer, "new a"), plain({**texts, **again}, "new a"))
        assert asked(indexer, '"a new text"')[0][0] == gone[0]


@pytest.mark.parametrize("top_k", [1, 3, 50, 10_000])
def test_the_best_are_chosen_with_equals_by_name(top_k: int) -> None:
    with KeywordIndexer().open() as indexer:
        add(indexer, collection(500))
        assert asked(indexer, "a b c", top_k) == asked(indexer, "a b c")[:top_k]


@pytest.mark.parametrize("query", ["a b c", '"a b"', "a*", "ab~1 c", '"a b c" d e~1', "nothing"])
def test_shards_that_exchange_statistics_give_the_answer_of_one(query: str) -> None:
    texts = collection(400)
    whole, *shards = (KeywordIndexer().open() for _ in range(4))
    add(whole, texts)
    for number, shard in enumerate(shards):
        add(shard, dict(list(texts.items())[number::3]))
    total = [sum(each) for each in zip(*(shard.frequencies([query])[0] for shard in shards), strict=True)]
    assert total == list(whole.frequencies([query])[0])
    found: list[tuple[str, float]] = []
    for shard in shards:
        (names,), (scores,) = shard.query([query], 20, [total])
        found += zip(names, scores.tolist(), strict=True)
    assert sorted(found, key=lambda each: (-each[1], each[0]))[:20] == asked(whole, query, 20)
    for indexer in (whole, *shards):
        indexer.close()


def test_statistics_of_another_query_are_refused() -> None:
    with KeywordIndexer().open() as indexer, pytest.raises(InvalidRequest, match="not those of this query"):
        indexer.query(["a b"], 5, [[1, 1, 1]])


def found(indexer: KeywordIndexer, query: str) -> list[str]:
    return sorted(name for name, _ in asked(indexer, query))


def test_phrases_prefixes_and_similar_words() -> None:
    with KeywordIndexer(language="english").open() as indexer:
        texts: Texts = {
            "art": ["The state of the art"],
            "state": ["The art of states"],
            "horses": ["A horse races. Races of horses!"],
            "cafe": ["Le Café à Zürich"],
        }
        add(indexer, texts)
        assert found(indexer, '"state of the art"') == ["art"]
        assert found(indexer, '"art of states"') == ["state"]
        assert found(indexer, "HORSES") == ["horses"]
        assert found(indexer, "hor*") == ["horses"]
        assert found(indexer, "zurihc~1 cfae~1") == ["cafe"]
        assert found(indexer, "zurxxh~1") == []
        assert found(indexer, "zurxxh~2") == ["cafe"]
        assert found(indexer, "the") == []


def test_a_phrase_does_not_reach_into_the_next_row_or_field() -> None:
    with KeywordIndexer({"tags__title": 1, "text": 1}).open() as indexer:
        add(indexer, {"a": ["one", "two"], "b": ["two", "one"]})
        assert found(indexer, '"one two"') == []
        assert found(indexer, '"two one"') == []


def test_a_prefix_that_stands_for_too_many_words_is_refused() -> None:
    with KeywordIndexer().open() as indexer:
        add(indexer, {"a": [" ".join(f"w{n}" for n in range(10_001))]})
        assert found(indexer, "w99*") == ["a"]
        with pytest.raises(InvalidRequest, match=r"w\* stands for 10,001 words of the index"):
            asked(indexer, "w*")


def test_highlights_are_the_words_that_were_found() -> None:
    with KeywordIndexer(language="english").open() as indexer:
        text = "Runners ran; the runner runs for the state of the art, in a state."
        (places,) = indexer.highlight('run "state of the art" runner~1', [text])
        assert [text[begin:end] for begin, end in places] == [
            "Runners", "runner", "runs", "state", "of", "the", "art",
        ]  # fmt: skip


def test_texts_outlive_the_process_and_can_be_read_in_another_language(tmp_path: Path) -> None:
    with KeywordIndexer().open(tmp_path) as indexer:
        add(indexer, {"a": ["running shoes"], "b": ["a runner"]})
        indexer.delete(["b"])
        assert found(indexer, "run") == []
    with KeywordIndexer(language="english").open(tmp_path) as indexer:
        assert found(indexer, "run runner") == ["a"]
    with KeywordIndexer({"tags__title": 1}).open(tmp_path) as indexer:
        assert found(indexer, "shoes") == []
    assert verify(tmp_path) == []


READER = """
import pathlib, sys
from peavine.executors.indexers import KeywordIndexer
with KeywordIndexer().open(pathlib.Path(sys.argv[1]), read_only=True) as reader:
    for query in sys.stdin:
        print(*sorted(reader.query([query], 10)[0][0]), flush=True)
"""


def test_a_reader_in_another_process_follows_the_writer(tmp_path: Path) -> None:
    with KeywordIndexer().open(tmp_path) as writer:
        add(writer, {"a": ["one"]})
        command = [sys.executable, "-c", READER, str(tmp_path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
            assert reader.stdin is not None
            assert reader.stdout is not None
            for new, names in [("a", "a"), ("b", "a b")]:
                add(writer, {new: ["one"]})
                reader.stdin.write("one\n")
                reader.stdin.flush()
                assert reader.stdout.readline() == f"{names}\n"
            reader.stdin.close()


def test_what_a_transaction_takes_back_is_not_found() -> None:
    words, documents = KeywordIndexer(), BinaryPbIndexer()
    with CompoundIndexer([words, documents]).open() as indexer:
        with suppress(RuntimeError), indexer.transaction():
            add(words, {"a": ["one"]})
            documents.add(["a"], [b"one"], ["a"])
            raise RuntimeError
        assert found(words, "one") == []
        assert documents.query(["a"]) == [None]


def test_rows_belong_to_their_owner() -> None:
    with KeywordIndexer().open() as indexer:
        indexer.add(["a", "0", "1"], [["whole"], ["first part"], ["second part"]], ["a", "a", "a"])
        assert found(indexer, "part") == sorted([row_name("0", "a"), row_name("1", "a")])
        indexer.update(["a", "b"], [["new"], ["new"]], ["a", "b"])
        assert found(indexer, "part new") == ["a"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"search_fields": {"text": 0}}, "search_fields.text: the boost is 0; give a number above 0"),
        ({"k1": -1}, "k1: is -1; give 0 or more"),
        ({"b": 2}, "b: is 2; give 0 to 1"),
        ({"language": "klingon"}, 'language: unknown language "klingon"'),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ManifestError) as refused:
        KeywordIndexer(**arguments)
    assert message in str(refused.value)
