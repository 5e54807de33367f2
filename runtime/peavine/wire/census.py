"""Count the Documents of a request from its bytes, before anything is made of them. Pure.

Two bytes can be a Document, and a Document in memory takes several hundred, so bytes alone are no bound. The count
stops at the first limit that is exceeded. It goes in slices, so that an event loop can do other work between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from peavine.documents.columns import Ragged
from peavine.errors import InvalidRequest
from peavine.wire.columns.layout import is_columns
from peavine.wire.columns.reading import TooMany, read_levels
from peavine.wire.fields import fields

__all__ = ["TOTAL", "census", "check_documents"]

TOTAL: Final = 16
"""Documents with their chunks and matches, for each root Document that a request may have. Evaluations count too."""
PARTS: Final = 64
"""Values in tags, for each root Document that a request may have."""
SHORT_TAGS: Final = 512
"""Bytes of tags that are counted as a value for every eight bytes, which is quicker than to look at each."""
STEPS: Final = 32
"""Fields of Documents, for each Document that a request may have with its chunks and matches."""
SLICE: Final = 2048
"""Fields that are looked at in one go: about a millisecond."""
MAX_DEPTH: Final = 100
"""Protobuf refuses messages that are nested deeper."""

_Table = dict[int, "tuple[str, _Table]"]

_SCORE: _Table = {}
_SCORE[4] = ("documents", _SCORE)
_STRUCT: _Table = {}
_LIST: _Table = {}
_VALUE: _Table = {5: ("", _STRUCT), 6: ("", _LIST)}
_STRUCT[1] = ("parts", {2: ("", _VALUE)})
_LIST[1] = ("parts", _VALUE)
_DOCUMENT: _Table = {8: ("tags", _STRUCT), 19: ("", _SCORE), 20: ("documents", _SCORE)}
_DOCUMENT[6] = _DOCUMENT[7] = ("documents", _DOCUMENT)
_BATCH: _Table = {1: ("docs", _DOCUMENT), 2: ("groundtruths", _DOCUMENT)}
"""By field number: what a field counts as, and the fields of what is in it."""
_ROOTS: _Table = {1: ("docs", {}), 2: ("groundtruths", {})}


def census(body: bytes, max_documents: int) -> Iterator[None]:
    """Count a serialized DocumentBatch in slices; run it to its end. Raises InvalidRequest."""
    if len(body) <= 2 * max_documents:  # a Document has at least two bytes
        return
    counting = _Counting(len(body), max_documents)
    if is_columns(body):
        yield from _columns(body, counting)
    else:
        # Chunks and matches are looked for only where there can be too many.
        yield from counting.walk(body, 0, len(body), _BATCH if len(body) > 2 * counting.total else _ROOTS)
    counting.end()


def _columns(body: bytes, counting: _Counting) -> Iterator[None]:
    """Count a body of columns: rows as it says them, and what is in messages of their own like that of rows."""
    try:
        docs, truths = yield from read_levels(body, counting.total)
    except TooMany:
        raise _excess("documents", counting.total) from None
    counting.add("docs", len(docs))
    counting.add("groundtruths", len(truths))
    levels = [nested.columns for root in (docs, truths) for nested in root.below]
    counting.add("documents", sum(level.rows for level in levels))
    levels += [docs, truths]
    for level in levels:
        tags, rest = (level.fields.get(name) for name in ("tags", "rest"))
        # Neither is looked at where there are too few bytes for too many values: each has two at least.
        if tags is not None and isinstance(tags.store, Ragged) and len(body) > 2 * counting.parts:
            sizes = np.diff(tags.store.offsets)
            counting.add("parts", int((sizes[sizes <= SHORT_TAGS] // 8).sum()))
            for begin, end in _cells(tags.store, SHORT_TAGS):
                yield from counting.walk(body, begin, end, _STRUCT)
        if rest is not None and isinstance(rest.store, Ragged) and len(body) > 2 * counting.total:
            for begin, end in _cells(rest.store, 0):
                yield from counting.walk(body, begin, end, _DOCUMENT)


def _cells(store: Ragged, size: int) -> Iterator[tuple[int, int]]:
    """Yield the begin and end of the cells with more bytes than `size`."""
    ends = store.offsets.astype(np.int64) + store.begin
    larger = ends[1:] - ends[:-1] > size
    yield from zip(ends[:-1][larger].tolist(), ends[1:][larger].tolist(), strict=True)


class _Counting:
    """What was counted, and the limits."""

    def __init__(self, size: int, max_documents: int) -> None:
        self.total, self.parts = TOTAL * max_documents, PARTS * max_documents
        self._limits = {
            "docs": max_documents,
            "groundtruths": max_documents,
            "documents": self.total,
            "parts": self.parts,
            "tags": size,
            "": size,
        }
        self._counts = dict.fromkeys(self._limits, 0)
        self._steps = 0

    def add(self, name: str, count: int) -> None:
        """Count; raises InvalidRequest beyond the limit."""
        self._counts[name] += count
        if self._counts[name] > self._limits[name]:
            raise _excess(name, self._limits[name])

    def end(self) -> None:
        """Raise InvalidRequest where all Documents together are too many."""
        self.add("documents", self._counts["docs"] + self._counts["groundtruths"])

    def walk(self, raw: bytes, begin: int, end: int, table: _Table) -> Iterator[None]:
        """Count what is in a message, in slices."""
        walks = [(fields(raw, begin, end), table)]
        while walks:
            walk, table = walks[-1]
            for number, begin, end in walk:
                self._steps += 1
                if not self._steps % SLICE:
                    yield
                    if self._steps > STEPS * self.total:
                        raise InvalidRequest(
                            f"body: has more than {STEPS * self.total} fields; send fewer Documents a request"
                        )
                if begin < 0 or number not in table:
                    continue
                name, below = table[number]
                if name == "tags" and end - begin <= SHORT_TAGS:
                    name, below = "parts", {}
                    self.add(name, (end - begin) // 8)
                else:
                    self.add(name, 1)
                if below and end > begin:
                    if len(walks) == MAX_DEPTH:
                        raise InvalidRequest(f"body: is nested more than {MAX_DEPTH} deep")
                    walks.append((fields(raw, begin, end), below))
                    break
            else:
                walks.pop()


def check_documents(body: bytes, max_documents: int) -> None:
    """Raise InvalidRequest where a serialized DocumentBatch has more Documents than a request may have."""
    for _ in census(body, max_documents):
        pass


def _excess(name: str, limit: int) -> InvalidRequest:
    what = {
        "docs": "Documents",
        "groundtruths": "ground truths",
        "documents": "Documents together with their chunks, matches and evaluations",
        "parts": "values in tags",
    }[name]
    return InvalidRequest(
        f"body: has more than {limit} {what}; send fewer a request, or raise spec.maxDocuments of the Flow"
    )
