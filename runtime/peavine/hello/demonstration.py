"""Index images, search some, and measure: the whole of hello, without a word to the terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from peavine.client import Client
from peavine.documents import Document
from peavine.errors import NotFound
from peavine.hello.images import Images
from peavine.hello.page import Picture, page
from peavine.hello.score import precision_at

FLOW = Path(__file__).with_name("flow.yaml")
"""The Flow that hello runs; examples/01-fashion has the same."""

TOP_K = 10
ROWS = 60
"""Queries that are drawn."""

INDEX_REQUEST, SEARCH_REQUEST = 250, 50
"""Documents in a request."""


@dataclass(frozen=True)
class Result:
    """What hello found out."""

    documents: int
    queries: int
    precision_at_1: float
    precision_at_10: float
    index_seconds: float
    search_seconds: float
    documents_per_second: float
    queries_per_second: float
    page: str
    """The file with the pictures."""


def demonstrate(client: Client, indexed: Images, queries: Images, workdir: Path, progress: bool | None) -> Result:
    """Index the images, search the queries, draw the page in `workdir`, and return the figures."""
    start = time.perf_counter()
    client.index(indexed.documents(), request_size=INDEX_REQUEST, progress=progress, total=len(indexed))
    index_seconds = time.perf_counter() - start
    start = time.perf_counter()
    found = client.search(
        queries.documents(), request_size=SEARCH_REQUEST, top_k=TOP_K, progress=progress, total=len(queries)
    )
    search_seconds = time.perf_counter() - start
    wanted = queries.labels.tolist()
    labels = [[int(match.tags["label"]) for match in query.matches] for query in found]
    figures = Result(
        documents=len(indexed),
        queries=len(queries),
        precision_at_1=precision_at(1, wanted, labels),
        precision_at_10=precision_at(10, wanted, labels),
        index_seconds=index_seconds,
        search_seconds=search_seconds,
        documents_per_second=len(indexed) / index_seconds,
        queries_per_second=len(queries) / search_seconds,
        page=str(workdir / "hello.html"),
    )
    workdir.mkdir(parents=True, exist_ok=True)
    rows = [(_query(queries, i), _matches(found[i], indexed)) for i in range(min(ROWS, len(found)))]
    Path(figures.page).write_text(page(dict(table(figures)), rows), encoding="utf-8")
    return figures


def table(result: Result) -> Sequence[tuple[str, str]]:
    """Return the figures as people read them."""
    return (
        ("documents", f"{result.documents:,}"),
        ("queries", f"{result.queries:,}"),
        ("precision at 1", f"{result.precision_at_1:.3f}"),
        ("precision at 10", f"{result.precision_at_10:.3f}"),
        ("indexed", f"{result.documents_per_second:,.0f} documents/s"),
        ("searched", f"{result.queries_per_second:,.0f} queries/s"),
    )


def _query(queries: Images, i: int) -> Picture:
    return Picture(queries.pixels[i], int(queries.labels[i]))


def _matches(query: Document, indexed: Images) -> list[Picture]:
    """Return a query's matches as pictures: an image's id tells where it stands."""
    pictures = []
    for match in query.matches:
        part, _, place = match.id.rpartition("-")
        if part != indexed.part or not place.isdecimal() or int(place) >= len(indexed):
            raise NotFound(f'the match "{match.id}" is none of the images: this Flow has other Documents, too')
        distance = match.score.value if match.score else None
        pictures.append(Picture(indexed.pixels[int(place)], int(match.tags["label"]), distance))
    return pictures
