"""Train: Executors learn from Documents, in batches as they come or from all at once when the last has come."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator

from peavine.documents import Document
from peavine.documents.identity import row_name
from peavine.drivers.driver import Executing, Task, Traversing
from peavine.drivers.lookup import field_value, known_field
from peavine.drivers.stack import Field, alike, slices
from peavine.errors import InvalidRequest
from peavine.executors import Executor

__all__ = ["TrainDriver", "learner"]


def learner(executor: Any, method: str) -> Any:
    """Return who learns when the method is called: in a compound, the component whose method it is."""
    owner = getattr(getattr(executor, method, None), "__self__", None)
    return owner if isinstance(owner, Executor) else executor


def _key(doc: Document, root: Document) -> str:
    """Return what names a Document among all: parts of different roots may have the same id."""
    return doc.id if doc is root else hashlib.blake2b(row_name(doc.id, root.id).encode(), digest_size=16).hexdigest()


class TrainDriver(Traversing, Executing):
    """Give Documents to `train`, with their labels, if the Executor can learn.

    An Executor whose `train_on` is "all" gets nothing before `flush`, and then everything that came since the last one.
    """

    method: str = "train"
    field: Field = "content"
    """What it learns from: `content` or `embedding`."""
    labels: Annotated[str, AfterValidator(known_field)] | None = None
    """The field that holds the label of each Document, such as `tags__label`; parts are joined with `__`."""
    flush: bool = False
    """Whether this request is the last one, so that Executors which learn from all data at once learn now."""

    writes: ClassVar[bool] = True
    fixed: ClassVar[frozenset[str]] = Executing.fixed | {"field", "labels"}

    def method_for(self, kind: str) -> str:
        """Return nothing: an Executor without `train` has nothing to learn."""
        return ""

    def idle(self, executor: Any) -> bool:
        """Return whether the Executor cannot learn."""
        return not callable(getattr(executor, self.method, None))

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Train with all requests of the batch together."""
        who = learner(executor, self.method)
        roots = {id(doc): root for task in tasks for root in task.batch.docs for doc in self.reached(root)}
        docs = [doc for level in self.levels(tasks) for doc in level.docs]
        for group, batch in alike(docs, self.field):
            if who.train_on == "all":
                labels = self._labels(group)
                keys = [_key(doc, roots[id(doc)]) for doc in group]
                who.training.add([doc.id for doc in group], batch, labels[0] if labels else None, keys)
            else:
                size = executor.batch_size
                for part, values in zip(slices(group, size), slices(batch, size), strict=True):
                    self.call(executor, self.method, values, *self._labels(part))
        if self.flush and who.train_on == "all":
            with who.training.all() as (batch, labels):
                if len(batch):
                    self.call(executor, self.method, batch, *([labels] if self.labels else []))

    def _labels(self, docs: Sequence[Document]) -> list[list[Any]]:
        """Return the labels as a list of one argument for `train`; an empty list if `labels` names no field."""
        if self.labels is None:
            return []
        found = [field_value(doc, self.labels) for doc in docs]
        for doc, label in zip(docs, found, strict=True):
            if label is None:
                raise InvalidRequest(f"Document {doc.id!r}: has no {self.labels} to learn from; give it a label there")
            if not isinstance(label, str | int | float | bool | list | dict):
                what = type(label).__name__
                raise InvalidRequest(
                    f"Document {doc.id!r}: {self.labels} is {what}; a label is text, a number or plain data"
                )
        return [found]
