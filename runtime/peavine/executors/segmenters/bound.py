"""How many chunks a Document may be cut into: a small message must not become a large memory."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from peavine.errors import InvalidRequest

MAX_CHUNKS = 50_000

Chunk = dict[str, Any]


def bounded(chunks: Iterable[Chunk], segmenter: str) -> list[Chunk]:
    """Return the chunks, or raise InvalidRequest when there are more than 50,000; `segmenter` is its name."""
    found = list(islice(chunks, MAX_CHUNKS + 1))
    if len(found) > MAX_CHUNKS:
        raise InvalidRequest(f"{segmenter}: the text has more than {MAX_CHUNKS:,} chunks; send it as several Documents")
    return found
