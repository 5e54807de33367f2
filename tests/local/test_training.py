"""An encoder that learns from train requests, in processes that end and start again."""

from pathlib import Path

import numpy as np
import pytest

from peavine import Document, Flow
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
