"""Reading Documents from plain data that a stranger sent: everything is checked, and all problems are reported at once.

Documents and the values in their tags and scores are counted before anything is made of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from peavine.documents.bounds import MAX_DEPTH
from peavine.documents.document import Document
from peavine.documents.plain import FIELDS, as_chunk, as_match
from peavine.documents.values import MAX_SHOWN, READERS, Wrong, kind_of
from peavine.errors import InvalidRequest, Problem, did_you_mean

__all__ = ["MAX_PROBLEMS", "from_dict", "from_dicts", "size_of"]

MAX_PROBLEMS = 50
"""Problems that are reported; the rest is only counted."""

NESTED = 16
"""Documents that a request may have for each root Document it may have, chunks and matches included."""

VALUES = 64
"""Values in tags, scores and locations that a request may have for each root Document it may have."""

_FIELDS = frozenset(FIELDS)
_KNOWN = f"; known: {', '.join(FIELDS)}"
_COUNTED = ("tags", "score", "evaluations", "location")
"""Fields that may hold many values, each of which becomes an object."""


def from_dict(data: Any, path: str = "") -> Document:
    """Return the Document that plain data means; InvalidRequest reports all that is wrong. `path` is where it was."""
    reader = _Reader(None)
    doc = reader.document(data, path, {}, 0)
    reader.finish()
    return doc


def from_dicts(data: Any, path: str = "docs", max_documents: int | None = None) -> list[Document]:
    """Return the Documents that a list of plain data means; InvalidRequest reports all that is wrong in any of them.

    `max_documents` is the maximum length of the list. Together with chunks and matches there may be 16 times as many
    Documents, and 64 times as many values in their tags and scores.
    """
    reader = _Reader(max_documents)
    if max_documents is not None and isinstance(data, list | tuple) and len(data) > max_documents:
        raise InvalidRequest(f"{path}: has {len(data)} Documents; {_limit(max_documents, max_documents)}")
    docs = reader.documents(data, path, 0, lambda place, count: {})
    reader.finish()
    return docs


def size_of(data: Any, most: int) -> int:
    """Return how many values plain data holds, itself included. Counting stops once there are more than `most`."""
    count, waiting = 0, [data]
    while waiting and count + len(waiting) <= most:
        value = waiting.pop()
        count += 1
        if isinstance(value, Mapping | list | tuple):
            if count + len(waiting) + len(value) > most:
                return most + 1
            waiting += value.values() if isinstance(value, Mapping) else value
    return count + len(waiting)


def _limit(most: int, max_documents: int) -> str:
    return (
        f"the limit is {most} in a request; send several smaller requests, or raise spec.maxDocuments of the Flow "
        f"({max_documents})"
    )


class _Reader:
    """Collects problems. What is wrong is read as if it were not there, to find what else is wrong."""

    def __init__(self, max_documents: int | None) -> None:
        self.problems: list[Problem] = []
        self.more = 0
        """Problems that are not kept."""
        self._max_documents = max_documents
        self._documents = self._values = 0

    def finish(self) -> None:
        if self.problems:
            shown = [str(problem) for problem in self.problems]
            if self.more:
                shown.append(f"... and {self.more} more")
            raise InvalidRequest("\n".join(shown))

    def wrong(self, path: str, message: str) -> None:
        if self.full:
            self.more += 1
        else:
            self.problems.append(Problem(path, message))

    @property
    def full(self) -> bool:
        """Whether no more problems are kept."""
        return len(self.problems) >= MAX_PROBLEMS

    def _count(self, path: str, documents: int, values: Any = None) -> None:
        """Count Documents and values before they are read. Raises InvalidRequest when there are too many of them."""
        most = self._max_documents
        if most is None:
            return
        self._documents += documents
        if self._documents > NESTED * most:
            limit = _limit(NESTED * most, most)
            raise InvalidRequest(f"{path}: there are too many Documents, counting chunks and matches; {limit}")
        if values is not None:
            self._values += size_of(values, VALUES * most - self._values)
            if self._values > VALUES * most:
                raise InvalidRequest(
                    f"{path}: there are too many values in tags and scores; {_limit(VALUES * most, most)}"
                )

    def documents(
        self, data: Any, path: str, depth: int, place: Callable[[int, int], Mapping[str, Any]]
    ) -> list[Document]:
        if not isinstance(data, list | tuple):
            self.wrong(path, f"must be a list of Documents, not {kind_of(data)}")
            return []
        if depth >= MAX_DEPTH:
            self.wrong(path, f"is nested more than {MAX_DEPTH} deep")
            return []
        count = len(data)
        self._count(path, count)
        return [self.document(item, f"{path}[{i}]", place(i, count), depth) for i, item in enumerate(data)]

    def document(self, data: Any, path: str, place: Mapping[str, Any], depth: int) -> Document:
        if not isinstance(data, Mapping):
            self.wrong(path, f'must be a Document such as {{"id": "a", "text": "..."}}, not {kind_of(data)}')
            return Document()
        given = {name: value for name, value in data.items() if value is not None}
        dot = f"{path}." if path else ""
        for name in given.keys() - _FIELDS:
            if self.full:
                self.more += 1
            else:
                self.wrong(f"{dot}{name!s:.{MAX_SHOWN}}", f"unknown field{did_you_mean(str(name), FIELDS) or _KNOWN}")
        for name in _COUNTED:
            if name in given:
                self._count(f"{dot}{name}", 0, given[name])
        fields: dict[str, Any] = dict(place)
        contents = [name for name in ("text", "buffer", "tensor") if name in given]
        if len(contents) > 1:
            self.wrong(f"{dot}{contents[1]}", f"a Document has one content; leave out {' or '.join(contents)}")
        for name, read in READERS.items():
            if name in given:
                try:
                    fields[name] = read(given[name])
                except Wrong as problem:
                    self.wrong(f"{dot}{name}{problem.path}", problem.message)
                except InvalidRequest as problem:
                    self.wrong(f"{dot}{name}", str(problem).removeprefix("id: "))
        if len(contents) > 1:
            for name in contents[1:]:
                fields.pop(name, None)
        doc = Document(**fields)
        doc.restore_children(
            self.documents(given.get("chunks", ()), f"{dot}chunks", depth + 1, lambda i, n: as_chunk(doc, i, n)),
            self.documents(given.get("matches", ()), f"{dot}matches", depth + 1, lambda i, n: as_match(doc)),
        )
        return doc
