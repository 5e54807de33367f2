"""Which words of a text a query was found by."""

from __future__ import annotations

from collections.abc import Iterable

from peavine.executors.keywords.analysis import GAP, Analysis
from peavine.executors.keywords.query import Clause, Phrase

__all__ = ["highlights"]

Span = tuple[int, int]


def highlights(text: str, clauses: Iterable[Clause], analysis: Analysis) -> list[Span]:
    """Return where the words begin and end that fit any clause, in characters, in their order."""
    spans = list(analysis.spans(text))
    terms = [term for _, _, term in spans]
    found: set[int] = set()
    for clause in clauses:
        if isinstance(clause, Phrase):
            found.update(_phrases(terms, clause.terms))
        else:
            fitting = {term for term in set(terms) if term != GAP and clause.fits(term)}
            found.update(place for place, term in enumerate(terms) if term in fitting)
    return [spans[place][:2] for place in sorted(found)]


def _phrases(terms: list[str], phrase: tuple[str, ...]) -> Iterable[int]:
    for begin in range(len(terms) - len(phrase) + 1):
        if all(wanted in (GAP, terms[begin + place]) for place, wanted in enumerate(phrase)):
            yield from range(begin, begin + len(phrase))
