"""Keyword search: queries get the matches that fit their words best, and matches the places of these words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from peavine.documents import Score
from peavine.drivers.driver import Count, Executing, Paths, Task, Traversing
from peavine.drivers.lookup import known_field, text_of
from peavine.drivers.search import check_matches, match_of
from peavine.errors import InvalidRequest

__all__ = ["HighlightDriver", "KeywordSearchDriver"]

ASK: Literal["ask"] = "ask"


class KeywordSearchDriver(Traversing, Executing):
    """Find the Documents that fit the words of a text best; they become its matches, the best first."""

    method: str = "query"
    traversal_paths: Paths = ("r",)
    top_k: Count = 50
    """How many matches each Document gets at most."""
    field: Annotated[str, AfterValidator(known_field)] = "text"
    """The field of a Document that holds its query, such as `tags__words`."""
    statistics: Literal["ask"] | Annotated[dict[str, str], Field(max_length=16)] | None = None
    """Set by the head of a Pod with several shards: `ask` returns the statistics of this shard's texts in the report
    and no matches; the sums of all shards, by name of the Executor, are then what the scores are computed with."""

    fixed: ClassVar[frozenset[str]] = Executing.fixed | {"field"}

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Search for all requests of the batch together."""
        asked = [[doc for level in self.levels([task]) for doc in level.docs] for task in tasks]
        docs = [doc for each in asked for doc in each]
        if not docs:
            return
        texts = [text_of(doc, self.field) for doc in docs]
        if self.statistics == ASK:
            found = iter(self.call(executor, "frequencies", texts))
            for task, each in zip(tasks, asked, strict=True):
                task.report["statistics"] = {
                    **task.report.get("statistics", {}),
                    executor.name: _written([next(found) for _ in each]),
                }
            return
        check_matches(len(docs), self.top_k, executor)
        try:
            names, scores = self.call(executor, self.method, texts, self.top_k, **self._known(executor.name))
        except InvalidRequest as problem:
            raise InvalidRequest(f"Document {docs[0].id!r}: {problem}") from problem
        ascending = bool(executor.ascending)
        for doc, ids, values in zip(docs, names, scores, strict=True):
            doc.matches.extend(
                match_of(id, Score(float(value), executor.name, reference=doc.id, ascending=ascending))
                for id, value in zip(ids, values, strict=True)
            )

    def _known(self, name: str) -> dict[str, Any]:
        if not isinstance(self.statistics, Mapping) or name not in self.statistics:
            return {}
        return {"statistics": _read(self.statistics[name])}


class HighlightDriver(Traversing, Executing):
    """Tell each match which of its words the query was found by, in its tag `highlights`.

    The tag has the fields that the Executor searches, each with a list of [begin, end], counted in characters.
    """

    method: str = "highlight"
    traversal_paths: Paths = ("r",)
    field: Annotated[str, AfterValidator(known_field)] = "text"
    """The field of a Document that holds its query."""
    highlight: bool = False
    """Whether to do it."""

    fixed: ClassVar[frozenset[str]] = Executing.fixed | {"field"}

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Do it for the matches of all queries."""
        if not self.highlight:
            return
        for level in self.levels(tasks):
            for doc in level.docs:
                query = text_of(doc, self.field)
                for match in doc.matches:
                    texts = [text_of(match, name) for name in executor.search_fields]
                    found = self.call(executor, self.method, query, texts)
                    places = {
                        name: [list(span) for span in spans]
                        for name, spans in zip(executor.search_fields, found, strict=True)
                        if spans
                    }
                    match.tags = {**match.tags, "highlights": places}


def _written(statistics: Sequence[Sequence[int]]) -> str:
    return ";".join(
        " ".join(f"{number:g}" if number % 1 else str(int(number)) for number in each) for each in statistics
    )


def _read(text: str) -> list[list[int]]:
    try:
        return [[int(number) for number in each.split()] for each in text.split(";")]
    except ValueError:
        raise InvalidRequest("statistics: are not whole numbers; leave them out; the head sets them") from None
