"""The lists of a Document's chunks and matches: what is put into them is told where it stands in the tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableSequence
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

from peavine.documents.outline import list_html

if TYPE_CHECKING:
    from peavine.documents.document import Document

__all__ = ["Children", "Chunks", "Matches"]


class Children(MutableSequence["Document"]):
    """A list of Documents that belong to one Document.

    `extend` is linear; a long loop of `append` to chunks is not, because each chunk knows how many siblings it has.
    """

    __slots__ = ("_docs", "_parent")

    def __init__(self, parent: Document, docs: list[Document]) -> None:
        # Taken as it is: only the decoder, whose Documents bear their places, may give some.
        self._parent, self._docs = parent, docs

    def _adopt(self, start: int) -> None:
        """Tell the Documents from `start` on where they stand."""
        raise NotImplementedError

    def insert(self, index: SupportsIndex, value: Document) -> None:
        """Put a Document before the one at `index`."""
        self._docs.insert(index, value)
        self._adopt(0)

    def append(self, value: Document) -> None:
        """Add a Document at the end."""
        self._docs.append(value)
        self._adopt(len(self._docs) - 1)

    def extend(self, values: Iterable[Document]) -> None:
        """Add Documents at the end."""
        docs = list(values)  # which may be this list itself
        self._docs.extend(docs)
        self._adopt(len(self._docs) - len(docs))

    def sort(self, *, key: Callable[[Document], Any], reverse: bool = False) -> None:
        """Sort in place; equals keep their order."""
        self._docs.sort(key=key, reverse=reverse)
        self._adopt(0)

    def reverse(self) -> None:
        """Turn the order round."""
        self._docs.reverse()
        self._adopt(0)

    @overload
    def __getitem__(self, index: SupportsIndex) -> Document: ...
    @overload
    def __getitem__(self, index: slice) -> list[Document]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Document | list[Document]:
        return self._docs[index]

    @overload
    def __setitem__(self, index: SupportsIndex, value: Document) -> None: ...
    @overload
    def __setitem__(self, index: slice, value: Iterable[Document]) -> None: ...
    def __setitem__(self, index: SupportsIndex | slice, value: Any) -> None:
        self._docs[index] = value
        self._adopt(0)

    def __delitem__(self, index: SupportsIndex | slice) -> None:
        del self._docs[index]
        self._adopt(0)

    def __len__(self) -> int:
        return len(self._docs)

    def __iter__(self) -> Iterator[Document]:
        return iter(self._docs)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Children):
            return self._docs == other._docs
        return self._docs == other if isinstance(other, list) else NotImplemented

    def __repr__(self) -> str:
        return repr(self._docs)

    def _repr_html_(self) -> str:
        return list_html(self._docs)


class Chunks(Children):
    """Parts of a Document: one granularity deeper, with its id as `parent_id`, and its type if they have none."""

    __slots__ = ()

    def _adopt(self, start: int) -> None:
        parent, count = self._parent, len(self._docs)
        for offset in range(start, count):
            chunk = self._docs[offset]
            chunk.parent_id = parent.id
            chunk.offset = offset
            chunk.mime_type = chunk.mime_type or parent.mime_type
            chunk.move(parent.granularity + 1, parent.adjacency)
        for chunk in self._docs:
            chunk.siblings = count


class Matches(Children):
    """Results for a Document: of its granularity, one search further away, each score referring to it."""

    __slots__ = ()

    def _adopt(self, start: int) -> None:
        parent = self._parent
        for match in self._docs[start:]:
            match.move(parent.granularity, parent.adjacency + 1)
            if match.score is not None and not match.score.reference:
                match.score.reference = parent.id
