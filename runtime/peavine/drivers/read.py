"""Read: look up what Indexers keep, without a query. Nothing here writes."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, ClassVar, Final, Literal

from pydantic import Field

from peavine.documents import Batch, Document, row_name
from peavine.drivers.driver import Count, Executing, Task
from peavine.drivers.reduce import fill
from peavine.drivers.search import MAX_FILLED
from peavine.errors import InvalidRequest
from peavine.wire import document_from_bytes

__all__ = ["ReadDriver", "ReadVectorsDriver"]

Operation = Literal["get", "count", "scroll", "stats"]

ADDED: Final = ("documents", "chunks", "vectors", "rows", "bytes")
"""Statistics that are the sum of those of all shards."""
SAMPLE: Final = 10_000
"""Documents whose tags are looked at for the statistics."""
MAX_TAG_BYTES: Final = 16_384
"""Bytes of the names of tags in the statistics of all shards."""


class _Reading(Executing):
    """What both Drivers for reading have in common."""

    operation: Operation = "get"
    """What is asked for: `get` Documents by id, `count` them, `scroll` through them, or `stats`."""
    embeddings: bool = False
    """Whether the Documents come with their embeddings."""

    def describe(self, task: Task, executor: Any, numbers: Mapping[str, int]) -> dict[str, Any]:
        """Add the statistics of an Executor to the report, and return the place for its Pod's."""
        name, number = (executor.shard.pod, executor.shard.shard) if executor.shard else (executor.name, 0)
        pod: dict[str, Any] = task.report.setdefault("stats", {}).setdefault(name, {"shards": [{"shard": number}]})
        (own,) = pod["shards"]
        for name, number in numbers.items():
            if name in ADDED:
                own[name] = own.get(name, 0) + number
                pod[name] = pod.get(name, 0) + number
            else:
                own[name] = max(own.get(name, 0), number)
        return pod


class ReadDriver(_Reading):
    """Read whole Documents from a key-value Indexer: get them by id, count them, scroll through them, or `stats`."""

    limit: Count = 100
    """`scroll`: Documents of a page, at the most. A page has fewer where they are large."""
    cursor: str = Field("", max_length=1024)
    """`scroll`: where to go on, from the answer before; empty for the first page."""
    max_bytes: Count = 4 * 2**20
    """`scroll`: bytes of a page over all shards. Each shard gives one Document, however large it is."""

    @property
    def top_k(self) -> int:
        """What a head cuts the pages of several shards to."""
        return self.limit

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Answer each request of the batch."""
        for task in tasks:
            match self.operation:
                case "get":
                    self._get(task, executor)
                case "count":
                    task.report.setdefault("count", self.call(executor, "count"))
                case "scroll" if not task.batch.docs:  # else a Pod before this one has given a page
                    self._scroll(task, executor)
                case "stats":
                    self._stats(task, executor)

    def _get(self, task: Task, executor: Any) -> None:
        asked = {doc.id: doc for doc in task.batch.docs}
        rows = self.call(executor, "owned", list(asked))
        size = sum(len(value) for values in rows for value in values)
        if size > MAX_FILLED:
            raise InvalidRequest(
                f"the Documents have {size:,} bytes (the limit is {MAX_FILLED:,}); get fewer at a time"
            )
        found = []
        for doc, values in zip(asked.values(), rows, strict=True):
            if values:
                found.append(self._whole(doc.id, values))
                fill(found[-1], doc)  # an embedding, where a Pod before this one knew it
        task.bodies = [Batch(found)]
        task.report["found"] = len(found)

    def _scroll(self, task: Task, executor: Any) -> None:
        docs: list[Document] = []
        room = self.max_bytes // (executor.shard.shards if executor.shard else 1)
        task.report["cursor"] = ""
        with closing(self._kept(executor, self.cursor)) as kept:
            for id, values in kept:
                room -= sum(map(len, values))
                if docs and (len(docs) == self.limit or room < 0):
                    task.report["cursor"] = docs[-1].id
                    break
                docs.append(self._whole(id, values))
        task.bodies = [Batch(docs)]

    def _kept(self, executor: Any, after: str) -> Generator[tuple[str, list[bytes]], None, None]:
        yield from self.call(executor, "scroll", after)

    def _stats(self, task: Task, executor: Any) -> None:
        pod = self.describe(task, executor, self.call(executor, "statistics"))
        room = MAX_TAG_BYTES // (executor.shard.shards if executor.shard else 1)
        tags: dict[str, dict[str, int]] = {}
        sampled = 0
        with closing(self._kept(executor, "")) as kept:
            for _, values in kept:
                for name, value in document_from_bytes(values[0]).tags.items():
                    if name not in tags and (room := room - len(name.encode()) - 16) < 0:
                        continue
                    counts = tags.setdefault(name, {})
                    kind = _type(value)
                    counts[kind] = counts.get(kind, 0) + 1
                sampled += 1
                if sampled == SAMPLE:
                    break
        pod |= {"sampled": sampled, "tags": tags}

    def _whole(self, owner: str, values: Sequence[bytes]) -> Document:
        """Return a Document with all its parts, of which each row is one; the first is the Document itself."""
        root, *parts = map(document_from_bytes, values)
        if not self.embeddings:
            for doc in (root, *parts):
                doc.embedding = None
        by_id = {doc.id: doc for doc in (*parts, root)}
        chunks: dict[str, list[Document]] = {}
        matches: dict[str, list[Document]] = {}
        for doc in parts:
            parent = by_id.get(doc.parent_id, root)
            (matches if doc.adjacency > parent.adjacency else chunks).setdefault(parent.id, []).append(doc)
        for doc in (root, *parts):
            doc.restore_children(chunks.get(doc.id, []), matches.get(doc.id, []))
        return root


class ReadVectorsDriver(_Reading):
    """Give Documents that were read the embeddings that a vector Indexer keeps of them, or describe its vectors."""

    completes: ClassVar[bool] = True

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Look up for all requests of the batch at once."""
        if self.operation == "stats":
            for task in tasks:
                self.describe(task, executor, self.call(executor, "statistics"))
        if not self.embeddings:
            return
        rows = [(row_name(doc.id, root.id), doc) for task in tasks for root in task.batch.docs for doc in _tree(root)]
        names = list(dict.fromkeys(name for name, _ in rows))
        vectors = dict(zip(names, self.call(executor, "query_by_id", names) if names else (), strict=True))
        for name, doc in rows:
            if (embedding := vectors[name]) is not None:
                doc.embedding = embedding


def _tree(doc: Document) -> Iterator[Document]:
    """Yield a Document and all its parts."""
    yield doc
    if not doc.is_leaf:
        for part in (*doc.chunks, *doc.matches):
            yield from _tree(part)


def _type(value: Any) -> str:
    """Return what JSON calls the type of a value."""
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list() | tuple():
            return "list"
        case Mapping():
            return "object"
    return "null"
