"""Principal components, learned from a TrainRequest and kept in the workspace."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from peavine.errors import InvalidRequest, ManifestError, Problem, StoreDamaged
from peavine.executors.encoders.rows import rows
from peavine.executors.families import Encoder
from peavine.executors.saved import load_arrays, save_arrays

MAX_INPUTS = 8192
"""Numbers a Document, at the most: what is learned takes the square of them, 8 bytes each."""


@dataclass(frozen=True)
class Moments:
    """What is known of the training data: enough for its principal components, however much it was."""

    count: int
    mean: NDArray[np.float64]
    """D."""
    scatter: NDArray[np.float64]
    """D x D: the sum of (x - mean) (x - mean)^T."""

    def merged(self, batch: NDArray[np.float64]) -> Moments:
        """Return the moments with B x D more data (Chan, Golub and LeVeque, COMPSTAT 1982)."""
        other_mean = batch.mean(axis=0)
        centered = batch - other_mean
        difference = other_mean - self.mean
        count = self.count + len(batch)
        between = np.outer(difference, difference) * (self.count * len(batch) / count)
        return Moments(
            count, self.mean + difference * (len(batch) / count), self.scatter + centered.T @ centered + between
        )


class TransformEncoder(Encoder):
    """Projects tensors, flattened, on the directions in which the training data varies most.

    Principal component analysis (Pearson, Philosophical Magazine 2, 1901), by the eigenvectors of the covariance. It
    learns from TrainRequests, as many as are sent; what it learned is in the workspace, and the next process goes on
    from it. Before the first of them it refuses to encode. A direction in which the training data did not vary gives 0,
    so there should be many more Documents than components.
    """

    def __init__(self, output_dim: int = 64, method: Literal["pca"] = "pca", whiten: bool = False) -> None:
        """Set the number of components, and whether (`whiten`) each is scaled to variance 1."""
        if output_dim < 1:
            raise ManifestError([Problem("output_dim", f"is 1 or more (given: {output_dim})")])
        self.output_dim = output_dim
        self.method = method
        self.whiten = whiten
        self._moments: Moments | None = None
        self._learning = threading.Lock()
        self._projection: tuple[Moments, NDArray[np.float32], NDArray[np.float32]] | None = None

    def post_init(self) -> None:
        """Take up what was learned before."""
        if self.workspace is not None and self._file(self.workspace).exists():
            self._moments = _read(self._file(self.workspace))

    def train(self, batch: Any) -> None:
        """Learn from B x ... numbers."""
        if len(batch) == 0:
            return
        before = self._moments
        flat = rows(batch, self.name, None if before is None else len(before.mean)).astype(np.float64)
        inputs = flat.shape[1]
        if inputs < self.output_dim:
            raise InvalidRequest(f"{self.name}: output_dim is {self.output_dim}, and a Document has {inputs} numbers")
        if inputs > MAX_INPUTS:
            message = f"{self.name}: {inputs} numbers a Document are more than the {MAX_INPUTS} it can learn from"
            raise InvalidRequest(f"{message}; put a RandomProjection before it")
        if not np.isfinite(flat).all():
            raise InvalidRequest(f"{self.name}: the training data has numbers that are not finite")
        start = Moments(0, np.zeros(inputs), np.zeros((inputs, inputs))) if before is None else before
        self._moments = start.merged(flat)

    def encode(self, batch: Any) -> NDArray[np.float32]:
        """Return B x output_dim float32 for B x ... numbers."""
        moments = self._moments
        if moments is None:
            raise InvalidRequest(f"{self.name} is not trained yet; send a train request with typical Documents first")
        if len(batch) == 0:
            return np.empty((0, self.output_dim), np.float32)
        flat = rows(batch, self.name, len(moments.mean))
        mean, directions = self._directions(moments)
        encoded: NDArray[np.float32] = np.matmul(flat - mean, directions)
        return encoded

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write what a batch taught when it ends, or forget it when it ends with an error; one batch after another."""
        with self._learning:
            before = self._moments
            try:
                yield
                if self._moments is not before and self._moments is not None and self.workspace is not None:
                    _write(self._moments, self._file(self.workspace))
            except BaseException:
                self._moments = before
                raise

    def snapshot(self, folder: Path) -> None:
        """Write what was learned to a folder."""
        if self._moments is not None:
            folder.mkdir(parents=True, exist_ok=True)
            _write(self._moments, self._file(folder))

    def _directions(self, moments: Moments) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        if self._projection is None or self._projection[0] is not moments:
            variances, vectors = np.linalg.eigh(moments.scatter / moments.count)
            best = np.argsort(variances)[::-1][: self.output_dim]
            vectors, variances = vectors[:, best], variances[best]
            # An eigenvector's sign is arbitrary; this makes it the same on every machine.
            vectors *= np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(self.output_dim)])
            varies = variances > variances[0] * len(vectors) * np.finfo(np.float64).eps
            vectors[:, ~varies] = 0
            if self.whiten:
                vectors[:, varies] /= np.sqrt(variances[varies])
            self._projection = (moments, moments.mean.astype(np.float32), vectors.astype(np.float32))
        return self._projection[1:]

    def _file(self, folder: Path) -> Path:
        return folder / "pca.npz"


def _write(moments: Moments, path: Path) -> None:
    save_arrays(path, count=np.int64(moments.count), mean=moments.mean, scatter=moments.scatter)


def _read(path: Path) -> Moments:
    arrays = load_arrays(path, "count", "mean", "scatter")
    mean, scatter = arrays["mean"], arrays["scatter"]
    inputs = len(mean) if mean.ndim else 0
    if arrays["count"].shape or arrays["count"] < 1 or mean.shape != (inputs,) or scatter.shape != (inputs, inputs):
        raise StoreDamaged(f"{path} does not hold what training writes; remove it and train again, or restore it")
    return Moments(int(arrays["count"]), mean, scatter)
