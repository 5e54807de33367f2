"""KeywordIndexer: keyword search with BM25 over texts in a store.

The store keeps the texts as they came, so another language, or a later peavine with better rules for words, needs no
new indexing. What is searched is made of them in memory: at the start, and with every commit.
"""

from __future__ import annotations

import logging
import struct
import threading
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peavine.errors import InvalidRequest, ManifestError, Problem
from peavine.executors.families import TextIndexer
from peavine.executors.indexers.binary_pb_indexer import BinaryPbIndexer
from peavine.executors.indexers.compound_indexer import CompoundIndexer
from peavine.executors.indexers.stored import StoredIndexer
from peavine.executors.keywords.analysis import Analysis
from peavine.executors.keywords.bm25 import BM25, Statistics
from peavine.executors.keywords.highlights import highlights
from peavine.executors.keywords.postings import Postings
from peavine.executors.keywords.query import parse
from peavine.store import Row, Table

log = logging.getLogger(__name__)
_SIZE = struct.Struct("<I")
_AT_ONCE = 20_000


class KeywordIndexer(StoredIndexer, TextIndexer):
    """Finds texts by their words, ranked by BM25. What is acknowledged is found at once.

    `search_fields` are the fields of Documents that are searched, each with its boost: `{tags__title: 2, text: 1}`.
    `language` chooses the stemmer and the stop words: with `none` every word counts, as it is written but for case and
    accents.
    `stop_words` replaces the language's list. `k1` bounds what repeating a word counts, and `b`, from 0 to 1, is how
    much a long text is discounted.
    """

    KEEPS = "words"

    def __init__(
        self,
        search_fields: Mapping[str, float] | None = None,
        language: str = "none",
        stop_words: Sequence[str] | None = None,
        k1: float = 1.2,
        b: float = 0.75,
    ) -> None:
        self.boosts = dict(search_fields or {"text": 1.0})
        self.search_fields = tuple(self.boosts)
        problems = [
            Problem(f"search_fields.{name}", f"the boost is {boost!r}; give a number above 0")
            for name, boost in self.boosts.items()
            if isinstance(boost, bool) or not isinstance(boost, int | float) or not 0 < boost < float("inf")
        ]
        if not 0 <= k1 < float("inf"):
            problems.append(Problem("k1", f"is {k1}; give 0 or more"))
        if not 0 <= b <= 1:
            problems.append(Problem("b", f"is {b}; give 0 to 1"))
        if problems:
            raise ManifestError(problems)
        self.language, self.stop_words, self.k1, self.b = language, stop_words, k1, b
        self._analysis = Analysis(language, stop_words)
        self._bm25 = BM25(k1, b, list(self.boosts.values()))

    def post_init(self) -> None:
        """Open the store and read the texts into memory."""
        super().post_init()
        self._using = threading.RLock()
        self._postings, self._stale, self._state = Postings(len(self.search_fields)), True, b""
        self._table = Table(self.store, self.table_name, self._follow)
        with self._using:
            self._refresh()

    @property
    def size(self) -> int:
        """How many rows are committed."""
        return len(self._table)

    def add(
        self, ids: Sequence[str], texts: Sequence[Sequence[str]], owners: Sequence[str], versions: Sequence[int] = ()
    ) -> None:
        """Keep B rows, each with a text for each of `search_fields`; they replace all that their owners had."""
        self.refuse_if_read_only()
        self._table.add(ids, [_packed(self.search_fields, row) for row in texts], owners, versions)

    def update(
        self, ids: Sequence[str], texts: Sequence[Sequence[str]], owners: Sequence[str], versions: Sequence[int] = ()
    ) -> None:
        """Do as `add` for owners that exist."""
        self.refuse_if_read_only()
        self._table.update(ids, [_packed(self.search_fields, row) for row in texts], owners, versions)

    def delete(self, ids: Sequence[str], versions: Sequence[int] = ()) -> None:
        """Remove the rows of these owners; ids that are not there are no error."""
        self.refuse_if_read_only()
        self._table.delete(ids, versions)

    def query(
        self, texts: Sequence[str], top_k: int, statistics: Sequence[Statistics] | None = None
    ) -> tuple[list[list[str]], list[NDArray[np.floating[Any]]]]:
        """Return for each of B queries the names and scores of the `top_k` best rows; equals by name.

        It finds what is committed, not what the open transaction has written.
        """
        if top_k < 1:
            raise InvalidRequest(f"{self.name}: top_k is {top_k}; ask for 1 or more")
        if statistics is not None and len(statistics) != len(texts):
            raise InvalidRequest(
                f"{self.name}: {len(statistics)} statistics for {len(texts)} queries; give one for each"
            )
        found, scores = [], []
        with self._using:
            self._refresh()
            for place, text in enumerate(texts):
                known = None if statistics is None else statistics[place]
                names, values = self._bm25.best(self._postings, parse(text, self._analysis), top_k, known)
                found.append(names)
                scores.append(values)
        return found, list(scores)

    def frequencies(self, texts: Sequence[str]) -> list[Statistics]:
        """Return what the rows here add to the statistics of each query; those of several shards are added up."""
        with self._using:
            self._refresh()
            return [self._bm25.statistics(self._postings, parse(text, self._analysis)) for text in texts]

    def highlight(self, query: str, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        """Return for each text where the words stand that a query finds it by: begin and end, in characters."""
        clauses = parse(query, self._analysis)
        return [highlights(text, clauses, self._analysis) for text in texts]

    def _refresh(self) -> None:
        """Read the texts again if what is searched is not what the store holds."""
        if not self._stale and not (self.read_only and self.store.state != self._state):
            return
        self._state = self.store.state
        self._postings = Postings(len(self.search_fields))
        rows = iter(self._table)
        while block := list(islice(rows, _AT_ONCE)):
            self._postings.apply({row.name: self._terms(row.value) for row in block})
        self._stale = False

    def _follow(self, changes: Mapping[str, Row | None]) -> None:
        terms = {name: None if row is None else self._terms(row.value) for name, row in changes.items()}
        with self._using:
            try:
                self._postings.apply(terms)
            except Exception:  # the commit stands: what is searched is made anew from the store
                log.exception("%s: cannot follow a commit, so the texts are read again", self.name)
                self._stale = True

    def _terms(self, value: bytes) -> list[list[str]]:
        texts = _unpacked(value)
        return [self._analysis.terms(texts.get(name, "")) for name in self.search_fields]


class DocumentKeywordIndexer(CompoundIndexer):
    """What `_words` is: a KeywordIndexer and whole Documents in one store. Its arguments are the KeywordIndexer's."""

    def __init__(
        self,
        search_fields: Mapping[str, float] | None = None,
        language: str = "none",
        stop_words: Collection[str] | None = None,
        k1: float = 1.2,
        b: float = 0.75,
    ) -> None:
        words = KeywordIndexer(search_fields, language, None if stop_words is None else list(stop_words), k1, b)
        super().__init__([words, BinaryPbIndexer()])


def _packed(names: Sequence[str], texts: Sequence[str]) -> bytes:
    """Write texts with their fields' names, so that `search_fields` may change: sizes (4 bytes) stand before both."""
    parts = [each.encode() for pair in zip(names, texts, strict=True) if pair[1] for each in pair]
    return b"".join(part for each in parts for part in (_SIZE.pack(len(each)), each))


def _unpacked(value: bytes) -> dict[str, str]:
    parts, at = [], 0
    while at < len(value):
        end = at + _SIZE.size + _SIZE.unpack_from(value, at)[0]
        parts.append(value[at + _SIZE.size : end].decode())
        at = end
    return dict(zip(parts[::2], parts[1::2], strict=True))
