"""Training: labels, batches or all at once, the end of a stream of train requests, bounds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from peavine.documents import Document
from peavine.drivers import Runner
from peavine.errors import ExecutorError, InvalidRequest, ManifestError
from peavine.executors import Classifier, CompoundExecutor, Encoder, load
from peavine.yaml import Tagged


class Learner(Classifier):
    """Remembers what each call of `train` gets."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[list[float]], list[Any]]] = []

    def train(self, batch: Any, labels: Sequence[Any]) -> None:
        self.calls.append((np.asarray(batch).tolist(), list(labels)))

    def predict(self, batch: Any) -> Any:
        return ["known" if self.calls else "unknown"] * len(batch)


class Patient(Learner):
    train_on = "all"


class Words(Encoder):
    train_on = "all"

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def train(self, batch: Any) -> None:
        if "bad" in batch:
            raise ValueError("cannot learn this")
        self.seen.append(batch)

    def encode(self, batch: Any) -> Any:
        if not self.seen:
            raise InvalidRequest("not trained yet")
        return np.ones((len(batch), 2))


def labelled(*ids: str, **tags: Any) -> list[Document]:
    return [Document(id=id, embedding=[float(ord(id[0]))], tags={"label": id[0], **tags}) for id in ids]


def test_labels_reach_a_classifier_as_the_tags_hold_them(ask: Any) -> None:
    learner = Learner()
    ask(learner, "train", [*labelled("a1", "b1"), *labelled("c1", label=2)])
    assert learner.calls == [([[97.0], [98.0], [99.0]], ["a", "b", 2.0])]


def test_a_classifier_may_answer_with_the_labels_themselves(ask: Any) -> None:
    assert ask(Learner(), "search", labelled("a")).docs[0].tags["prediction"] == "unknown"


def test_a_document_without_a_label_is_named(ask: Any) -> None:
    unlabelled = Document(id="x", embedding=[1.0])
    with pytest.raises(InvalidRequest, match="Document 'x': has no tags__label to learn from"):
        ask(Learner(), "train", [*labelled("a"), unlabelled])


def test_the_yaml_says_where_labels_are(ask: Any) -> None:
    learner = Learner()
    learner.requests_on = {"train": [Tagged("TrainDriver", {"field": "embedding", "labels": "tags__topic"})]}
    ask(learner, "train", labelled("a", topic="food"))
    assert learner.calls == [([[97.0]], ["food"])]


def test_batches_are_cut_to_the_size_that_the_executor_wants(ask: Any) -> None:
    learner = Learner()
    learner.batch_size = 2
    ask(learner, "train", labelled("a", "b", "c"))
    assert [labels for _, labels in learner.calls] == [["a", "b"], ["c"]]


def test_an_executor_gets_everything_at_once_when_the_last_request_has_come(make: Any, ask: Any) -> None:
    learner = Patient()
    runner = make(learner)
    ask(runner, "train", labelled("b", "a"))
    ask(runner, "train", labelled("c"))
    assert learner.calls == []
    ask(runner, "train", [], flush=True)
    assert learner.calls == [([[97.0], [98.0], [99.0]], ["a", "b", "c"])]
    ask(runner, "train", [], flush=True)
    ask(runner, "train", labelled("d"), flush=True)
    assert learner.calls[1:] == [([[100.0]], ["d"])]


def test_a_document_that_is_sent_again_counts_once(make: Any, ask: Any) -> None:
    learner = Patient()
    runner = make(learner)
    for label in ("old", "new"):
        ask(runner, "train", labelled("a", label=label))
    ask(runner, "train", labelled("b"), flush=True)
    assert learner.calls == [([[97.0], [98.0]], ["new", "b"])]


@pytest.mark.parametrize("content", [{"text": "a"}, {"buffer": b"a"}, {"tensor": np.ones((2, 3), np.float32)}])
def test_contents_of_every_kind_come_as_they_would_in_a_batch(make: Any, ask: Any, content: dict[str, Any]) -> None:
    words = Words()
    runner = make(words)
    docs = [Document(id=id, **content) for id in "ab"]
    answer = ask(runner, "train", docs)
    assert [doc.embedding for doc in answer.docs] == [None, None]
    ask(runner, "train", [], flush=True)
    (seen,) = words.seen
    assert len(seen) == 2
    assert np.array_equal(seen[0], next(iter(content.values())))
    assert type(seen) is (np.ndarray if "tensor" in content else list)


def test_data_of_another_shape_is_refused_with_its_document(make: Any, ask: Any) -> None:
    runner = make(Patient())
    ask(runner, "train", labelled("a"))
    other = Document(id="b", embedding=[1.0, 2.0], tags={"label": "x"})
    with pytest.raises(InvalidRequest, match=r"Document 'b': an array of float64 and shape \(2,\) to learn from, and"):
        ask(runner, "train", [other])


def test_the_data_that_is_kept_has_a_bound(make: Any, ask: Any) -> None:
    learner = Patient()
    learner.train_bytes = 200
    runner = make(learner)
    ask(runner, "train", labelled("a"))
    with pytest.raises(InvalidRequest, match=r"the training data would have .* bytes, and the limit is 200"):
        ask(runner, "train", labelled("b", "c", "d"))
    ask(runner, "train", [], flush=True)
    assert [labels for _, labels in learner.calls] == [["a"]]


def test_training_that_fails_is_told_and_its_data_is_gone(make: Any, ask: Any) -> None:
    words = Words()
    runner = make(words)
    ask(runner, "train", [Document(text="bad")])
    with pytest.raises(ExecutorError, match=r"Words.train\(\) raised ValueError: cannot learn this"):
        ask(runner, "train", [], flush=True)
    ask(runner, "train", [Document(text="good")], flush=True)
    assert words.seen == [["good"]]


def test_data_outlives_the_process_where_there_is_a_workspace(tmp_path: Path, ask: Any) -> None:
    with Patient().open(tmp_path) as first:
        ask(Runner(first), "train", labelled("a"))
    with Patient().open(tmp_path) as second:
        ask(Runner(second), "train", labelled("b"), flush=True)
        assert [labels for _, labels in second.calls] == [["a", "b"]]


def test_a_component_of_a_compound_learns_as_it_wants(make: Any, ask: Any) -> None:
    learner = Patient()
    compound = CompoundExecutor([learner, load("RandomProjection")])
    compound.requests_on = {"train": [Tagged("TrainDriver", {"field": "embedding", "labels": "tags__label"})]}
    runner = make(compound)
    ask(runner, "train", labelled("a"))
    ask(runner, "train", labelled("b"), flush=True)
    assert [labels for _, labels in learner.calls] == [["a", "b"]]


def test_a_request_cannot_flush_what_does_not_learn() -> None:
    for uses in ("RandomProjection", "HashingTextEncoder", "_index", "_pass"):
        with load(uses) as executor:
            assert "flush" not in Runner(executor).accepts["train"]
    with load("TransformEncoder") as executor:
        assert "flush" in Runner(executor).accepts["train"]


def test_replicas_that_would_each_learn_from_a_part_refuse_to_learn(ask: Any) -> None:
    learner = Learner()
    with pytest.raises(InvalidRequest, match="Learner has 2 replicas, each of which would learn from a part"):
        ask(Runner(learner, replicas=2), "train", labelled("a"))
    assert ask(Runner(learner, replicas=2), "search", labelled("a")).docs


def test_a_classifier_that_wants_no_labels_is_told_before_any_request() -> None:
    text = "class Odd:\n    def predict(self, batch): ...\n    def train(self, batch): ...\n"
    with pytest.raises(ManifestError, match=r"write train\(self, batch, labels\)"):
        load("!Odd {metas: {py_modules: odd.py}}", files={"odd.py": text})


def test_parts_of_different_documents_may_have_the_same_id(make: Any, ask: Any) -> None:
    words = Words()
    runner = make(words)
    for root in "xy":
        ask(runner, "train", [Document(id=root, chunks=[Document(id="1", text=f"part of {root}")])])
    ask(runner, "train", [], flush=True)
    assert sorted(words.seen[0]) == ["part of x", "part of y"]
