"""From text to terms: word boundaries, case and accents, stop words and stems. Index and query use the same."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Collection, Iterator
from functools import cache, lru_cache
from typing import Final

import snowballstemmer

from peavine.errors import ManifestError, Problem, did_you_mean
from peavine.executors.keywords.stop_words import STOP_WORDS

__all__ = ["GAP", "LANGUAGES", "Analysis"]

LANGUAGES: Final = ("none", *snowballstemmer.algorithms())
"""Languages whose words can be reduced to stems; `none` leaves them as they are."""
GAP: Final = ""
"""Stands in a list of terms where a stop word was, so that phrases keep their distances."""
LONGEST: Final = 255
"""Characters of a word that count; the rest of a longer one is ignored."""
_CACHED: Final = 1 << 17

_SINGLE = "\u3040-\u309f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"
"""Han and Hiragana: each character is a word, as Unicode says (UAX #29) where no dictionary is used."""
_NOT_DECOMPOSED = str.maketrans({
    "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "\u0131": "i", "æ": "ae", "œ": "oe", "þ": "th",
})  # fmt: skip
_ACCENTS = re.compile("[\u0300-\u036f]")
_ASCII_WORD = re.compile(r"\w+(?:['.]\w+|(?<=\d),\d+)*", re.ASCII)


class Analysis:
    """Turns texts of one language into terms. Threads may share it."""

    def __init__(self, language: str = "none", stop_words: Collection[str] | None = None) -> None:
        """Prepare for a language; `stop_words` replaces the language's own list."""
        if language not in LANGUAGES:
            hint = did_you_mean(language, LANGUAGES)
            raise ManifestError(
                [Problem("language", f'unknown language "{language}"; use one of {", ".join(LANGUAGES)}{hint}')]
            )
        self._stemmer = None if language == "none" else snowballstemmer.stemmer(language)
        self._stemming = threading.Lock()
        self._stop_words = frozenset(fold(word) for word in STOP_WORDS.get(language, ()))
        if stop_words is not None:
            self._stop_words = frozenset(fold(word) for word in stop_words)
        self.term = lru_cache(_CACHED)(self._term)
        """Return the term that a word of a text becomes, GAP for a stop word."""

    def terms(self, text: str) -> list[str]:
        """Return the terms of a text in their order."""
        term = self.term
        return [term(word) for word in words(text)]

    def spans(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Yield where each word of a text begins and ends, in characters, and its term."""
        for found in _word(text).finditer(text):
            yield found.start(), found.end(), self.term(found[0])

    def _term(self, word: str) -> str:
        word = word[:LONGEST]
        if self._stop_words and fold(word) in self._stop_words:
            return GAP
        if self._stemmer is None:
            return fold(word)
        whole = unicodedata.normalize("NFKC", word).lower().replace("\u2019", "'")
        with self._stemming:  # a stemmer keeps the word that it works on
            return fold(self._stemmer.stemWord(whole))


def words(text: str) -> list[str]:
    """Return the words of a text as they are written, by the word boundaries of Unicode."""
    return _word(text).findall(text)


def fold(word: str) -> str:
    """Return a word without distinctions of case, accents and width."""
    if word.isascii():
        return word.lower()
    plain = unicodedata.normalize("NFKD", word).casefold().replace("\u2019", "'")
    return unicodedata.normalize("NFC", _ACCENTS.sub("", plain).translate(_NOT_DECOMPOSED))


def _word(text: str) -> re.Pattern[str]:
    return _ASCII_WORD if text.isascii() else _unicode_word()


@cache
def _unicode_word() -> re.Pattern[str]:
    """Return what a word looks like: Python's \\w has no marks, without which there are no words in Hindi."""
    marks = "".join(_ranges("M"))
    letter = rf"(?:[^\W{_SINGLE}]|[{marks}])"
    return re.compile(rf"[{_SINGLE}][{marks}]*|{letter}+(?:['\u2019.\u00b7]{letter}+|(?<=\d),\d+)*")


def _ranges(category: str) -> Iterator[str]:
    """Yield the ranges of characters of a category, as a regular expression has them in brackets."""
    first = None
    for code in range(0x300, 0x1F000):
        if unicodedata.category(chr(code))[0] == category:
            first = code if first is None else first
        elif first is not None:
            yield f"\\U{first:08x}-\\U{code - 1:08x}"
            first = None
