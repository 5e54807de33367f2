"""Pieces of a text that overlap."""

from __future__ import annotations

from collections.abc import Iterator

from peavine.errors import ManifestError, Problem
from peavine.executors.families import Segmenter
from peavine.executors.segmenters.bound import Chunk, bounded


class SlidingWindowSegmenter(Segmenter):
    """Cuts a text into windows of `window_size` characters, one every `step_size` characters.

    Each chunk has its `text` and its `location`: begin and end in the text of the Document. The last window ends where
    the text ends, and may be shorter.
    """

    def __init__(self, window_size: int = 300, step_size: int = 150) -> None:
        problems = []
        if window_size < 1:
            problems.append(Problem("window_size", f"is 1 or more (given: {window_size})"))
        if not 1 <= step_size <= max(window_size, 1):
            problems.append(Problem("step_size", f"is from 1 to window_size, or text is lost (given: {step_size})"))
        if problems:
            raise ManifestError(problems)
        self.window_size = window_size
        self.step_size = step_size

    def segment(self, text: str | None) -> list[Chunk]:
        """Return the windows of a text, in their order; of nothing, nothing."""
        return bounded(self._windows(text or ""), self.name)

    def _windows(self, text: str) -> Iterator[Chunk]:
        for begin in range(0, len(text), self.step_size):
            end = min(begin + self.window_size, len(text))
            yield {"text": text[begin:end], "location": [begin, end]}
            if end == len(text):
                break
