"""Reading a filter, whichever its spelling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from peavine.errors import InvalidRequest
from peavine.filters.bounds import check_depth
from peavine.filters.filter import Filter
from peavine.filters.objects import from_object
from peavine.filters.text import from_text
from peavine.filters.values import kind_of

__all__ = ["parse"]


def parse(source: str | Mapping[str, Any] | Filter) -> Filter:
    """Return the filter that a text or an object is, or raise InvalidRequest that says what is wrong and where."""
    if isinstance(source, Filter):
        return source
    if isinstance(source, str):
        found = from_text(source)
    elif isinstance(source, Mapping):
        found = from_object(source)
    else:
        raise InvalidRequest(f"filter: must be a string or an object, not {kind_of(source)}")
    check_depth(found.depth)
    return found
