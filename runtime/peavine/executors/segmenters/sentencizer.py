"""Sentences of a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from peavine.errors import ManifestError, Problem
from peavine.executors.families import Segmenter
from peavine.executors.segmenters.bound import Chunk, bounded

# Where a letter may follow the mark at once, as in Chinese or Thai, it ends a sentence anywhere; else (".", "!", "?")
# a space must follow, so that 3.14 and example.org stay whole. From Unicode's property Sentence_Terminal.
SPACED = ".!?\u2026\u061f\u06d4\u055c\u055e\u0589\u203c\u203d\u2047\u2048\u2049"
UNSPACED = "\u3002\uff01\uff1f\uff0e\uff61\u0964\u0965\u104a\u104b\u1362\u1367\u1368\u17d4\u17d5"
_CLOSING = "\"')\\]}\u00bb\u2019\u201d\u300d\u300f\uff09"


class Sentencizer(Segmenter):
    """Cuts a text after each mark that ends a sentence, and at empty lines.

    Each chunk has its `text`, stripped, and its `location`: begin and end in the text of the Document, in characters.
    """

    def __init__(
        self,
        min_sent_len: int = 1,
        max_sent_len: int = 512,
        punct_chars: list[str] | None = None,
        uniform_weight: bool = True,
    ) -> None:
        """Set the bounds of a sentence, in characters, and the marks that end one (by default those of Unicode).

        Shorter sentences are left out; longer ones are cut between words. With `uniform_weight` off, a chunk weighs as
        much as its share of the text.
        """
        problems = []
        if min_sent_len < 1:
            problems.append(Problem("min_sent_len", f"is 1 or more (given: {min_sent_len})"))
        if max_sent_len < min_sent_len:
            problems.append(Problem("max_sent_len", f"{max_sent_len} is less than min_sent_len, {min_sent_len}"))
        if any(len(mark) != 1 for mark in punct_chars or ()):
            problems.append(Problem("punct_chars", "is a list of single characters"))
        if problems:
            raise ManifestError(problems)
        self.min_sent_len = min_sent_len
        self.max_sent_len = max_sent_len
        self.uniform_weight = uniform_weight
        spaced, unspaced = (SPACED, UNSPACED) if punct_chars is None else ("", "".join(punct_chars))
        # Each run of marks is looked at once, from its beginning: time grows with the text, whatever stands in it.
        ends = [
            rf"(?<![{marks}])[{marks}]++[{_CLOSING}]*+{after}"
            for marks, after in ((re.escape(spaced), r"(?=\s|$)"), (re.escape(unspaced), ""))
            if marks
        ]
        self._end = re.compile("|".join([*ends, r"\n\s*\n"]))

    def segment(self, text: str | None) -> list[Chunk]:
        """Return the sentences of a text, in their order; of nothing, nothing."""
        return bounded(self._chunks(text or ""), self.name)

    def _chunks(self, text: str) -> Iterator[Chunk]:
        for begin, end in self._sentences(text):
            chunk: Chunk = {"text": text[begin:end], "location": [begin, end]}
            yield chunk if self.uniform_weight else {**chunk, "weight": (end - begin) / len(text)}

    def _sentences(self, text: str) -> Iterator[tuple[int, int]]:
        begin = 0
        for end in chain((found.end() for found in self._end.finditer(text)), [len(text)]):
            for piece in self._pieces(text, begin, end):
                if piece[1] - piece[0] >= self.min_sent_len:
                    yield piece
            begin = end

    def _pieces(self, text: str, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield a sentence without the white space around it, in pieces of at most `max_sent_len`."""
        while True:
            while begin < end and text[begin].isspace():
                begin += 1
            while end > begin and text[end - 1].isspace():
                end -= 1
            if end - begin <= self.max_sent_len:
                if end > begin:
                    yield begin, end
                return
            limit = begin + self.max_sent_len
            cut = limit
            while cut > begin and not text[cut].isspace():
                cut -= 1
            cut = cut if cut > begin else limit  # one word that is longer than a sentence may be
            yield begin, begin + len(text[begin:cut].rstrip())
            begin = cut
