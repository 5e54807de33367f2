"""The Executor's own thread."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from peavine.spec import KINDS, Pod
from peavine.wire.stream import Stream
from peavine.wire.unit import Stamped


class Work:
    """Runs units through an Executor."""

    def __init__(self, pod: Pod, name: str, shard: int, data: Path | None) -> None:
        self.accepts: Mapping[str, frozenset[str]] = {kind: frozenset() for kind in KINDS}
        self.passes_all = pod.spec.uses == "_pass"

    async def load(self) -> None:
        """Load."""

    async def close(self) -> None:
        """Close."""

    def put(self, stream: Stream, unit: Stamped, start: float) -> None:
        """Take a unit."""
