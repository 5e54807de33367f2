"""What a read asks for and what its answer says, for clients and the HTTP edge. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["NOTHING_KEPT", "page_bytes", "statistics"]

NOTHING_KEPT: Final = (
    "no Indexer of this Flow keeps whole Documents, so there is nothing to read; give it a Pod with `_index` or a "
    "BinaryPbIndexer"
)
"""What is wrong where the report of an answer lacks what was asked for."""

_PARTS_OF_A_MESSAGE = 4
"""A page takes one of so many parts of the largest message, as stored; in an answer it may take more."""


def page_bytes(max_message_bytes: int) -> int:
    """Return how many bytes of stored Documents a page of a scroll may have."""
    return max(1, max_message_bytes // _PARTS_OF_A_MESSAGE)


def statistics(pods: Mapping[str, Any]) -> dict[str, Any]:
    """Return the statistics of a Flow, given those of its Pods.

    Pods that keep Documents keep the same ones, so the greatest number of them counts; vectors and bytes add up.
    """
    shards = [shard for pod in pods.values() for shard in pod.get("shards", ())]
    return {
        "documents": max((pod.get("documents", 0) for pod in pods.values()), default=0),
        "chunks": max((pod.get("chunks", 0) for pod in pods.values()), default=0),
        "vectors": sum(pod.get("vectors", 0) for pod in pods.values()),
        "bytes": sum(pod.get("bytes", 0) for pod in pods.values()),
        "last_write": max((shard.get("last_write", 0) for shard in shards), default=0),
        "pods": dict(pods),
    }
