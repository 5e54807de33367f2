"""An inverted index in memory: which rows have a term in a field, and how often. It can be made anew from the texts.

The terms of all rows stand one after the other, as numbers. Segments of them are inverted: a batch becomes a segment,
and two neighbours of about one size become one, so that adding costs little and a search looks at few segments. A row
that is removed leaves the statistics at once, and the memory when half of the rows are gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peavine.executors.keywords.analysis import GAP

__all__ = ["Found", "Postings"]

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Found:
    """The rows in which something was found, in ascending order, and how often."""

    rows: Numbers
    counts: NDArray[np.float64]


NOTHING = Found(np.empty(0, np.int64), np.empty(0))


@dataclass(frozen=True, slots=True)
class Segment:
    """The rows from `begin` to `end`, by term: those with `terms[i]` are `rows[starts[i]:starts[i + 1]]`."""

    begin: int
    end: int
    terms: NDArray[np.uint32]
    starts: Numbers
    rows: NDArray[np.uint32]
    counts: NDArray[np.uint32]


class Postings:
    """Rows by name; each has a list of terms in each of `fields` fields."""

    def __init__(self, fields: int) -> None:
        self.names: list[str] = []
        """Of all rows; those that were removed are not `alive`."""
        self.numbers: list[dict[str, int]] = [{GAP: 0} for _ in range(fields)]
        """The number of each term, by field. 0 is a gap, and what is between two fields and two rows."""
        self.sizes = [[0, 0] for _ in range(fields)]
        """For each field how many rows have terms in it, and how many terms these are."""
        self._next = 1
        self._at: dict[str, int] = {}
        self._terms = _Growing(np.uint32)
        self._starts = _Growing(np.int64)
        self._starts.extend(np.zeros(1, np.int64))
        self._lengths = [_Growing(np.uint32) for _ in range(fields)]
        self._alive = _Growing(np.bool_)
        self._segments: list[Segment] = []

    def __len__(self) -> int:
        return len(self._at)

    @property
    def capacity(self) -> int:
        """How many numbers of rows are in use."""
        return len(self.names)

    def lengths(self, field: int) -> NDArray[np.uint32]:
        """Return the number of terms that each row has in a field."""
        return self._lengths[field].values

    def apply(self, changes: Mapping[str, Sequence[Sequence[str]] | None]) -> None:
        """Set rows to the terms of their fields, and remove those that have None."""
        for name in changes:
            self._remove(name)
        self._add({name: terms for name, terms in changes.items() if terms is not None})
        if self.capacity > 2 * len(self) + 1000:
            self._compact()

    def find(self, field: int, weights: Mapping[str, float]) -> Found:
        """Return the rows that have any of these terms in a field; a term counts as often as its weight says."""
        numbers = self.numbers[field]
        known = {numbers[term]: weight for term, weight in weights.items() if term in numbers and term != GAP}
        if not known:
            return NOTHING
        terms = np.array(sorted(known), np.uint32)
        weight = np.array([known[number] for number in terms.tolist()])
        parts = [each for segment in self._segments if (each := _gather(segment, terms, weight)) is not None]
        if not parts:
            return NOTHING
        rows = np.concatenate([rows for rows, _ in parts])
        counts = np.concatenate([counts for _, counts in parts])
        if len(self) < self.capacity:
            kept = self._alive.values[rows]
            rows, counts = rows[kept], counts[kept]
        return Found(rows, counts)

    def find_phrase(self, field: int, phrase: Sequence[str]) -> Found:
        """Return the rows that have these terms one after the other in a field; a GAP stands for any word."""
        numbers = self.numbers[field]
        wanted = [(place, numbers.get(term)) for place, term in enumerate(phrase) if term != GAP]
        rows: Numbers | None = None
        for term in dict.fromkeys(term for term in phrase if term != GAP):
            found = self.find(field, {term: 1.0}).rows
            rows = found if rows is None else np.intersect1d(rows, found, assume_unique=True)
            if not len(rows):
                return NOTHING
        if rows is None:
            return NOTHING
        starts = self._starts.values
        sizes = starts[rows + 1] - starts[rows]
        terms = self._terms.values[_ranges(starts[rows], sizes)]
        owners = np.repeat(np.arange(len(rows)), sizes)
        last = max(0, len(terms) - len(phrase) + 1)
        fits = owners[:last] == owners[len(terms) - last :]
        for place, number in wanted:
            fits &= terms[place : place + last] == number
        counts = np.bincount(owners[:last][fits], minlength=len(rows))
        return Found(rows[counts > 0], counts[counts > 0].astype(float))

    def _remove(self, name: str) -> None:
        row = self._at.pop(name, None)
        if row is not None:
            self._alive.values[row] = False
            for field, lengths in enumerate(self._lengths):
                self._count(field, -1, lengths.values[row : row + 1])

    def _count(self, field: int, sign: int, lengths: NDArray[np.uint32]) -> None:
        self.sizes[field][0] += sign * int(np.count_nonzero(lengths))
        self.sizes[field][1] += sign * int(lengths.sum(dtype=np.int64))

    def _add(self, rows: Mapping[str, Sequence[Sequence[str]]]) -> None:
        if not rows:
            return
        begin = self.capacity
        numbered: list[int] = []
        ends = []
        for texts in rows.values():
            for known, terms in zip(self.numbers, texts, strict=True):
                try:
                    numbered += [known[term] for term in terms]
                except KeyError:
                    self._learn(known, terms)
                    numbered += [known[term] for term in terms]
                numbered.append(0)
            ends.append(len(numbered))
        self._starts.extend(np.array(ends, np.int64) + len(self._terms.values))
        self._terms.extend(np.array(numbered, np.uint32))
        for field, lengths in enumerate(self._lengths):
            sizes = [len(texts[field]) - texts[field].count(GAP) for texts in rows.values()]
            lengths.extend(np.array(sizes, np.uint32))
            self._count(field, 1, lengths.values[begin:])
        self._alive.extend(np.ones(len(rows), np.bool_))
        self._at.update(zip(rows, range(begin, begin + len(rows)), strict=True))
        self.names += rows
        while self._segments and self._segments[-1].end - self._segments[-1].begin <= 2 * (self.capacity - begin):
            begin = self._segments.pop().begin
        self._segments.append(self._inverted(begin, self.capacity))

    def _learn(self, known: dict[str, int], terms: Sequence[str]) -> None:
        for term in terms:
            if term not in known:
                known[term] = self._next
                self._next += 1

    def _inverted(self, begin: int, end: int) -> Segment:
        starts = self._starts.values[begin : end + 1]
        terms = self._terms.values[starts[0] : starts[-1]]
        rows = np.repeat(np.arange(begin, end, dtype=np.uint32), np.diff(starts))
        pairs = terms.astype(np.uint64) << np.uint64(32) | rows
        pairs = np.sort(pairs[terms > 0])
        first = np.flatnonzero(_changes(pairs))
        counts = np.diff(np.append(first, len(pairs))).astype(np.uint32)
        pairs = pairs[first]
        every = (pairs >> np.uint64(32)).astype(np.uint32)
        begins = np.flatnonzero(_changes(every))
        return Segment(
            begin,
            end,
            every[begins],
            np.append(begins, len(every)),
            pairs.astype(np.uint32),  # the lower half
            counts,
        )

    def _compact(self) -> None:
        """Forget the rows that were removed, and the terms that only they had."""
        alive = self._alive.values
        starts = self._starts.values
        kept = np.flatnonzero(alive)
        sizes = np.diff(starts)[kept]
        terms = self._terms.values[_ranges(starts[kept], sizes)]
        used, numbered = np.unique(np.append(terms, np.uint32(0)), return_inverse=True)
        fresh = Postings(len(self.numbers))
        places = {old: new for new, old in enumerate(used.tolist())}
        fresh.numbers = [{term: places[old] for term, old in known.items() if old in places} for known in self.numbers]
        fresh.sizes = self.sizes
        fresh._next = len(used)
        fresh.names = [self.names[row] for row in kept.tolist()]
        fresh._at = {name: row for row, name in enumerate(fresh.names)}
        fresh._terms.extend(numbered[:-1].astype(np.uint32))
        fresh._starts.extend(np.cumsum(sizes))
        fresh._alive.extend(np.ones(len(kept), np.bool_))
        for new, lengths in zip(fresh._lengths, self._lengths, strict=True):
            new.extend(lengths.values[kept])
        if len(kept):
            fresh._segments.append(fresh._inverted(0, len(kept)))
        vars(self).update(vars(fresh))

    def matching(self, field: int, fits: Callable[[str], bool]) -> Iterator[str]:
        """Yield the terms of a field that fit."""
        return (term for term in self.numbers[field] if term != GAP and fits(term))


class _Growing:
    """An array with room at its end."""

    def __init__(self, kind: Any) -> None:
        self._room = np.empty(1024, kind)
        self._used = 0

    @property
    def values(self) -> NDArray[Any]:
        return self._room[: self._used]

    def extend(self, values: NDArray[Any]) -> None:
        needed = self._used + len(values)
        if needed > len(self._room):
            room = np.empty(max(needed, len(self._room) * 3 // 2), self._room.dtype)
            room[: self._used] = self.values
            self._room = room
        self._room[self._used : needed] = values
        self._used = needed


def _changes(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where a sorted array has another value than before."""
    changed = np.ones(len(values), np.bool_)
    changed[1:] = values[1:] != values[:-1]
    return changed


def _ranges(starts: Numbers, sizes: Numbers) -> Numbers:
    """Return the numbers of all ranges, one range after the other."""
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if len(ends) else 0
    found: Numbers = np.arange(total) + np.repeat(starts - (ends - sizes), sizes)
    return found


def _gather(
    segment: Segment, terms: NDArray[np.uint32], weights: NDArray[np.float64]
) -> tuple[Numbers, NDArray[np.float64]] | None:
    """Return the rows of a segment that have any of the terms, ascending, and how often with weights."""
    places = np.searchsorted(segment.terms, terms)
    there = places < len(segment.terms)
    there[there] = segment.terms[places[there]] == terms[there]
    if not there.any():
        return None
    places, weights = places[there], weights[there]
    starts, sizes = segment.starts[places], segment.starts[places + 1] - segment.starts[places]
    at: Any = slice(starts[0], starts[0] + sizes[0]) if len(starts) == 1 else _ranges(starts, sizes)
    rows = segment.rows[at].astype(np.int64)
    counts = segment.counts[at] * np.repeat(weights, sizes)
    if len(starts) == 1:
        return rows, counts
    unique, which = np.unique(rows, return_inverse=True)
    return unique, np.bincount(which, counts).astype(np.float64, copy=False)
