"""Tags and parameters as google.protobuf.Struct and back.

A Struct knows what JSON knows, with one kind of number: a double. So 1 comes back as 1.0, and whole numbers beyond
2**53 lose digits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from google.protobuf.struct_pb2 import Struct, Value

from peavine.documents.bounds import MAX_TAG_DEPTH
from peavine.errors import InvalidRequest

__all__ = ["read_plain", "read_struct", "write_struct"]


def read_struct(struct: Struct) -> dict[str, Any]:
    """Return the Struct as a dictionary of str, float, bool, None, lists and dictionaries."""
    return {key: _read(value) for key, value in struct.fields.items()}


def read_plain(struct: Struct) -> dict[str, Any]:
    """Return the Struct as a dictionary in which whole numbers are int: a Struct has only doubles."""
    return {name: _whole(value) for name, value in read_struct(struct).items()}


def _whole(value: Any) -> Any:
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_whole(each) for each in value]
        case dict():
            return {name: _whole(each) for name, each in value.items()}
    return value


def _read(value: Value) -> Any:
    match value.WhichOneof("kind"):
        case "number_value":
            return value.number_value
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return read_struct(value.struct_value)
        case "list_value":
            return [_read(item) for item in value.list_value.values]
    return None


def write_struct(data: Mapping[str, Any], struct: Struct, depth: int = 0) -> None:
    """Fill the Struct; InvalidRequest names the key of what JSON does not know."""
    if depth >= MAX_TAG_DEPTH:
        raise InvalidRequest(f"is nested more than {MAX_TAG_DEPTH} deep")
    struct.SetInParent()
    for key, value in data.items():
        if not isinstance(key, str):
            raise InvalidRequest(f"[{key!r}]: keys are strings, not {type(key).__name__}")
        try:
            _write(value, struct.fields[key], depth)
        except InvalidRequest as problem:
            raise InvalidRequest(f".{key}{problem}" if str(problem)[0] in ".[" else f".{key}: {problem}") from None
        except UnicodeEncodeError:
            raise InvalidRequest(f"[{key!r}]: is not valid Unicode (a lone surrogate)") from None


def _write(value: Any, target: Value, depth: int) -> None:
    if isinstance(value, str):
        target.string_value = value
    elif isinstance(value, bool | np.bool_):
        target.bool_value = bool(value)
    elif isinstance(value, int | float | np.integer | np.floating):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise InvalidRequest(f"{value} is not a number that JSON knows")
        target.number_value = number
    elif value is None:
        target.null_value = 0  # type: ignore[assignment]  # the stub wants the enum, which is this number
    elif isinstance(value, Mapping):
        write_struct(value, target.struct_value, depth + 1)
    elif isinstance(value, list | tuple):
        if depth + 1 >= MAX_TAG_DEPTH:
            raise InvalidRequest(f"is nested more than {MAX_TAG_DEPTH} deep")
        target.list_value.SetInParent()
        for item in value:
            _write(item, target.list_value.values.add(), depth + 1)
    else:
        raise InvalidRequest(f"holds what JSON does not know: {type(value).__name__}")
