"""Bags of words as vectors, without a model."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from peavine.errors import InvalidRequest, ManifestError, Problem
from peavine.executors.families import Encoder

PART = 2**20
"""Characters of a long text that are looked at together."""

_WORD = re.compile(r"\w+")
_GAP = re.compile(r"\W")


class HashingTextEncoder(Encoder):
    """Counts the words of a text in `output_dim` places, and scales the result to length 1.

    A word's place and sign come from its hash (Weinberger et al., ICML 2009), so there is no vocabulary, and equal
    texts have equal vectors everywhere. Case does not count, nor how Unicode composes a letter (NFC). It knows no
    meaning: only equal words are alike.
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
            row += self._sums(unicodedata.normalize("NFC", text.lower()))
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        np.divide(vectors, lengths, out=vectors, where=lengths > 0)
        return vectors

    def _sums(self, text: str) -> list[int]:
        """Return the counts of words, part by part: a list of all words of a long text would take much memory."""
        sums, start, places = [0] * self.output_dim, 0, self.output_dim
        while start < len(text):
            gap = _GAP.search(text, start + PART)
            stop = gap.start() if gap else len(text)
            for word, count in Counter(_WORD.findall(text, start, stop)).items():
                # The product mixes the bits: checksums of similar words are similar (Knuth, TAOCP 3, 6.4).
                number = crc32(word.encode()) * 0x9E3779B97F4A7C15
                sums[(number >> 32 & 0xFFFFFFFF) % places] += count if number & 0x80000000 else -count
            start = stop
        return sums
