"""From parts to wholes: what was found for the chunks of a query becomes the query's own matches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from peavine.documents import Document
from peavine.drivers.driver import Count, Driver, Task
from peavine.drivers.reduce import sort_matches
from peavine.errors import InvalidRequest
from peavine.wire.batches import columns_in

__all__ = ["WholeDocumentsDriver"]


class WholeDocumentsDriver(Driver):
    """Turn the matches of a query's chunks into matches of the query: the whole Documents that they belong to.

    Each has the score of its best part, and that part as its chunk. The chunks keep their matches in these Documents,
    so that a Ranker can score them in another way.
    """

    top_k: Count = 50
    """How many Documents a query gets at the most."""

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Do it for every root Document whose chunks have matches."""
        for task in tasks:
            columns = columns_in(task.batch)
            if columns is not None and columns.chunks is None:
                continue
            for query in task.batch.docs:
                if any(chunk.matches for chunk in query.chunks):
                    self._gather(query)

    def _gather(self, query: Document) -> None:
        best: dict[str, Document] = {}
        for match in (*query.matches, *(match for chunk in query.chunks for match in chunk.matches)):
            root = match.root_id or match.id
            if match.score is None:
                raise InvalidRequest(
                    f"Document {match.id!r}: is a match without a score; give it one, or send queries without matches"
                )
            if root not in best or match.score.rank < best[root].score.rank:
                best[root] = match
        query.matches = [_whole(root, part) for root, part in best.items()]
        sort_matches(query)
        del query.matches[self.top_k :]
        kept = {match.id for match in query.matches}
        for chunk in query.chunks:
            chunk.matches = [match for match in chunk.matches if (match.root_id or match.id) in kept]


def _whole(root: str, match: Document) -> Document:
    """Return the whole that a match is a part of, with the match as its chunk; a match that is not a part is copied."""
    if not match.root_id:
        return match.without()
    found = Document(id=root, score=replace(match.score))
    found.chunks.append(match.without())
    return found
