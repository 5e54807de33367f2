"""Documents as plain data, such as JSON holds, and back. Exact both ways; knows no JSON text, files or sockets.

The keys are the names of the fields. What is empty is left out, and what follows from the place in the tree
(`parent_id`, `granularity`, ...) is filled in again. A buffer is base64. An array is
`{"data": base64, "dtype": "<f4", "shape": [2]}` or nested lists of numbers; the first form keeps its type and holds NaN
and infinities, which JSON's numbers cannot. A score that is no JSON number is "NaN", "Infinity" or "-Infinity".
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from peavine.documents.bounds import MAX_TAG_DEPTH
from peavine.documents.document import Document
from peavine.documents.score import Score
from peavine.documents.sparse import Sparse
from peavine.documents.tensor import Tensor
from peavine.errors import InvalidRequest

__all__ = ["FIELDS", "NUMBERS", "TEXTS", "Arrays", "to_dict"]

Arrays = Literal["base64", "list", "none"]
"""How arrays are written: exactly, as lists where JSON's numbers can say them, or not at all."""

TEXTS = ("uri", "mime_type", "modality", "parent_id", "level_name", "root_id")
NUMBERS = ("granularity", "adjacency", "siblings", "offset")
FIELDS = (
    "id", "text", "buffer", "tensor", "embedding", "chunks", "matches", "tags", *TEXTS, *NUMBERS, "weight", "location",
    "score", "evaluations",
)  # fmt: skip


def to_dict(doc: Document, arrays: Arrays = "base64") -> dict[str, Any]:
    """Return a Document, with all below it, as data that any JSON writer takes."""
    return _document(doc, arrays, _NOWHERE)


_NOWHERE: dict[str, Any] = dict.fromkeys(TEXTS, "") | dict.fromkeys(NUMBERS, 0)
"""What a Document without a parent has in the fields that say where it stands."""


def _document(doc: Document, arrays: Arrays, expected: Mapping[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = {"id": doc.id}
    content = doc.content
    if isinstance(content, str):
        data["text"] = content
    elif isinstance(content, bytes):
        data["buffer"] = base64.b64encode(content).decode()
    elif content is not None and arrays != "none":
        data["tensor"] = _tensor(content, arrays)
    if doc.embedding is not None and arrays != "none":
        data["embedding"] = _tensor(doc.embedding, arrays)
    for name in (*TEXTS, *NUMBERS):
        value = getattr(doc, name)
        if value != expected[name]:
            data[name] = value
    if doc.weight is not None:
        data["weight"] = _number(doc.weight)
    if doc.location:
        data["location"] = [int(place) for place in doc.location]
    if doc.has_tags:
        data["tags"] = _tag(doc.tags)
    if doc.score is not None:
        data["score"] = _score(doc.score)
    if doc.has_evaluations:
        data["evaluations"] = [_score(score) for score in doc.evaluations]
    if not doc.is_leaf:
        if doc.chunks:
            data["chunks"] = [
                _document(chunk, arrays, as_chunk(doc, place, len(doc.chunks)))
                for place, chunk in enumerate(doc.chunks)
            ]
        if doc.matches:
            data["matches"] = [_document(match, arrays, as_match(doc)) for match in doc.matches]
    return data


def as_chunk(parent: Document, offset: int, siblings: int) -> dict[str, Any]:
    """Return what a chunk has in the fields that say where it stands."""
    return _NOWHERE | {
        "parent_id": parent.id,
        "mime_type": parent.mime_type,
        "granularity": parent.granularity + 1,
        "adjacency": parent.adjacency,
        "offset": offset,
        "siblings": siblings,
    }


def as_match(parent: Document) -> dict[str, Any]:
    """Return what a match has in the fields that say where it stands."""
    return _NOWHERE | {"granularity": parent.granularity, "adjacency": parent.adjacency + 1}


def _score(score: Score) -> dict[str, Any]:
    data: dict[str, Any] = {"value": _number(score.value), "ascending": bool(score.ascending)}
    for name in ("name", "description", "reference"):
        if value := getattr(score, name):
            data[name] = value
    if score.operands:
        data["operands"] = [_score(operand) for operand in score.operands]
    return data


def _number(value: float) -> float | str:
    value = float(value)
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _tag(value: Any, depth: int = 0) -> Any:
    """Return a tag's value as JSON knows it; a number that JSON does not know becomes null."""
    if isinstance(value, Mapping | list | tuple) and depth >= MAX_TAG_DEPTH:
        raise InvalidRequest(f"tags: are nested more than {MAX_TAG_DEPTH} deep")
    if isinstance(value, Mapping):
        return {str(key): _tag(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_tag(item, depth + 1) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _tensor(tensor: Tensor, arrays: Arrays) -> Any:
    if isinstance(tensor, Sparse):
        parts = {name: _array(getattr(tensor, name), arrays) for name in ("rows", "columns", "values")}
        return {"layout": tensor.layout, "shape": list(tensor.shape), **parts}
    return _array(tensor, arrays)


def _array(array: NDArray[Any], arrays: Arrays) -> Any:
    # Nested lists do not say the shape of an array without numbers, and 4294967295 x 0 would be as many of them.
    if arrays == "list" and array.dtype.kind in "biuf" and array.ndim and array.size and np.isfinite(array).all():
        return array.tolist()
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    data = base64.b64encode(little.tobytes()).decode()
    return {"data": data, "dtype": little.dtype.str, "shape": list(array.shape)}
