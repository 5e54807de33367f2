from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from peavine.documents import Document
from peavine.errors import ExecutorError
from peavine.executors import Classifier
from peavine.yaml import Tagged


class Echo(Classifier):
    """Predicts what it is given."""

    def predict(self, batch: Any) -> Any:
        return np.squeeze(batch, axis=1) if batch.shape[1] == 1 else batch


def predicted(ask: Any, driver: str, *rows: list[float], **arguments: Any) -> list[Any]:
    echo = Echo()
    echo.requests_on = {"search": [Tagged(driver, arguments)]}
    docs = ask(echo, "search", [Document(embedding=row) for row in rows]).docs
    return [doc.tags.get(arguments.get("output_tag", "prediction")) for doc in docs]


@pytest.mark.parametrize(
    ("driver", "arguments", "rows", "labels"),
    [
        ("PredictDriver", {}, [[3.0], [4.0]], [3.0, 4.0]),
        ("PredictDriver", {}, [[0.1, 0.9], [0.8, 0.2]], [1.0, 0.0]),
        ("BinaryPredictDriver", {}, [[0.4], [0.5]], ["no", "yes"]),
        ("BinaryPredictDriver", {"one_label": "spam", "zero_label": "ham", "output_tag": "kind"}, [[1.0]], ["spam"]),
        ("OneHotPredictDriver", {"labels": ["cat", "dog"]}, [[0, 1], [0.7, 0.3]], ["dog", "cat"]),
        ("MultiLabelPredictDriver", {"labels": ["a", "b"]}, [[0.5, 1], [0, 0]], [["a", "b"], []]),
    ],
)
def test_predictions_become_tags(
    ask: Any, driver: str, arguments: dict[str, Any], rows: list[list[float]], labels: list[Any]
) -> None:
    assert predicted(ask, driver, *rows, **arguments) == labels


@pytest.mark.parametrize("driver", ["OneHotPredictDriver", "MultiLabelPredictDriver"])
def test_there_must_be_a_label_for_each_score(ask: Any, driver: str) -> None:
    with pytest.raises(ExecutorError, match="there are 3 labels"):
        predicted(ask, driver, [0.1, 0.9], labels=["a", "b", "c"])


def test_a_prediction_can_become_the_tensor(ask: Any) -> None:
    echo = Echo()
    echo.requests_on = {"search": [Tagged("Prediction2DocTensorDriver", {"field": "content"})]}
    doc = ask(echo, "search", [Document(tensor=[1.0, 2.0])]).docs[0]
    assert doc.tensor.tolist() == [1.0, 2.0]


def test_a_prediction_is_needed_for_each_document(ask: Any) -> None:
    class One(Classifier):
        def predict(self, batch: Any) -> Any:
            return [1]

    with pytest.raises(ExecutorError, match=r"returned shape \(1,\) for 2 Documents"):
        ask(One(), "search", [Document(embedding=[1.0]), Document(embedding=[2.0])])
