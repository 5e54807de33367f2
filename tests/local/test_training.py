"""An encoder that learns from train requests, in processes that end and start again."""

from pathlib import Path

import numpy as np
import pytest

from peavine import Document, Flow
from peavine.client import sources
from peavine.errors import InvalidRequest

random = np.random.default_rng(0)
SPREAD = np.array([9, 7, 5, 3, 1, 1, 1, 1])
TRAINING = [Document(id=f"t{i}", tensor=random.normal(size=8) * SPREAD) for i in range(200)]
DOCS = [Document(id=f"d{i}", tensor=random.normal(size=8) * SPREAD) for i in range(50)]
QUERIES = [Document(tensor=doc.tensor) for doc in DOCS[:5]]


def flow(data: Path) -> Flow:
    flow = Flow("training", data=data)
    flow.add("encode", uses="!TransformEncoder {with: {output_dim: 4}}", storage={"size": "1Gi"})
    return flow.add("index", uses="_index", storage={"size": "1Gi"})


def found(flow: Flow) -> list[list[tuple[str, float]]]:
    answers = flow.search(QUERIES, top_k=3, progress=False)
    return [[(match.id, match.score.value) for match in answer.matches if match.score] for answer in answers]


def test_what_was_learned_serves_the_next_process(tmp_path: Path) -> None:
    with flow(tmp_path) as first:
        with pytest.raises(InvalidRequest, match="TransformEncoder is not trained yet; send a train request"):
            first.index(DOCS[:1], progress=False)
        first.train(TRAINING, request_size=50, progress=False)
        first.index(DOCS, progress=False)
        before = found(first)
    assert [matches[0][0] for matches in before] == ["d0", "d1", "d2", "d3", "d4"]
    with flow(tmp_path) as second:
        assert found(second) == before


EXAMPLE = Path(__file__).parents[2] / "examples" / "03-classify"


def topics(running: Flow) -> list[object]:
    queries = [Document(text="a goal in the final minute"), Document(text="salt for the bread")]
    return [answer.tags["topic"] for answer in running.search(queries, progress=False)]


def test_a_classifier_learns_from_all_labelled_documents_and_knows_them_after_a_restart(tmp_path: Path) -> None:
    with Flow.load(EXAMPLE / "flow.yaml", data=tmp_path) as first:
        assert topics(first) == ["", ""]
        first.train(sources.jsonl(str(EXAMPLE / "training.jsonl")), request_size=2, progress=False)
        assert topics(first) == ["sport", "food"]
    with Flow.load(EXAMPLE / "flow.yaml", data=tmp_path) as second:
        assert topics(second) == ["sport", "food"]


def test_every_shard_learns_from_all_data() -> None:
    polling = {"index": "Any", "search": "Any", "update": "Any", "delete": "Any"}
    uses = "!TransformEncoder {with: {output_dim: 4}}"
    with Flow("shards").add("encode", uses=uses, shards=2, polling=polling) as running:
        running.train(TRAINING, request_size=50, progress=False)
        answers = [running.search(QUERIES[:1], progress=False)[0].embedding for _ in range(8)]
    assert len({np.asarray(answer).tobytes() for answer in answers}) == 1


def test_a_flow_in_which_nothing_learns_says_so() -> None:
    with (
        Flow("passing").add("encode", uses="!RandomProjection {with: {output_dim: 4}}") as running,
        pytest.raises(InvalidRequest, match="no Executor of this Flow learns from train requests"),
    ):
        running.train(TRAINING[:3], progress=False)
