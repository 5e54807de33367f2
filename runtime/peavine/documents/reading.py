"""Reading Documents from plain data that a stranger sent: everything is checked, and all problems are told at once."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peavine.documents.bounds import MAX_DEPTH, MAX_DIMENSIONS, MAX_TAG_DEPTH
from peavine.documents.document import Document
from peavine.documents.identity import check_id
from peavine.documents.plain import FIELDS, NUMBERS, TEXTS, as_chunk, as_match
from peavine.documents.score import Score
from peavine.documents.sparse import Sparse
from peavine.documents.tensor import DTYPES, Tensor
from peavine.errors import InvalidRequest, Problem, did_you_mean

__all__ = ["from_dict", "from_dicts"]

MAX_PROBLEMS = 20
"""After so many the rest is not told."""

_DTYPES = DTYPES | {dtype.name: dtype for dtype in DTYPES.values()}


def from_dict(data: Any, path: str = "") -> Document:
    """Return the Document that plain data means; InvalidRequest tells all that is wrong. `path` says where it stood."""
    reader = _Reader()
    doc = reader.document(data, path, {}, 0)
    reader.finish()
    return doc


def from_dicts(data: Any, path: str = "docs") -> list[Document]:
    """Return the Documents that a list of plain data means; InvalidRequest tells all that is wrong in any of them."""
    reader = _Reader()
    docs = reader.documents(data, path, 0, lambda place, count: {})
    reader.finish()
    return docs


class _Reader:
    """Collects problems. What is wrong is read as if it were not there, to find what else is wrong."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def finish(self) -> None:
        if self.problems:
            shown = [str(problem) for problem in self.problems[:MAX_PROBLEMS]]
            if len(self.problems) > MAX_PROBLEMS:
                shown.append(f"... and {len(self.problems) - MAX_PROBLEMS} more")
            raise InvalidRequest("\n".join(shown))

    def wrong(self, path: str, message: str) -> None:
        self.problems.append(Problem(path, message))

    def documents(
        self, data: Any, path: str, depth: int, place: Callable[[int, int], Mapping[str, Any]]
    ) -> list[Document]:
        if not isinstance(data, list | tuple):
            self.wrong(path, f"must be a list of Documents, not {_kind(data)}")
            return []
        if depth >= MAX_DEPTH:
            self.wrong(path, f"is nested more than {MAX_DEPTH} deep")
            return []
        count = len(data)
        return [self.document(item, f"{path}[{i}]", place(i, count), depth) for i, item in enumerate(data)]

    def document(self, data: Any, path: str, place: Mapping[str, Any], depth: int) -> Document:
        if not isinstance(data, Mapping):
            self.wrong(path, f'must be a Document such as {{"id": "a", "text": "..."}}, not {_kind(data)}')
            return Document()
        given = {name: value for name, value in data.items() if value is not None}
        dot = f"{path}." if path else ""
        for name in given:
            if name not in FIELDS:
                self.wrong(f"{dot}{name}", f"unknown field{did_you_mean(str(name), FIELDS) or _KNOWN}")
        fields: dict[str, Any] = dict(place)
        contents = [name for name in ("text", "buffer", "tensor") if name in given]
        if len(contents) > 1:
            self.wrong(f"{dot}{contents[1]}", f"a Document has one content; leave out {' or '.join(contents)}")
        for name, read in _READERS.items():
            if name in given:
                try:
                    fields[name] = read(given[name])
                except _Wrong as problem:
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


class _Wrong(Exception):
    def __init__(self, message: str, path: str = "") -> None:
        self.message, self.path = message, path


_KNOWN = f"; known: {', '.join(FIELDS)}"


def _kind(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", str: "a string", type(None): "null"}
    return names.get(type(value)) or ("a list" if isinstance(value, list | tuple) else "an object")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _Wrong(f"must be a string, not {_kind(value)}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _Wrong("is not valid Unicode (a lone surrogate)") from None
    return value


def _bytes(value: Any) -> bytes:
    try:
        return base64.b64decode(_text(value), validate=True)
    except (binascii.Error, ValueError):
        raise _Wrong("must be base64") from None


def _natural(value: Any) -> int:
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value == value and abs(value) < 2**53
    if not whole or value != int(value) or not 0 <= value < 2**32:
        raise _Wrong(f"must be a whole number from 0 to 4294967295, not {value!r:.40}")
    return int(value)


def _naturals(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list | tuple):
        raise _Wrong(f"must be a list of whole numbers, not {_kind(value)}")
    return tuple(_natural(item) for item in value)


def _number(value: Any) -> float:
    if value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Wrong(f'must be a number, "NaN", "Infinity" or "-Infinity", not {_kind(value)}')
    try:
        return float(value)
    except OverflowError:
        raise _Wrong("is too large for a number") from None


def _tags(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _Wrong(f"must be an object, not {_kind(value)}")
    return {_text(key): _tag(item, f".{key}", 1) for key, item in value.items()}


def _tag(value: Any, path: str, depth: int) -> Any:
    if depth >= MAX_TAG_DEPTH and isinstance(value, Mapping | list | tuple):
        raise _Wrong(f"is nested more than {MAX_TAG_DEPTH} deep", path)
    if isinstance(value, Mapping):
        return {_text(key): _tag(item, f"{path}.{key}", depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_tag(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(value)]
    if isinstance(value, int | float):
        try:
            finite = math.isfinite(value)
        except OverflowError:
            raise _Wrong("is too large for a number", path) from None
        if not finite:
            raise _Wrong(f"{value} is not a number that JSON knows", path)
    if isinstance(value, str):
        try:
            return _text(value)
        except _Wrong as problem:
            raise _Wrong(problem.message, path) from None
    return value


def _score(value: Any, depth: int = 0) -> Score:
    if not isinstance(value, Mapping):
        raise _Wrong(f'must be an object such as {{"value": 0.5}}, not {_kind(value)}')
    if depth >= MAX_DEPTH:
        raise _Wrong(f"has operands nested more than {MAX_DEPTH} deep")
    score = Score()
    for name, item in value.items():
        try:
            if name == "value":
                score.value = _number(item)
            elif name in ("name", "description", "reference"):
                setattr(score, name, _text(item))
            elif name == "ascending":
                if not isinstance(item, bool):
                    raise _Wrong(f"must be true or false, not {_kind(item)}")
                score.ascending = item
            elif name == "operands":
                score.operands = _scores(item, depth + 1)
            else:
                raise _Wrong(f"unknown field{did_you_mean(str(name), _SCORE)}")
        except _Wrong as problem:
            raise _Wrong(problem.message, f".{name}{problem.path}") from None
    return score


_SCORE = ("value", "name", "description", "operands", "reference", "ascending")


def _scores(value: Any, depth: int = 0) -> list[Score]:
    if not isinstance(value, list | tuple):
        raise _Wrong(f"must be a list of scores, not {_kind(value)}")
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
        raise _Wrong(f"must be a list of numbers or {form}, not {_kind(value)}")
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError):
        raise _Wrong("must be numbers, or lists of them of equal lengths") from None
    if array.dtype.kind not in "biuf":
        raise _Wrong("must hold numbers and nothing else")
    if array.ndim > MAX_DIMENSIONS:
        raise _Wrong(f"has {array.ndim} dimensions; at most {MAX_DIMENSIONS}")
    return array


def _exact(value: Mapping[str, Any]) -> NDArray[Any]:
    for name in value:
        if name not in ("data", "dtype", "shape"):
            raise _Wrong(f"unknown field{did_you_mean(name, ('data', 'dtype', 'shape'))}", f".{name}")
    for name in ("data", "dtype", "shape"):
        if name not in value:
            raise _Wrong("is missing", f".{name}")
    dtype = _DTYPES.get(value["dtype"]) if isinstance(value["dtype"], str) else None
    if dtype is None:
        raise _Wrong(f"{value['dtype']!r:.40} is none of {', '.join(sorted(_DTYPES))}", ".dtype")
    shape, data = _naturals(value["shape"]), _bytes(value["data"])
    if len(shape) > MAX_DIMENSIONS or len(data) != math.prod(shape) * dtype.itemsize:
        needed = math.prod(shape) * dtype.itemsize
        raise _Wrong(f"has {len(data)} bytes, and shape {list(shape)} of {dtype.name} needs {needed}", ".data")
    try:
        return np.ndarray(shape, dtype, buffer=data)
    except (ValueError, OverflowError) as problem:
        raise _Wrong(str(problem), ".shape") from None


def _sparse(value: Mapping[str, Any]) -> Sparse:
    parts: dict[str, Any] = {}
    for name in ("rows", "columns", "values"):
        try:
            parts[name] = _array(value.get(name))
        except _Wrong as problem:
            raise _Wrong(problem.message, f".{name}{problem.path}") from None
    for name in value:
        if name not in ("layout", "shape", "rows", "columns", "values"):
            raise _Wrong("unknown field of a sparse array", f".{name}")
    shape = _naturals(value.get("shape"))
    if len(shape) != 2:
        raise _Wrong("needs two sizes, rows and columns", ".shape")
    return Sparse(**parts, shape=(shape[0], shape[1]), layout=value["layout"])


_READERS: dict[str, Callable[[Any], Any]] = {
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
