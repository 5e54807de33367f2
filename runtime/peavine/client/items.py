"""From what a user has at hand to Documents: one item at a time, by its type alone, never by guessing at its text."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sized
from typing import Any, TypeAlias, cast

import numpy as np

from peavine.documents import Document
from peavine.errors import InvalidRequest, NotFound

__all__ = ["Content", "Inputs", "Item", "count", "document", "identified", "iterable", "of_dict"]

Content: TypeAlias = "Document | Mapping[str, Any] | str | bytes | np.ndarray[Any, Any]"
"""A Document, its dictionary, or what becomes its text, its buffer or its tensor."""

Item: TypeAlias = "Content | tuple[Content, Content]"
"""What becomes one Document; in a pair the second is the ground truth that the first is measured against."""

Inputs: TypeAlias = "Iterable[Item] | AsyncIterable[Item] | Callable[[], Iterable[Item] | AsyncIterable[Item]] | Item"
"""Items, something that gives items, or a single one. An array of two or more dimensions is its rows."""

_SINGLE = (Document, Mapping, str, bytes, bytearray, memoryview)


def iterable(inputs: Inputs) -> Iterable[Item] | AsyncIterable[Item]:
    """Return what to iterate over; a single item is an iterable of one."""
    if callable(inputs) and not isinstance(inputs, _SINGLE):
        inputs = inputs()
    if _is_single(inputs):
        return [cast("Item", inputs)]
    if isinstance(inputs, AsyncIterable | Iterable):
        return cast("Iterable[Item]", inputs)
    raise InvalidRequest(
        f"inputs: {type(inputs).__name__} gives no Documents; give an iterable or generator of Documents, "
        "dictionaries, strings, bytes or arrays"
    )


def count(inputs: Inputs) -> int | None:
    """Return how many items the inputs are; None where only iterating over them shows it."""
    return 1 if _is_single(inputs) else len(inputs) if isinstance(inputs, Sized) else None


def _is_single(inputs: Inputs) -> bool:
    return isinstance(inputs, _SINGLE) or (isinstance(inputs, np.ndarray) and inputs.ndim < 2)


def document(item: Item, number: int, *, ids: bool = False) -> tuple[Document, Document | None]:
    """Return the Document that an item stands for, and its ground truth where the item is a pair.

    With `ids` a string is the id of a Document (to delete), else its text. What comes without an id is identified by
    what it says. `number` says in messages which it is.
    """
    if isinstance(item, tuple):
        if len(item) != 2:
            raise InvalidRequest(f"inputs[{number}]: a pair is (document, groundtruth), not {len(item)} items")
        return _one(item[0], number, ids), _one(item[1], number, ids)
    return _one(item, number, ids), None


def identified(doc: Document, id: str | None = None) -> Document:
    """Give a Document the id, or without one the hash of what it says, and return it.

    So the same text is the same Document whenever it is indexed; with a random id each time would add a copy. A
    Document with chunks keeps its random id, because the hash does not cover them.
    """
    if id is not None:
        doc.id = id
    elif doc.is_leaf:
        doc.id = doc.content_hash()
    return doc


def of_dict(data: Any) -> Document:
    """Return the Document of a dictionary; one without `id` is identified by what it says. Raises InvalidRequest."""
    doc = Document.from_dict(data)
    return identified(doc) if data.get("id") is None else doc


def _one(content: Content, number: int, ids: bool) -> Document:
    if isinstance(content, Document):
        return content
    try:
        if isinstance(content, str):
            return Document(id=content) if ids else identified(Document(text=content))
        if isinstance(content, bytes | bytearray | memoryview):
            return identified(Document(buffer=bytes(content)))
        if isinstance(content, np.ndarray):
            return identified(Document(tensor=content))
        if isinstance(content, Mapping):
            return of_dict(dict(content))
    except (InvalidRequest, NotFound) as error:
        raise InvalidRequest(f"inputs[{number}]: {error}") from error
    raise InvalidRequest(
        f"inputs[{number}]: {type(content).__name__} is not a Document, a dictionary, a string, bytes or an array"
    )
