"""Count the Documents of a request from its bytes, before anything is made of them. Pure.

Two bytes can be a Document, and a Document in memory takes several hundred, so bytes alone are no bound. The count
stops at the first limit that is exceeded. It goes in slices, so that an event loop can do other work between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from peavine.errors import InvalidRequest
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
    total = TOTAL * max_documents
    limits = {
        "docs": max_documents,
        "groundtruths": max_documents,
        "documents": total,
        "parts": PARTS * max_documents,
        "tags": len(body),
        "": len(body),
    }
    counts = dict.fromkeys(limits, 0)
    # Chunks and matches are looked for only where there can be too many.
    walks = [(fields(body), _BATCH if len(body) > 2 * total else _ROOTS)]
    steps = 0
    while walks:
        walk, table = walks[-1]
        for number, begin, end in walk:
            steps += 1
            if not steps % SLICE:
                yield
                if steps > STEPS * total:
                    raise InvalidRequest(f"body: has more than {STEPS * total} fields; send fewer Documents a request")
            if begin < 0 or number not in table:
                continue
            name, below = table[number]
            if name == "tags" and end - begin <= SHORT_TAGS:
                name, below = "parts", {}
                counts[name] += (end - begin) // 8
            else:
                counts[name] += 1
            if counts[name] > limits[name]:
                raise _excess(name, limits[name])
            if below and end > begin:
                if len(walks) == MAX_DEPTH:
                    raise InvalidRequest(f"body: is nested more than {MAX_DEPTH} deep")
                walks.append((fields(body, begin, end), below))
                break
        else:
            walks.pop()
    counts["documents"] += counts["docs"] + counts["groundtruths"]
    if counts["documents"] > total:
        raise _excess("documents", total)


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
