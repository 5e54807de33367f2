"""Bags of words as vectors, without a model."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from peavine.errors import InvalidRequest, ManifestError, Problem
from peavine.executors.families import Encoder

LONGEST_REMEMBERED = 64
"""Characters; with the size of the cache it bounds the memory for hashes of words seen before."""

_WORD = re.compile(r"\w+")


class HashingTextEncoder(Encoder):
    """Counts the words of a text in `output_dim` places, and scales the result to length 1.

    A word's place and sign come from its hash (Weinberger et al., ICML 2009), so there is no vocabulary, and equal
    texts have equal vectors everywhere. It knows no meaning: only equal words are alike.
    """

    def __init__(self, output_dim: int = 256) -> None:
        if output_dim < 1:
            raise ManifestError([Problem("output_dim", f"is 1 or more (given: {output_dim})")])
        self.output_dim = output_dim

    def encode(self, batch: Sequence[str]) -> NDArray[np.float32]:
        """Return B x output_dim float32 for B texts."""
        vectors = np.zeros((len(batch), self.output_dim), np.float32)
        for row, text in zip(vectors, batch, strict=True):
            if not isinstance(text, str):
                raise InvalidRequest(f"{self.name} encodes text, not {type(text).__name__}")
            for word in _WORD.findall(text.lower()):
                number = _remembered(word) if len(word) <= LONGEST_REMEMBERED else _hash(word)
                row[(number >> 1) % self.output_dim] += 1 if number & 1 else -1
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        np.divide(vectors, lengths, out=vectors, where=lengths > 0)
        return vectors


def _hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")


_remembered = lru_cache(maxsize=65536)(_hash)
