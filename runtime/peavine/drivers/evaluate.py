"""Evaluate: Documents are compared with what they should have become."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import AfterValidator

from peavine.documents import Document, Score, Sparse, traverse
from peavine.drivers.driver import Executing, Paths, Task, Traversing
from peavine.drivers.lookup import field_value, known_field
from peavine.drivers.stack import WritingOut
from peavine.errors import InvalidRequest
from peavine.wire import document_from_bytes

__all__ = [
    "FieldEvaluateDriver",
    "LoadGroundTruthDriver",
    "NDArrayEvaluateDriver",
    "RankEvaluateDriver",
    "TextEvaluateDriver",
]

FieldName = Annotated[str, AfterValidator(known_field)]


class FieldEvaluateDriver(Traversing, Executing):
    """Give a field of each Document, and of its groundtruth, to `evaluate`; the value joins its `evaluations`.

    A request without groundtruths passes as it is.
    """

    method: str = "evaluate"
    traversal_paths: Paths = ("r",)
    field: FieldName
    """Name of the field; parts of it are joined with `__`, as in `tags__price`."""
    running_avg: bool = False
    """Whether the value is the mean of all that this Executor has measured, instead of this Document's own."""

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Evaluate each Document."""
        for task in tasks:
            for doc, truth in self._pairs(task):
                value = float(self.call(executor, self.method, self._of(doc), self._of(truth)))
                if self.running_avg:
                    executor.statistics.add(value)
                    value = executor.statistics.mean
                doc.evaluations.append(Score(value, executor.label, reference=truth.id, ascending=executor.ascending))

    def _of(self, doc: Document) -> Any:
        """Return what is compared."""
        value = field_value(doc, self.field)
        if value is None:
            raise InvalidRequest(f"Document {doc.id!r}: has no {self.field} to evaluate")
        if isinstance(value, np.ndarray) and value.ndim == 0:
            raise InvalidRequest(f"Document {doc.id!r}: its {self.field} is a single number without a dimension")
        return WritingOut()(doc, value) if isinstance(value, Sparse) else value

    def _pairs(self, task: Task) -> Iterator[tuple[Document, Document]]:
        docs, truths = task.batch.docs, task.batch.groundtruths
        if not truths:
            return
        for path in self.traversal_paths:
            mine = [doc for level in traverse(docs, path) for doc in level.docs]
            theirs = [doc for level in traverse(truths, path) for doc in level.docs]
            if len(mine) != len(theirs):
                raise InvalidRequest(
                    f"{len(mine)} Documents at {path!r} have {len(theirs)} groundtruths; give each its own"
                )
            yield from zip(mine, theirs, strict=True)


class TextEvaluateDriver(FieldEvaluateDriver):
    """Compare texts."""

    field: FieldName = "text"


class NDArrayEvaluateDriver(FieldEvaluateDriver):
    """Compare embeddings."""

    field: FieldName = "embedding"


class RankEvaluateDriver(FieldEvaluateDriver):
    """Compare matches, the best first, with those that should have been found, by a field of theirs."""

    field: FieldName = "id"

    def _of(self, doc: Document) -> list[Any]:
        return [field_value(match, self.field) for match in doc.matches]


class LoadGroundTruthDriver(Executing):
    """Look up the groundtruth of each Document by its id; Documents that have none are dropped."""

    method: str = "query"

    fixed: ClassVar[frozenset[str]] = Executing.fixed

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Look up for all requests of the batch at once."""
        ids = list({doc.id: None for task in tasks for doc in task.batch.docs})
        found = dict(zip(ids, self.call(executor, self.method, ids) if ids else (), strict=True))
        for task in tasks:
            docs = task.batch.docs
            docs[:] = [doc for doc in docs if found[doc.id] is not None]
            task.batch.groundtruths[:] = [document_from_bytes(found[doc.id]) for doc in docs]
