"""What counts as an array of numbers in a Document, and when two of them are equal."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from peavine.documents.bounds import MAX_DIMENSIONS
from peavine.documents.sparse import Sparse, equal, refuse_masked
from peavine.errors import InvalidRequest

__all__ = ["DTYPES", "Array", "Tensor", "as_tensor", "same"]

Array = NDArray[Any]
Tensor = Array | Sparse
"""What `tensor` and `embedding` hold."""

DTYPES = {
    name: np.dtype(name)
    for name in ["|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8", "<c8", "<c16"]
}
"""The types of number that travel, by numpy's name: little endian, and never a Python object."""

_CHARACTERS = "?bBhHiIlLqQefdFD"


def as_tensor(value: Any, path: str) -> Tensor:
    """Return `value` as an array or Sparse, without a copy where it is one; InvalidRequest names `path`.

    Masked arrays are refused: what is masked has no number that could travel.
    """
    if isinstance(value, Sparse):
        return value
    refuse_masked(value, path)
    if isinstance(value, np.ndarray):
        array = np.asarray(value)  # a subclass may have its own idea of its bytes
    elif hasattr(value, "tocoo"):  # scipy's, which need not be installed
        return Sparse.from_scipy(value)
    else:
        try:
            array = np.asarray(value)
        except (ValueError, TypeError, OverflowError) as problem:
            raise InvalidRequest(f"{path}: is not an array of numbers ({problem})") from None
    if array.dtype.char not in _CHARACTERS:
        raise InvalidRequest(f"{path}: holds {array.dtype}; only numbers of at most 8 bytes (complex: 16) can travel")
    if array.ndim > MAX_DIMENSIONS:
        raise InvalidRequest(f"{path}: has {array.ndim} dimensions; at most {MAX_DIMENSIONS}")
    return array


def same(one: Tensor | None, other: Tensor | None) -> bool:
    """Return whether both hold the same numbers in the same shape and type; NaN equals NaN."""
    if one is None or other is None or isinstance(one, Sparse) or isinstance(other, Sparse):
        return (one is None) == (other is None) and type(one) is type(other) and one == other
    return equal(one, other)
