"""Quantization: smaller arrays for the wire at the price of precision. Only floating point arrays shrink."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Quantization", "Quantized", "quantize", "restore"]

Quantization = Literal["float16", "uint8"]


class Quantized(NamedTuple):
    """A smaller array, and how to get back: value = array * scale + minimum, as `original`."""

    array: NDArray[Any]
    original: np.dtype[Any]
    scale: float
    minimum: float


def quantize(array: NDArray[Any], mode: Quantization) -> Quantized | None:
    """Return a smaller version, or None for an array that would not survive: whole numbers, NaN, or out of range.

    `float16` keeps 11 bits of each number up to 65504. `uint8` keeps 256 levels from the minimum, level 0, to the
    maximum, level 255; both ends survive.
    """
    if array.dtype.kind != "f" or array.size == 0 or not np.isfinite(array).all():
        return None
    if mode == "float16":
        if array.dtype.itemsize <= 2 or np.abs(array).max() > np.finfo(np.float16).max:
            return None
        return Quantized(array.astype(np.float16), array.dtype, 0.0, 0.0)
    low, high = float(array.min()), float(array.max())
    scale = high / 255 - low / 255  # not (high - low) / 255, which may overflow
    if scale == 0:
        if low != high:  # numbers so near to zero that the levels between them are none
            return None
        levels = np.zeros(array.shape, np.uint8)
    else:
        wide = array.astype(np.float64)
        levels = np.rint(wide / scale - low / scale).clip(0, 255).astype(np.uint8)
    return Quantized(levels, array.dtype, scale, low)


def restore(array: NDArray[Any], original: np.dtype[Any], scale: float, minimum: float) -> NDArray[Any]:
    """Return what `quantize` was given, nearly."""
    if array.dtype.kind == "f":
        return array.astype(original)
    # Halves, because the range may be wider than the greatest number.
    restored: NDArray[Any] = ((array * np.float64(scale / 2) + minimum / 2) * 2).astype(original)
    return restored
