"""Encoders one after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from peavine.errors import ManifestError, Problem
from peavine.executors.compound import CompoundExecutor
from peavine.executors.families import Encoder, Vectors, kind_for


class PipelineEncoder(CompoundExecutor, Encoder):
    """Each of its components encodes what the one before it made."""

    def __init__(self, components: Sequence[Encoder] = ()) -> None:
        if not components:
            raise ManifestError([Problem("components", "is empty; list the encoders in their order")])
        problems = [
            Problem(f"components[{i}]", f"{type(component).__name__} is no Encoder")
            for i, component in enumerate(components)
            if not isinstance(component, Encoder)
        ]
        if problems:
            raise ManifestError(problems)
        super().__init__(components)
        self._stages = list(components)
        self.train_on = "all" if any(stage.train_on == "all" for stage in self._stages) else "batches"
        self._last = max((i for i, stage in enumerate(self._stages) if hasattr(stage, "train")), default=-1)

    def encode(self, batch: Any, kind: str = "index") -> Vectors:
        """Return what the last encoder makes."""
        for stage in self._stages:
            batch = stage.encode(batch, **kind_for(stage.encode, kind))
        return batch  # type: ignore[no-any-return]

    def train(self, batch: Any) -> None:
        """Train each encoder on what those before it, trained already, make of the batch."""
        for i, stage in enumerate(self._stages[: self._last + 1]):
            if hasattr(stage, "train"):
                stage.train(batch)
            if i < self._last:
                batch = stage.encode(batch, **kind_for(stage.encode, "train"))
