"""Reduce: what several Pods answered becomes one answer.

Documents are the same when they have the same id. Of each, what the first Pod says stands, and what it leaves empty is
filled in from the next ones, in the order of `needs`: content, embedding, single fields and each tag. Chunks, matches
and evaluations of all are united; matches are then sorted, the best first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, MutableSequence, Sequence
from typing import Any, ClassVar

import numpy as np

from peavine.documents import Batch, Document
from peavine.drivers.driver import Driver, Paths, Task, Traversing
from peavine.drivers.stack import WritingOut
from peavine.drivers.uniting import united
from peavine.errors import InvalidRequest
from peavine.wire.batches import columns_in

__all__ = ["CollectEvaluationDriver", "ConcatEmbedDriver", "ReduceAllDriver", "fill", "joined", "sort_matches"]


def joined(bodies: Sequence[Batch]) -> Batch:
    """Return the one body that several make. The first is changed."""
    first = bodies[0]
    for other in bodies[1:]:
        if not _joined_columns(first, other):
            _unite(first.docs, other.docs)
            _unite(first.groundtruths, other.groundtruths)
    return first


def _joined_columns(first: Batch, other: Batch) -> bool:
    """Join another body into the first, and return whether that was possible without making Documents."""
    if any(len(batch.parts[1]) for batch in (first, other)):
        return False
    mine, theirs = columns_in(first), columns_in(other)
    made = None if mine is None or theirs is None else united(mine, theirs)
    if made is None:
        return False
    first.replace(made)
    return True


def _unite(docs: MutableSequence[Document], others: Iterable[Document]) -> bool:
    """Add to a list of Documents what others have: unknown ones at its end, the rest into those of the same id.

    Returns whether there were unknown ones.
    """
    new = []
    for doc, other in _pairs(docs, others):
        if doc is None:
            new.append(other)
        else:
            fill(doc, other)
    if new:
        docs.extend(new)
    return bool(new)


def _pairs(docs: Iterable[Document], others: Iterable[Document]) -> Iterator[tuple[Document | None, Document]]:
    """Yield each other with the Document of the same id; where an id stands twice, the second belongs to the second."""
    known = dict(_numbered(docs))
    for key, other in _numbered(others):
        yield known.get(key), other


def _numbered(docs: Iterable[Document]) -> Iterator[tuple[tuple[str, int], Document]]:
    seen: Counter[str] = Counter()
    for doc in docs:
        name = doc.row_name
        yield (name, seen[name]), doc
        seen[name] += 1


_FIELDS = ("uri", "mime_type", "modality", "parent_id", "root_id", "level_name", "location", "siblings", "offset")


def fill(doc: Document, other: Document) -> None:
    """Fill what `doc` leaves empty from another Document of the same id, and unite what they have of many."""
    for name in ("content", "embedding", "score", "weight"):
        if getattr(doc, name) is None:
            setattr(doc, name, getattr(other, name))
    for name in _FIELDS:
        if not getattr(doc, name):
            setattr(doc, name, getattr(other, name))
    if other.has_tags:
        doc.tags = {**other.tags, **doc.tags}
    if other.has_evaluations:
        _collect(doc, other)
    if other.is_leaf:
        return
    if other.chunks:
        _unite(doc.chunks, other.chunks)
    if other.matches and _unite(doc.matches, other.matches):
        sort_matches(doc)


def _collect(doc: Document, other: Document) -> None:
    doc.evaluations.extend(score for score in other.evaluations if score not in doc.evaluations)


def sort_matches(doc: Document) -> None:
    """Sort matches best first, equals by their rows' names; not if a score is missing or directions differ."""
    scores = [match.score for match in doc.matches]
    if None not in scores and len({score.ascending for score in scores if score is not None}) == 1:
        doc.matches.sort(key=lambda match: (match.score.rank if match.score else 0.0, match.row_name))


class ReduceAllDriver(Traversing):
    """Unite the Documents on the given paths, by id, and keep the rest as the first Pod has it."""

    traversal_paths: Paths = ("c",)

    joins: ClassVar[bool] = True

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Make one body of several."""
        for task in tasks:
            first = task.bodies[0]
            for other in task.bodies[1:]:
                for path in self.traversal_paths:
                    _unite_along(first.docs, other.docs, path)
            task.bodies = [first]


def _unite_along(docs: MutableSequence[Document], others: Iterable[Document], path: str) -> None:
    """Follow `path` through Documents that both have, and unite what is at its end. Roots are never lost."""
    if path == "r":
        _unite(docs, others)
        return
    for doc, other in list(_pairs(docs, others)):
        if doc is None:
            docs.append(other)
            continue
        mine, theirs = (doc.chunks, other.chunks) if path[0] == "c" else (doc.matches, other.matches)
        if len(path) == 1:
            if _unite(mine, theirs) and path == "m":
                sort_matches(doc)
        else:
            _unite_along(mine, theirs, path[1:])


class CollectEvaluationDriver(Driver):
    """Unite the evaluations of the Documents, by id, and keep the rest as the first Pod has it."""

    joins: ClassVar[bool] = True

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Make one body of several."""
        for task in tasks:
            first = task.bodies[0]
            for body in task.bodies[1:]:
                for doc, other in list(_pairs(first.docs, body.docs)):
                    if doc is None:
                        first.docs.append(other)
                    elif other.has_evaluations:
                        _collect(doc, other)
            task.bodies = [first]


class ConcatEmbedDriver(Driver):
    """Put the embeddings that the Pods gave the same Document one behind the other, chunks included."""

    joins: ClassVar[bool] = True

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Make one body of several."""
        for task in tasks:
            _concat([body.docs for body in task.bodies], WritingOut())
            task.bodies = [joined(task.bodies)]


def _concat(answers: Sequence[Sequence[Document]], dense: WritingOut) -> None:
    """Concatenate into the first answer, and go down to chunks."""
    known = [dict(_numbered(docs)) for docs in answers]
    for key, doc in known[0].items():
        same = [docs[key] for docs in known if key in docs]
        if len(same) < len(answers):
            raise InvalidRequest(f"Document {doc.id!r}: some Pods did not answer it, so nothing can be concatenated")
        parts = [np.ravel(dense(doc, other.embedding)) for other in same if other.embedding is not None]
        if 0 < len(parts) < len(same):
            raise InvalidRequest(f"Document {doc.id!r}: {len(parts)} of {len(same)} Pods gave it an embedding")
        if parts:
            doc.embedding = np.concatenate(parts)
        if not doc.is_leaf and doc.chunks:
            _concat([list(other.chunks) for other in same], dense)
