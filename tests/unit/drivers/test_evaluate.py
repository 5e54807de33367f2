from __future__ import annotations

from typing import Any

import pytest

from peavine.documents import Document, Sparse
from peavine.errors import InvalidRequest


def query(*ids: str, **fields: Any) -> Document:
    return Document(matches=[Document(id=id, tags={"label": id[0]}) for id in ids], **fields)


def test_precision_and_recall_are_measured_against_the_groundtruth(ask: Any) -> None:
    docs, truths = [query("a", "b", "c", "d")], [query("a", "x")]
    scores = ask("_eval_pr", "search", docs, truths=truths).docs[0].evaluations
    assert [(score.name, score.value, score.ascending) for score in scores] == [
        ("PrecisionEvaluator", 0.25, False),
        ("RecallEvaluator", 0.5, False),
    ]


def test_a_running_average_is_over_all_requests(ask: Any) -> None:
    def measured(uses: str, *ids: str) -> float:
        return float(ask(uses, "search", [query(*ids)], truths=[query("a")]).docs[0].evaluations[0].value)

    assert [measured("_eval_pr", "a"), measured("_eval_pr", "b")] == [1.0, 0.5]
    assert [measured("!PrecisionEvaluator {}", "a"), measured("!PrecisionEvaluator {}", "b")] == [1.0, 0.0]


def test_matches_are_compared_by_the_field_that_is_named(ask: Any) -> None:
    uses = "!PrecisionEvaluator {requests: {on: {search: [!RankEvaluateDriver {field: tags__label}]}}}"
    answer = ask(uses, "search", [query("a1", "b1")], truths=[query("a2")])
    assert answer.docs[0].evaluations[0].value == 0.5


def test_embeddings_and_texts_are_compared(ask: Any) -> None:
    one, other = Document(embedding=[0.0, 0.0], text="abc"), Document(embedding=[3.0, 4.0], text="ab")
    score = ask("!EuclideanEvaluator {}", "search", [one], truths=[other]).docs[0].evaluations[0]
    assert (score.value, score.ascending) == (5.0, True)
    score = ask("!TextLengthEvaluator {}", "search", [one], truths=[other]).docs[0].evaluations[0]
    assert (score.name, score.value) == ("TextLengthEvaluator", 1.0)


def test_a_sparse_embedding_is_compared_too(ask: Any) -> None:
    one = Document(id="q", embedding=Sparse([0, 0], [0, 2], [3.0, 4.0], (1, 3)))
    other = Document(embedding=[0.0, 0.0, 0.0])
    assert ask("!EuclideanEvaluator {}", "search", [one], truths=[other]).docs[0].evaluations[0].value == 5.0


def test_a_request_without_groundtruths_passes(ask: Any) -> None:
    assert ask("!PrecisionEvaluator {}", "search", [query("a")]).docs[0].evaluations == []


def test_too_few_groundtruths_are_refused(ask: Any) -> None:
    with pytest.raises(InvalidRequest, match="2 Documents at 'r' have 1 groundtruths"):
        ask("!PrecisionEvaluator {}", "search", [query("a"), query("b")], truths=[query("a")])


def test_what_is_missing_is_named(ask: Any) -> None:
    with pytest.raises(InvalidRequest, match="Document 'bare': has no embedding to evaluate"):
        ask("!EuclideanEvaluator {}", "search", [Document(id="bare")], truths=[Document(embedding=[1.0])])


def test_groundtruths_are_looked_up_and_what_has_none_is_dropped(ask: Any, make: Any) -> None:
    runner = make(
        "!BinaryPbIndexer {requests: {on: {index: [!KVIndexDriver {}], search: [!LoadGroundTruthDriver {}]}}}"
    )
    ask(runner, "index", [Document(id="a", text="truth")])
    answer = ask(runner, "search", [Document(id="b"), Document(id="a", text="guess")])
    assert [(doc.id, doc.text) for doc in answer.docs] == [("a", "guess")]
    assert [truth.text for truth in answer.groundtruths] == ["truth"]
