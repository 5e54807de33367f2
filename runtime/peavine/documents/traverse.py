"""Walking a tree of Documents by paths of letters: `r` the roots, `c` chunks, `m` matches, `cm` the chunks' matches."""

from __future__ import annotations

from collections.abc import Iterator, MutableSequence
from dataclasses import dataclass

from peavine.documents.document import Document
from peavine.errors import InvalidRequest

__all__ = ["Level", "check_path", "traverse"]


@dataclass(frozen=True, slots=True)
class Level:
    """Documents that are siblings: a list that may be changed in place, whose it is, and what it is called there."""

    docs: MutableSequence[Document]
    parent: Document | None
    """None for the roots."""
    edge: str
    """`docs`, `chunks` or `matches`."""
    root: Document | None
    """The root Document above them; None for the roots themselves."""


def check_path(path: object) -> str:
    """Return the path, or raise InvalidRequest: `r`, or any number of the letters `c` and `m`."""
    if not isinstance(path, str) or not path or (path != "r" and path.strip("cm")):
        raise InvalidRequest(f'traversal path {path!r}: must be "r" (roots) or made of "c" (chunks) and "m" (matches)')
    return path


def traverse(docs: MutableSequence[Document], path: str) -> Iterator[Level]:
    """Yield each non-empty set of siblings that `path` leads to, in the order of the tree."""
    if check_path(path) == "r":
        if docs:
            yield Level(docs, None, "docs", None)
        return
    for root in list(docs):
        yield from _below(root, path, root)


def _below(parent: Document, path: str, root: Document) -> Iterator[Level]:
    if parent.is_leaf:
        return
    edge = "chunks" if path[0] == "c" else "matches"
    children = parent.chunks if path[0] == "c" else parent.matches
    if not children:
        return
    if len(path) == 1:
        yield Level(children, parent, edge, root)
    else:
        for child in list(children):
            yield from _below(child, path[1:], root)
