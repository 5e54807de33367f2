"""What a person types into a search box, as clauses: words, "phrases", prefixes (wor*) and similar words (word~1)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from rapidfuzz.distance import OSA

from peavine.errors import InvalidRequest
from peavine.executors.keywords.analysis import GAP, Analysis, fold, words

__all__ = ["Clause", "Phrase", "Prefix", "Similar", "Word", "parse"]

MAX_CLAUSES: Final = 1024
MAX_PATTERNS: Final = 16
"""Phrases, prefixes and similar words in one query: each may look at every word of the index."""
_PARTS = re.compile(r'"([^"]*)"|([^\s"]+)')
_SIMILAR = re.compile(r"(.*\w)~([0-2])?\W*", re.DOTALL)
_PREFIX = re.compile(r"(.*\w)\*\W*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Word:
    """One term."""

    term: str

    def fits(self, term: str) -> bool:
        """Return whether a term of a text is meant."""
        return term == self.term


@dataclass(frozen=True, slots=True)
class Phrase:
    """Terms one after the other; any word may stand where a stop word was."""

    terms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prefix:
    """All terms that begin so."""

    start: str

    def fits(self, term: str) -> bool:
        """Return whether a term of a text is meant."""
        return term.startswith(self.start)


@dataclass(frozen=True, slots=True)
class Similar:
    """All terms within so many edits of one: a character inserted, removed or replaced, or two neighbours swapped."""

    term: str
    edits: int

    def fits(self, term: str) -> bool:
        """Return whether a term of a text is meant."""
        return abs(len(term) - len(self.term)) <= self.edits and self.distance(term) <= self.edits

    def distance(self, term: str) -> int:
        """Return how many edits make a term of this one; `edits` + 1 for more than `edits`."""
        return OSA.distance(self.term, term, score_cutoff=self.edits)


Clause = Word | Phrase | Prefix | Similar


def parse(text: str, analysis: Analysis) -> Mapping[Clause, int]:
    """Return the clauses of a query, each with the number of times that it is there.

    Every text is a query: signs that mean nothing where they stand are ignored. Raises InvalidRequest for one with too
    many clauses.
    """
    found = Counter(clause for part in _PARTS.finditer(text) for clause in _clauses(part[1], part[2] or "", analysis))
    patterns = sum(not isinstance(clause, Word) for clause in found)
    if len(found) > MAX_CLAUSES or patterns > MAX_PATTERNS:
        raise InvalidRequest(
            f"the query has {len(found):,} different words, {patterns:,} of them phrases, prefixes (wor*) or similar "
            f"words (word~); the limits are {MAX_CLAUSES:,} and {MAX_PATTERNS}; search with fewer"
        )
    return found


def _clauses(phrase: str | None, part: str, analysis: Analysis) -> Iterator[Clause]:
    if phrase is not None:
        terms = analysis.terms(phrase)
        while terms and terms[0] == GAP:
            terms.pop(0)
        while terms and terms[-1] == GAP:
            terms.pop()
        if terms:
            yield Word(terms[0]) if len(terms) == 1 else Phrase(tuple(terms))
        return
    if pattern := _SIMILAR.fullmatch(part):
        *before, last = words(pattern[1]) or [""]
        term = analysis.term(last)
        edits = int(pattern[2]) if pattern[2] else 0 if len(term) < 3 else 1 if len(term) < 6 else 2
        clause: Clause = Similar(term, edits) if edits and term else Word(term)
    elif pattern := _PREFIX.fullmatch(part):
        *before, last = words(pattern[1]) or [""]
        clause = Prefix(fold(last))
    else:
        yield from (Word(term) for term in analysis.terms(part) if term != GAP)
        return
    yield from (Word(term) for term in map(analysis.term, before) if term != GAP)
    if clause not in (Word(GAP), Prefix("")):
        yield clause
