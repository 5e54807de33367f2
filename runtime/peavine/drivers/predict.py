"""Predict: a Classifier names what Documents are; the names go into a tag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from peavine.documents import Document
from peavine.documents.sparse import is_masked
from peavine.drivers import stack
from peavine.drivers.driver import Executing, Task, Traversing
from peavine.errors import ExecutorError

__all__ = [
    "BinaryPredictDriver",
    "MultiLabelPredictDriver",
    "OneHotPredictDriver",
    "PredictDriver",
    "Prediction2DocTensorDriver",
]

Labels = Annotated[tuple[str, ...], Field(min_length=1)]


class PredictDriver(Traversing, Executing):
    """Write what `predict` returns to a tag: its number, or of scores for labels the place of the greatest."""

    method: str = "predict"
    field: stack.Field = "embedding"
    """What is classified: `embedding` or `content`."""
    output_tag: str = "prediction"
    """The tag that it is written to."""

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Classify all requests of the batch together."""
        docs = [doc for level in self.levels(tasks) for doc in level.docs]
        for group, batch in stack.alike(docs, self.field):
            size = executor.batch_size
            for part, values in zip(stack.slices(group, size), stack.slices(batch, size), strict=True):
                answer = self.call(executor, self.method, values)
                if is_masked(answer):
                    self._wrong(executor, "returned a masked array, and every number is needed: array.filled(0)")
                predicted = np.asarray(answer)
                if predicted.ndim not in (1, 2) or len(predicted) != len(part):
                    self._wrong(executor, f"returned shape {predicted.shape} for {len(part)} Documents")
                for doc, row in zip(part, predicted, strict=True):
                    self._write(doc, row, executor)

    def _write(self, doc: Document, row: Any, executor: Any) -> None:
        doc.tags[self.output_tag] = self._label(row, executor)

    def _label(self, row: Any, executor: Any) -> Any:
        """Return what the tag says."""
        return int(np.argmax(row)) if np.ndim(row) else row.item()

    def _scores(self, row: NDArray[Any], labels: Sequence[str], executor: Any) -> NDArray[Any]:
        if row.shape != (len(labels),):
            self._wrong(executor, f"returned {row.shape} for a Document, and there are {len(labels)} labels")
        return row

    def _wrong(self, executor: Any, message: str) -> None:
        message = f"{executor.name}.{self.method}() {message}"
        raise ExecutorError(message, executor.name, type(self).__name__, self.method)


class BinaryPredictDriver(PredictDriver):
    """Write one of two labels: one for numbers of at least a half, another for the rest."""

    one_label: str = "yes"
    zero_label: str = "no"

    def _label(self, row: Any, executor: Any) -> Any:
        if np.size(row) != 1:
            self._wrong(executor, f"returned {np.shape(row)} for a Document, and one number is needed")
        return self.one_label if float(np.ravel(row)[0]) >= 0.5 else self.zero_label


class OneHotPredictDriver(PredictDriver):
    """Write the label with the greatest score."""

    labels: Labels
    """The labels, in the order of the scores."""

    def _label(self, row: Any, executor: Any) -> Any:
        return self.labels[int(np.argmax(self._scores(np.atleast_1d(row), self.labels, executor)))]


class MultiLabelPredictDriver(PredictDriver):
    """Write all labels whose scores are at least a half."""

    labels: Labels
    """The labels, in the order of the scores."""

    def _label(self, row: Any, executor: Any) -> Any:
        scores = self._scores(np.atleast_1d(row), self.labels, executor)
        return [label for label, score in zip(self.labels, scores, strict=True) if score >= 0.5]


class Prediction2DocTensorDriver(PredictDriver):
    """Make what `predict` returns the tensor of the Document, in place of its content."""

    def _write(self, doc: Document, row: Any, executor: Any) -> None:
        doc.tensor = np.asarray(row)
