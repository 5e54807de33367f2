"""Arrays of numbers as protobuf messages and back. Only plain numbers travel, never pickled objects."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peavine.documents import Sparse, Tensor
from peavine.documents.bounds import MAX_DIMENSIONS
from peavine.documents.quantize import Quantization, quantize, restore
from peavine.documents.tensor import DTYPES
from peavine.errors import InvalidRequest, did_you_mean
from peavine.v1 import document_pb2

__all__ = ["read_tensor", "write_tensor"]


def write_tensor(tensor: Tensor, message: document_pb2.Tensor, quantization: Quantization | None = None) -> None:
    """Fill `message`. With a quantization, arrays of floating point numbers become smaller and less precise."""
    if isinstance(tensor, Sparse):
        sparse = message.sparse
        _write(tensor.rows, sparse.rows)
        _write(tensor.columns, sparse.columns)
        _write(tensor.values, sparse.values)
        sparse.shape.extend(tensor.shape)
        sparse.layout = tensor.layout
        return
    dense = message.dense
    smaller = quantize(tensor, quantization) if quantization else None
    if smaller is None:
        _write(tensor, dense)
    else:
        _write(smaller.array, dense)
        dense.original_dtype = smaller.original.newbyteorder("<").str
        dense.scale, dense.minimum = smaller.scale, smaller.minimum


def _write(array: NDArray[Any], dense: document_pb2.Dense) -> None:
    name = array.dtype.str
    if name not in DTYPES:  # big endian
        name = array.dtype.newbyteorder("<").str
        array = array.astype(DTYPES[name])
    dense.buffer = array.tobytes()
    dense.dtype = name
    dense.shape.extend(array.shape)


def read_tensor(message: document_pb2.Tensor) -> Tensor:
    """Return the array, a read-only view of the received bytes; InvalidRequest says what does not fit."""
    if message.HasField("dense"):
        return _read(message.dense)
    if not message.HasField("sparse"):
        raise InvalidRequest("has neither a dense nor a sparse array")
    sparse = message.sparse
    if sparse.layout not in ("coo", "csr"):
        raise InvalidRequest(f'sparse.layout: is "coo" or "csr", not {sparse.layout!r}')
    if len(sparse.shape) != 2:
        raise InvalidRequest("sparse.shape: needs two sizes, rows and columns")
    return Sparse(
        _read(sparse.rows),
        _read(sparse.columns),
        _read(sparse.values),
        (sparse.shape[0], sparse.shape[1]),
        "coo" if sparse.layout == "coo" else "csr",
    )


def _dtype(name: str) -> np.dtype[Any]:
    dtype = DTYPES.get(name)
    if dtype is None:
        raise InvalidRequest(f"dtype: {name!r} is none of {', '.join(DTYPES)}{did_you_mean(name, DTYPES)}")
    return dtype


def _read(dense: document_pb2.Dense) -> NDArray[Any]:
    dtype, shape, buffer = _dtype(dense.dtype), tuple(dense.shape), dense.buffer
    # Before the product of the sizes: that of a million of them takes minutes.
    if len(shape) > MAX_DIMENSIONS:
        raise InvalidRequest(f"shape: has {len(shape)} dimensions; at most {MAX_DIMENSIONS}")
    if len(buffer) != math.prod(shape) * dtype.itemsize:
        raise InvalidRequest(
            f"buffer: has {len(buffer)} bytes, and shape {list(shape)} of {dtype.name} needs "
            f"{math.prod(shape) * dtype.itemsize}"
        )
    try:
        array: NDArray[Any] = np.ndarray(shape, dtype, buffer=buffer)
    except (ValueError, OverflowError) as problem:  # an empty array of an absurd shape
        raise InvalidRequest(f"shape: {problem}") from None
    if not dense.original_dtype:
        return array
    original = _dtype(dense.original_dtype)
    if original.kind != "f" or dtype.name not in ("float16", "uint8"):
        raise InvalidRequest("original_dtype: only floating point numbers are quantized, to <f2 or |u1")
    if not math.isfinite(dense.scale) or not math.isfinite(dense.minimum):
        raise InvalidRequest("scale and minimum must be finite")
    with np.errstate(over="ignore"):
        restored = restore(array, original, dense.scale, dense.minimum)
    restored.flags.writeable = False
    return restored
