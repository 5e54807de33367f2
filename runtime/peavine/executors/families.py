"""The families: what a user's Executor derives from, and the one method that each asks for.

The method's arguments are plain: text as a list of str, bytes as a list of bytes, tensors and embeddings as a numpy
array with a row for each Document. Which Documents of a request they come from, and where results go, is the Drivers'
business.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peavine.documents import row_name
from peavine.errors import InvalidRequest
from peavine.executors.executor import Executor
from peavine.executors.running import RunningStatistics

Vectors = NDArray[Any]
"""B x D: a row for each Document."""


def kind_for(method: Callable[..., Any], kind: str) -> dict[str, str]:
    """Return `{"kind": kind}` for a method that has a parameter of that name, as `encode` may; else nothing."""
    return {"kind": kind} if _asks_for_kind(getattr(method, "__func__", method)) else {}


@lru_cache(maxsize=256)
def _asks_for_kind(function: Callable[..., Any]) -> bool:
    try:
        return "kind" in inspect.signature(function).parameters
    except (TypeError, ValueError):  # of C
        return False


class Crafter(Executor, ABC):
    """Changes a Document: reads some of its fields and returns others."""

    @abstractmethod
    def craft(self, *args: Any, **fields: Any) -> Mapping[str, Any] | None:
        """Return the fields to set, by name. The names of the parameters say which fields of the Document it gets."""


class Segmenter(Executor, ABC):
    """Cuts a Document into chunks."""

    @abstractmethod
    def segment(self, *args: Any, **fields: Any) -> Iterable[Mapping[str, Any]]:
        """Return the fields of each chunk. The names of the parameters say which fields of the Document it gets."""


class Encoder(Executor, ABC):
    """Turns content into vectors."""

    @abstractmethod
    def encode(self, batch: Any) -> Vectors:
        """Return B x D numbers for the content of B Documents: B x ... numbers, a list of str, or a list of bytes.

        With a parameter `kind`, which has a default, it gets the kind of request as well: index, search, ... One that
        learns has `train(batch)`, which gets contents, or `train(batch, labels)`.
        """


class MultiModalEncoder(Executor, ABC):
    """Turns Documents whose chunks are of several modalities, such as a picture and its caption, into vectors."""

    positional_modality: Sequence[str] = ()
    """The modalities, in the order of the arguments of `encode`."""

    @abstractmethod
    def encode(self, *batches: Any) -> Vectors:
        """Return B x D numbers for B Documents; each argument holds the content of B chunks of one modality."""


class Indexer(Executor, ABC):
    """Keeps what it is given by id, durably when it has a workspace.

    `owners` names for each row the root Document that it belongs to: `add` replaces all rows of each owner given, and
    `update` does the same for owners that exist. `delete` removes all rows of the owners given.

    The ids of parts are unique among the parts of one root only. What names a row among all rows, in the answers and
    questions of `query` and `query_by_id`, is `peavine.documents.row_name(id, owner)`: of a root it is the id.

    `versions` says for each row, or for each owner that is deleted, when its write was issued. A write that is older
    than what is kept of its owner, or than its deletion, changes nothing. An Indexer of a user's own may do without
    `owners` and without `versions`: it is then given the names of rows as `ids`, and late writes count.
    """

    @abstractmethod
    def delete(self, ids: Sequence[str], versions: Sequence[int] = ()) -> None:
        """Remove; ids that are not there are no error."""

    @property
    @abstractmethod
    def size(self) -> int:
        """How many rows it keeps."""

    def statistics(self) -> Mapping[str, int]:
        """Return numbers by name: `documents`, `chunks`, `vectors` and `bytes`, which are added up, and others."""
        return {"rows": self.size}


class VectorIndexer(Indexer):
    """Keeps vectors and finds the nearest."""

    ascending: bool = True
    """Whether a smaller number from `query` is a better match."""

    @abstractmethod
    def add(self, ids: Sequence[str], vectors: Vectors, owners: Sequence[str], versions: Sequence[int] = ()) -> None:
        """Keep B vectors, B x D."""

    @abstractmethod
    def update(self, ids: Sequence[str], vectors: Vectors, owners: Sequence[str], versions: Sequence[int] = ()) -> None:
        """Replace the vectors of owners that exist."""

    @abstractmethod
    def query(self, vectors: Vectors, top_k: int) -> tuple[list[list[str]], list[NDArray[np.floating[Any]]]]:
        """Return for each of B vectors the names and the distances of the `top_k` nearest rows, best first.

        One that can filter also takes `where`, a `peavine.filters.Filter` of root Documents, and `report`, a dictionary
        in which it notes how it applied that.
        """

    def query_by_id(self, ids: Sequence[str]) -> list[Vectors | None]:
        """Return the vector of the row with each name, or None."""
        raise NotImplementedError(f"{type(self).__name__} cannot give vectors back")


class KVIndexer(Indexer):
    """Keeps bytes and gives them back by id."""

    @abstractmethod
    def add(
        self, ids: Sequence[str], values: Sequence[bytes], owners: Sequence[str], versions: Sequence[int] = ()
    ) -> None:
        """Keep B values."""

    @abstractmethod
    def update(
        self, ids: Sequence[str], values: Sequence[bytes], owners: Sequence[str], versions: Sequence[int] = ()
    ) -> None:
        """Replace the values of owners that exist."""

    @abstractmethod
    def query(self, ids: Sequence[str]) -> list[bytes | None]:
        """Return the value of the row with each name, or None."""

    def owned(self, owners: Sequence[str]) -> list[list[bytes]]:
        """Return the values of all rows of each owner, its own first; an empty list where it has no row of its own."""
        return [[] if value is None else [value] for value in self.query([row_name(owner, owner) for owner in owners])]

    def scroll(self, after: str) -> Iterator[tuple[str, list[bytes]]]:
        """Yield the owners behind the id `after`, in the order of ids, with what `owned` returns of each."""
        raise InvalidRequest(f"{self.name} cannot list what it keeps: its class has no method scroll()")

    def count(self) -> int:
        """Return how many owners have a row of their own."""
        raise InvalidRequest(f"{self.name} cannot count what it keeps: its class has no method count()")


class TextIndexer(Indexer):
    """Keeps texts and finds those that fit a query best."""

    ascending: bool = False
    """Whether a smaller number from `query` is a better match."""
    search_fields: Sequence[str] = ("text",)
    """The fields of Documents that it keeps; names are joined with `__`, as in `tags__title`."""

    @abstractmethod
    def add(
        self, ids: Sequence[str], texts: Sequence[Sequence[str]], owners: Sequence[str], versions: Sequence[int] = ()
    ) -> None:
        """Keep B rows, each with a text for each of `search_fields`; a field that a Document lacks is empty."""

    @abstractmethod
    def update(
        self, ids: Sequence[str], texts: Sequence[Sequence[str]], owners: Sequence[str], versions: Sequence[int] = ()
    ) -> None:
        """Replace the texts of owners that exist."""

    @abstractmethod
    def query(
        self, texts: Sequence[str], top_k: int, statistics: Sequence[Sequence[int]] | None = None
    ) -> tuple[list[list[str]], list[NDArray[np.floating[Any]]]]:
        """Return for each of B queries the names and the scores of the `top_k` best rows, best first.

        `statistics` are those of all shards, for scores that do not depend on how rows are sharded.
        """

    def frequencies(self, texts: Sequence[str]) -> Sequence[Sequence[int]]:
        """Return for each query numbers about the rows here, which are added up over all shards; none by default."""
        return [() for _ in texts]


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk of the query that matched a chunk of some Document."""

    parent: str
    """Id of the Document that the matching chunk is part of."""
    match: str
    """Id of the matching chunk."""
    query: str
    """Id of the query's chunk."""
    score: float
    ascending: bool
    """Whether a smaller score is better."""
    match_fields: Mapping[str, Any]
    """Fields of the matching chunk, those that the Ranker's `match_fields` names."""
    query_fields: Mapping[str, Any]
    """Fields of the query's chunk, those that the Ranker's `query_fields` names."""


class Ranker(Executor, ABC):
    """Gives matches their final scores."""

    query_fields: Sequence[str] = ()
    """Names of the fields of the query that it wants, such as `text` or `tags`."""
    match_fields: Sequence[str] = ()
    """Names of the fields of each match that it wants."""
    ascending: bool | None = None
    """Whether a smaller score is better; None when the scores have the direction of those it was given."""

    @abstractmethod
    def score(self, *args: Any) -> Any:
        """Return scores; of what, the two kinds of Rankers say."""


class Match2DocRanker(Ranker):
    """Scores the matches of a query anew."""

    @abstractmethod
    def score(self, query: Mapping[str, Any], matches: Sequence[Mapping[str, Any]]) -> Sequence[float]:
        """Return a score for each match. Beside the fields asked for, each has `id` and `score` (a number)."""


class Classifier(Executor, ABC):
    """Names what a Document is."""

    @abstractmethod
    def predict(self, batch: Any) -> Vectors:
        """Return for B Documents B labels (texts or numbers), or B x L scores of L labels.

        One that learns has `train(batch, labels)` as well, which gets a label for each of B Documents.
        """


class Evaluator(Executor, ABC):
    """Measures how near an answer comes to what it should have been."""

    ascending: bool = False
    """Whether a smaller value is better."""

    @property
    def label(self) -> str:
        """What its values are called, such as `PrecisionEvaluator@5`."""
        at = getattr(self, "eval_at", None)
        return type(self).__name__ if at is None else f"{type(self).__name__}@{at}"

    @property
    def statistics(self) -> RunningStatistics:
        """What it has measured so far, for Drivers that report a running average; it counts what is added to it."""
        return vars(self).setdefault("_statistics", RunningStatistics())  # type: ignore[no-any-return]

    @abstractmethod
    def evaluate(self, actual: Any, desired: Any) -> float:
        """Return the value of what came out, `actual`, against what should have, `desired`."""


class TextEvaluator(Evaluator):
    """Compares two strings."""


class EmbeddingEvaluator(Evaluator):
    """Compares two vectors of D numbers each."""


class RankingEvaluator(Evaluator):
    """Compares the ids of matches, best first, with those that should have matched."""
