"""Cache: Documents that were seen before are dropped or tagged.

What is remembered and what follows should be one Executor, one transaction: put a DocIDCache and an Indexer into one
CompoundIndexer. A cache in a Pod of its own has seen a Document also when a later Pod fails on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from pydantic import Field

from peavine.documents import Document
from peavine.drivers.driver import Executing, Task

__all__ = ["TaggingCacheDriver", "UniqueDriver"]


class _CacheDriver(Executing):
    """Remembers Documents when they are indexed or updated, and forgets them when they are deleted."""

    method: str = "query"

    writes: ClassVar[bool] = True

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Ask and tell the cache for all requests of the batch at once."""
        docs = [doc for task in tasks for doc in task.batch.docs]
        if not docs:
            return
        if kind == "delete":
            self.call(executor, "delete", [doc.id for doc in docs])
            return
        value = _VALUES[executor.field]
        values = [value(doc) for doc in docs]
        known: dict[str, str | None] = dict(zip(values, self.call(executor, self.method, values), strict=True))
        seen: set[int] = set()
        new: dict[str, str] = {}
        for doc, key in zip(docs, values, strict=True):
            first = known[key]
            # A Document whose content was seen with its own id is the same one, sent again: that is an upsert.
            if kind == "index" and first is not None and (executor.field == "id" or first != doc.id):
                seen.add(id(doc))
            elif first is None or kind == "update":
                known[key] = doc.id
                new[doc.id] = key
        if new:
            self.call(executor, "add", list(new.values()), list(new))
        for task in tasks:
            self._treat(task, seen)

    def _treat(self, task: Task, seen: set[int]) -> None:
        """Do what is to be done with the Documents that were seen before; they are known by their identity."""
        raise NotImplementedError


_VALUES: dict[str, Callable[[Document], str]] = {"id": lambda doc: doc.id, "content_hash": Document.content_hash}


class UniqueDriver(_CacheDriver):
    """Drop Documents that were indexed before: by id or by content, as the Executor's `field` says."""

    def _treat(self, task: Task, seen: set[int]) -> None:
        places = [place for place, doc in enumerate(task.batch.docs) if id(doc) not in seen]
        truths = task.batch.groundtruths
        if len(truths) == len(task.batch.docs):
            truths[:] = [truths[place] for place in places]
        task.batch.docs[:] = [task.batch.docs[place] for place in places]


class TaggingCacheDriver(_CacheDriver):
    """Set tags on Documents that were indexed before."""

    tags: dict[str, Any] = Field(default_factory=lambda: {"is_indexed": True})
    """What is set."""

    def _treat(self, task: Task, seen: set[int]) -> None:
        for doc in task.batch.docs:
            if id(doc) in seen:
                doc.tags.update(self.tags)
