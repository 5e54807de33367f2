"""Content of any shape as rows of numbers, for encoders that know vectors only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from peavine.errors import InvalidRequest


def rows(batch: Any, encoder: str, columns: int | None = None) -> NDArray[np.float32]:
    """Return B x ... numbers as B x D float32, or raise InvalidRequest.

    `columns` is the D that it must be; `encoder` is the name for the message.
    """
    try:
        array = np.asarray(batch)
    except ValueError:
        raise InvalidRequest(f"{encoder}: the tensors of one request differ in shape") from None
    if array.dtype.kind not in "buif":
        raise InvalidRequest(f"{encoder} encodes tensors of numbers, not {_said(batch)}")
    flat = array.reshape(len(array), -1) if array.size else array.reshape(len(array), 0)
    if columns is not None and flat.shape[1] != columns:
        raise InvalidRequest(
            f"{encoder}: {flat.shape[1]} numbers a Document (shape {array.shape[1:]}), where {columns} are expected"
        )
    return flat.astype(np.float32, copy=False)


def _said(batch: Any) -> str:
    first = next(iter(batch), None)
    return "text" if isinstance(first, str) else "bytes" if isinstance(first, bytes) else type(first).__name__
