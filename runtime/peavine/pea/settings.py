"""What a Pea is started with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from peavine.pea.watch import PATIENCE_SECONDS
from peavine.serving import AGE_SECONDS

__all__ = ["PeaSettings"]


@dataclass(frozen=True)
class PeaSettings:
    """One Pea, or with `plan` a Pod's head."""

    pod: Path
    """The Pod manifest, JSON or YAML."""
    listen: str
    """`HOST:PORT` or `unix:PATH`; port 0 takes a free one, which the log names."""
    shard: int = 0
    """Which part of the data is its own."""
    name: str = ""
    """Its name in routes and logs; POD-SHARD when empty."""
    data: Path | None = None
    """The folder that its Executor keeps data in; a temporary one when None."""
    plan: Path | None = None
    """A head's plan: where the shards are."""
    patience: float = PATIENCE_SECONDS
    """Seconds after its deadline that a call of the Executor may run, at the least, before the process exits."""
    sources: tuple[Path, ...] = ()
    """Folders that the manifest's files may have been read from; where they are unchanged, they are used there."""
    files: Path | None = None
    """Folder of more files for the Executor; those that the manifest carries take precedence."""
    max_age: float = AGE_SECONDS
    """Seconds after which a stream is drained and its peer connects again."""
    metrics_port: int | None = None
    """Port of the Prometheus metrics; none when None."""
