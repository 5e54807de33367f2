"""Fewer numbers that keep distances: projection on random orthogonal directions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from peavine.errors import InvalidRequest, ManifestError, Problem
from peavine.executors.encoders.rows import rows
from peavine.executors.families import Encoder

MAX_PRODUCT = 2**25
"""Numbers before times numbers after: 128 MiB, and some times that while the directions are chosen."""


class RandomProjection(Encoder):
    """Projects tensors of any shape, flattened, on `output_dim` orthogonal directions chosen by a seed.

    Lengths and angles are kept on average (Johnson and Lindenstrauss, Contemporary Mathematics 26, 1984). Equal seeds
    give equal projections, on every machine and in every replica.
    """

    def __init__(self, output_dim: int = 64, seed: int = 42, input_dim: int | None = None) -> None:
        """Set the numbers a Document has after (`output_dim`) and before (`input_dim`).

        When that is left out, the first Documents that are indexed, updated or trained with fix it, for this process.
        """
        problems = []
        if input_dim is not None and input_dim < 1:
            problems.append(Problem("input_dim", f"is 1 or more (given: {input_dim})"))
        if output_dim < 1:
            problems.append(Problem("output_dim", f"is 1 or more (given: {output_dim})"))
        if not 0 <= seed < 2**32:
            problems.append(Problem("seed", f"is from 0 to 2^32 - 1 (given: {seed})"))
        if problems:
            raise ManifestError(problems)
        self.output_dim = output_dim
        self.seed = seed
        self.input_dim = input_dim
        self._directions: NDArray[np.float32] | None = None
        self._tried: NDArray[np.float32] | None = None
        """The last directions that a search used before any were fixed."""

    def encode(self, batch: Any, kind: str = "index") -> NDArray[np.float32]:
        """Return B x output_dim float32 for B x ... numbers.

        A search fixes no dimension: it may come from a stranger.
        """
        if len(batch) == 0:
            return np.empty((0, self.output_dim), np.float32)
        directions = self._directions
        flat = rows(batch, self.name, self.input_dim if directions is None else len(directions))
        if directions is None:
            if flat.shape[1] * self.output_dim > MAX_PRODUCT:
                message = (
                    f"{self.name}: {flat.shape[1]} numbers a Document are too many for output_dim {self.output_dim}"
                )
                raise InvalidRequest(f"{message}; their product is at most {MAX_PRODUCT:,}")
            directions = self._tried
            if directions is None or len(directions) != flat.shape[1]:
                self._tried = directions = orthogonal(flat.shape[1], self.output_dim, self.seed)
            if kind != "search":
                self._directions, self._tried = directions, None
        return flat @ directions


def orthogonal(inputs: int, outputs: int, seed: int) -> NDArray[np.float32]:
    """Return an inputs x outputs matrix with orthonormal columns, or rows where there are more outputs than inputs.

    Uniformly distributed among those: the QR decomposition of normal numbers, with the signs that make it unique
    (Mezzadri, Notices of the AMS 54, 2007).
    """
    # RandomState and not Generator: numpy promises that only its numbers stay the same in later versions, and an index
    # outlives them.
    normal = np.random.RandomState(seed).standard_normal((max(inputs, outputs), min(inputs, outputs)))
    q, r = np.linalg.qr(normal)
    q *= np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return np.ascontiguousarray(q if inputs >= outputs else q.T, dtype=np.float32)
