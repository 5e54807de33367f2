"""Arrays from nested lists of numbers that a stranger sent.

numpy makes an array of whatever it is given: of one long string and many short ones it makes items as long as the
longest, and of ragged lists an array of objects. So nothing is handed to numpy before every item is known to be a
number and all lists of a level to be equally long. Work and memory are proportional to the number of items.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peavine.documents.bounds import MAX_DIMENSIONS
from peavine.errors import InvalidRequest

__all__ = ["array_of"]

STEP = 65536
"""Items that numpy converts at once. It lets no other thread run meanwhile, the event loop's included."""


def array_of(value: Sequence[Any]) -> NDArray[Any]:
    """Return nested lists as an array of bool, int64, uint64 or float64. InvalidRequest says why there is none."""
    shape = [len(value)]
    items = list(value)
    while (kinds := set(map(type, items))) and kinds <= {list, tuple}:
        sizes = set(map(len, items))
        if len(sizes) > 1:
            raise InvalidRequest("must be numbers, or lists of them of equal lengths")
        shape.append(sizes.pop())
        if len(shape) > MAX_DIMENSIONS:
            raise InvalidRequest(f"has more than {MAX_DIMENSIONS} dimensions")
        items = list(chain.from_iterable(items))
    if not all(issubclass(kind, int | float | np.number | np.bool_) for kind in kinds):
        mixed = kinds & {list, tuple}
        raise InvalidRequest(
            "must be numbers, or lists of them of equal lengths" if mixed else "must hold numbers and nothing else"
        )
    return _converted(items, kinds).reshape(shape)


def _converted(items: list[Any], kinds: set[type]) -> NDArray[Any]:
    if all(issubclass(kind, bool | np.bool_) for kind in kinds):
        dtypes: tuple[type, ...] = (np.bool_ if kinds else np.float64,)
    elif any(issubclass(kind, float | np.floating) for kind in kinds):
        dtypes = (np.float64,)
    else:
        dtypes = (np.int64,) if min(items) < 0 else (np.int64, np.uint64)
    for dtype in dtypes:
        array: NDArray[Any] = np.empty(len(items), dtype)
        try:
            for start in range(0, len(items), STEP):
                array[start : start + STEP] = items[start : start + STEP]
        except OverflowError:
            continue
        return array
    raise InvalidRequest("holds a number that is too large for an array")
