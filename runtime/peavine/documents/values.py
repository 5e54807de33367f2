"""Reading the fields of a Document from plain data that a stranger sent, each by itself.

Whatever is wrong is raised as Wrong, or as InvalidRequest where a rule of Documents says so.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peavine.documents.bounds import MAX_DEPTH, MAX_DIMENSIONS, MAX_TAG_DEPTH
from peavine.documents.identity import check_id
from peavine.documents.nested import array_of
from peavine.documents.plain import NUMBERS, TEXTS
from peavine.documents.score import Score
from peavine.documents.sparse import Sparse
from peavine.documents.tensor import DTYPES, Tensor
from peavine.errors import did_you_mean

__all__ = ["MAX_SHOWN", "READERS", "Wrong", "kind_of"]

MAX_SHOWN = 60
"""Characters of a stranger's text that a message shows."""

_DTYPES = DTYPES | {dtype.name: dtype for dtype in DTYPES.values()}


class Wrong(Exception):
    """A value is wrong: what about it, and where inside the field."""

    def __init__(self, message: str, path: str = "") -> None:
        self.message, self.path = message, path


def kind_of(value: Any) -> str:
    """Return what a value is, in words of JSON."""
    names = {bool: "true or false", int: "a number", float: "a number", str: "a string", type(None): "null"}
    return names.get(type(value)) or ("a list" if isinstance(value, list | tuple) else "an object")


def _shown(value: Any) -> str:
    """Return a number as it is, and of everything else what it is: a value may be as large as the whole body."""
    plain = isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**64)
    return repr(value) if plain else kind_of(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Wrong(f"must be a string, not {kind_of(value)}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Wrong("is not valid Unicode (a lone surrogate)") from None
    return value


def _bytes(value: Any) -> bytes:
    try:
        return base64.b64decode(_text(value), validate=True)
    except (binascii.Error, ValueError):
        raise Wrong("must be base64") from None


def _natural(value: Any) -> int:
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value == value and abs(value) < 2**53
    if not whole or value != int(value) or not 0 <= value < 2**32:
        raise Wrong(f"must be a whole number from 0 to 4294967295, not {_shown(value)}")
    return int(value)


def _naturals(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list | tuple):
        raise Wrong(f"must be a list of whole numbers, not {kind_of(value)}")
    return tuple(_natural(item) for item in value)


def _number(value: Any) -> float:
    if value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong(f'must be a number, "NaN", "Infinity" or "-Infinity", not {kind_of(value)}')
    try:
        return float(value)
    except OverflowError:
        raise Wrong("is too large for a number") from None


def _tags(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise Wrong(f"must be an object, not {kind_of(value)}")
    return _tag_object(value, 1)


def _tag_object(value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    found = {}
    for key, item in value.items():
        try:
            found[_text(key)] = _tag(item, depth)
        except Wrong as problem:
            # Paths are made only where something is wrong: a key may be long, and hold many items.
            raise Wrong(problem.message, f".{key!s:.{MAX_SHOWN}}{problem.path}") from None
    return found


def _tag_list(value: Sequence[Any], depth: int) -> list[Any]:
    found = []
    for item in value:
        try:
            found.append(_tag(item, depth))
        except Wrong as problem:
            raise Wrong(problem.message, f"[{len(found)}]{problem.path}") from None
    return found


def _tag(value: Any, depth: int) -> Any:
    if depth >= MAX_TAG_DEPTH and isinstance(value, Mapping | list | tuple):
        raise Wrong(f"is nested more than {MAX_TAG_DEPTH} deep")
    if isinstance(value, Mapping):
        return _tag_object(value, depth + 1)
    if isinstance(value, list | tuple):
        return _tag_list(value, depth + 1)
    if isinstance(value, int | float):
        try:
            finite = math.isfinite(value)
        except OverflowError:
            raise Wrong("is too large for a number") from None
        if not finite:
            raise Wrong(f"{value} is not a number that JSON knows")
    return _text(value) if isinstance(value, str) else value


def _score(value: Any, depth: int = 0) -> Score:
    if not isinstance(value, Mapping):
        raise Wrong(f'must be an object such as {{"value": 0.5}}, not {kind_of(value)}')
    if depth >= MAX_DEPTH:
        raise Wrong(f"has operands nested more than {MAX_DEPTH} deep")
    score = Score()
    for name, item in value.items():
        try:
            if name == "value":
                score.value = _number(item)
            elif name in ("name", "description", "reference"):
                setattr(score, name, _text(item))
            elif name == "ascending":
                if not isinstance(item, bool):
                    raise Wrong(f"must be true or false, not {kind_of(item)}")
                score.ascending = item
            elif name == "operands":
                score.operands = _scores(item, depth + 1)
            else:
                raise Wrong(f"unknown field{did_you_mean(str(name), _SCORE)}")
        except Wrong as problem:
            raise Wrong(problem.message, f".{name!s:.{MAX_SHOWN}}{problem.path}") from None
    return score


_SCORE = ("value", "name", "description", "operands", "reference", "ascending")


def _scores(value: Any, depth: int = 0) -> list[Score]:
    if not isinstance(value, list | tuple):
        raise Wrong(f"must be a list of scores, not {kind_of(value)}")
    return [_score(item, depth) for item in value]


def _tensor(value: Any) -> Tensor:
    if isinstance(value, Mapping) and "layout" in value:
        return _sparse(value)
    return _array(value)


def _array(value: Any) -> NDArray[Any]:
    if isinstance(value, Mapping):
        return _exact(value)
    if not isinstance(value, list | tuple):
        form = '{"data": base64, "dtype": .., "shape": [..]}'
        raise Wrong(f"must be a list of numbers or {form}, not {kind_of(value)}")
    return array_of(value)


def _exact(value: Mapping[str, Any]) -> NDArray[Any]:
    for name in value:
        if name not in ("data", "dtype", "shape"):
            hint = did_you_mean(str(name), ("data", "dtype", "shape"))
            raise Wrong(f"unknown field{hint}", f".{name!s:.{MAX_SHOWN}}")
    for name in ("data", "dtype", "shape"):
        if name not in value:
            raise Wrong("is missing", f".{name}")
    dtype = _DTYPES.get(value["dtype"]) if isinstance(value["dtype"], str) else None
    if dtype is None:
        given = value["dtype"]
        shown = repr(given[:MAX_SHOWN]) if isinstance(given, str) else kind_of(given)
        raise Wrong(f"{shown} is not one of {', '.join(sorted(_DTYPES))}", ".dtype")
    shape, data = _shape(value["shape"]), _bytes(value["data"])
    if len(data) != (needed := math.prod(shape) * dtype.itemsize):
        raise Wrong(f"has {len(data)} bytes, and shape {list(shape)} of {dtype.name} needs {needed}", ".data")
    try:
        return np.ndarray(shape, dtype, buffer=data)
    except (ValueError, OverflowError) as problem:
        raise Wrong(str(problem), ".shape") from None


def _shape(value: Any) -> tuple[int, ...]:
    # Counted first: the product of a million sizes would take hours.
    if isinstance(value, list | tuple) and len(value) > MAX_DIMENSIONS:
        raise Wrong(f"has {len(value)} dimensions; the limit is {MAX_DIMENSIONS}", ".shape")
    return _naturals(value)


def _sparse(value: Mapping[str, Any]) -> Sparse:
    parts: dict[str, Any] = {}
    for name in ("rows", "columns", "values"):
        try:
            parts[name] = _array(value.get(name))
        except Wrong as problem:
            raise Wrong(problem.message, f".{name}{problem.path}") from None
    for name in value:
        if name not in ("layout", "shape", "rows", "columns", "values"):
            raise Wrong("unknown field of a sparse array", f".{name!s:.{MAX_SHOWN}}")
    shape = _shape(value.get("shape"))
    if len(shape) != 2:
        raise Wrong("needs two sizes, rows and columns", ".shape")
    return Sparse(**parts, shape=(shape[0], shape[1]), layout=value["layout"])


READERS: dict[str, Callable[[Any], Any]] = {
    "id": check_id,
    "text": _text,
    "buffer": _bytes,
    "tensor": _tensor,
    "embedding": _tensor,
    "tags": _tags,
    **dict.fromkeys(TEXTS, _text),
    **dict.fromkeys(NUMBERS, _natural),
    "weight": _number,
    "location": _naturals,
    "score": _score,
    "evaluations": _scores,
}
