"""What is done to columns, to matches that were found above all, is what is done to the same Documents in rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from peavine.documents import Batch, Document
from peavine.drivers import Call, Runner
from peavine.wire import batch_from_bytes, encoded

RNG = np.random.default_rng(7)
COLOURS = ("red", "blue", "green")
STORED = [
    Document(
        id=f"d{n}",
        text=f"a {COLOURS[n % 3]} shoe",
        tags={"price": float(n), "colour": COLOURS[n % 3]} if n % 4 else {},
        weight=n / 2 if n % 5 else None,
        uri=f"shop/{n}" if n % 2 else "",
        embedding=RNG.normal(size=4),
    )
    for n in range(30)
]
QUERIES = [Document(id=f"q{n}", text=f"query {n}", embedding=RNG.normal(size=4)) for n in range(3)]


@pytest.fixture
def found(make: Callable[..., Runner]) -> dict[bool, bytes]:
    """Return the answer to a search, as rows and as columns."""
    runner = make("!CompoundIndexer {with: {metric: euclidean}}")
    index = Call([encoded(Batch(STORED), columns=True)])
    runner.run("index", [index])
    answers = {}
    for columns in (False, True):
        call = Call([encoded(Batch(QUERIES), columns)], {"top_k": 20})
        runner.run("search", [call])
        assert call.failure is None
        answers[columns] = call.body
    return answers


DRIVERS = {
    "a slice": "SliceQL: {traversal_paths: [m], start: 2, end: 7}",
    "an empty slice": "SliceQL: {traversal_paths: [m], start: 2, end: 2}",
    "a slice from the end": "SliceQL: {traversal_paths: [m], start: -3}",
    "the reverse": "ReverseQL: {traversal_paths: [m]}",
    "by score": "SortQL: {traversal_paths: [m], field: score, reverse: true}",
    "by price": "SortQL: {traversal_paths: [m], field: tags__price}",
    "by weight": "SortQL: {traversal_paths: [m], field: weight, reverse: true}",
    "by text": "SortQL: {traversal_paths: [m], field: text}",
    "a price": "FilterQL: {traversal_paths: [m], lookups: {tags__price__lt: 12}}",
    "no colour": "FilterQL: {traversal_paths: [m], lookups: {tags__colour: null}}",
    "a colour and a text": "FilterQL: {traversal_paths: [m], lookups: {tags__colour: red, text__contains: shoe}}",
    "all tags": "FilterQL: {traversal_paths: [m], lookups: {tags: {}}}",
    "a score": "FilterQL: {traversal_paths: [m], lookups: {score__value__lt: 1.5, score__ascending: true}}",
    "ids and places": "FilterQL: {traversal_paths: [m], lookups: {id__in: [d1, d2, d3], adjacency: 1, uri__neq: ''}}",
    "an embedding": "FilterQL: {traversal_paths: [m], lookups: {embedding__neq: null}}",
    "nothing": "FilterQL: {traversal_paths: [m], lookups: {text: nothing}}",
    "some fields": "SelectQL: {traversal_paths: [r, m], fields: [text, matches]}",
    "scores alone": "SelectQL: {traversal_paths: [m], fields: [score]}",
    "no tags": "ExcludeQL: {traversal_paths: [m], fields: [tags, uri, score]}",
    "no matches": "ExcludeQL: {traversal_paths: [r], fields: [matches, embedding]}",
}


@pytest.mark.parametrize("driver", DRIVERS.values(), ids=DRIVERS)
def test_a_driver_does_the_same_to_columns_and_rows(
    make: Callable[..., Runner], found: dict[bool, bytes], driver: str
) -> None:
    name, _, arguments = driver.partition(": ")
    runner = make(f"!Executor {{requests: {{on: {{search: [!{name} {arguments}]}}}}}}")
    answers = []
    for body in found.values():
        call = Call([body])
        runner.run("search", [call])
        assert call.failure is None, call.failure
        answers.append(batch_from_bytes(call.body).docs)
    assert answers[0] == answers[1]
    assert answers[0] != batch_from_bytes(found[False]).docs


def changed(change: Callable[[Document], Any]) -> list[Document]:
    docs = [
        Document(id=f"{n}", text=f"text {n}", tags={"n": n}, chunks=[Document(id="c", text="part")]) for n in range(9)
    ]
    for doc in docs:
        change(doc)
    return docs


CHANGES: dict[str, Callable[[Document], Any]] = {
    "nothing": lambda doc: None,
    "an embedding": lambda doc: setattr(doc, "embedding", np.ones(3, np.float32)),
    "another embedding": lambda doc: setattr(doc, "embedding", np.zeros(2)),
    "tags": lambda doc: doc.tags.update(more=1),
    "a text": lambda doc: setattr(doc, "text", "another"),
    "a buffer": lambda doc: setattr(doc, "buffer", b"bytes") if doc.id != "1" else None,
    "no content": lambda doc: setattr(doc, "content", None),
    "a weight for some": lambda doc: setattr(doc, "weight", 1.5) if doc.id in "123" else None,
    "a uri for all": lambda doc: setattr(doc, "uri", doc.id),
    "an embedding of a chunk": lambda doc: setattr(doc.chunks[0], "embedding", np.ones(2)),
    "a chunk more": lambda doc: doc.chunks.append(Document(id="d", text="more")),
    "a match": lambda doc: doc.matches.append(Document(id="m", text="found")),
    "another id": lambda doc: setattr(doc, "id", f"other {doc.id}"),
    "a location": lambda doc: setattr(doc, "location", (1, 2)),
}


@pytest.mark.parametrize("left", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("right", CHANGES.values(), ids=CHANGES)
def test_branches_join_to_the_same_in_columns_and_rows(
    make: Callable[..., Runner], left: Callable[[Document], Any], right: Callable[[Document], Any]
) -> None:
    runner = make("!Executor {}")
    answers = []
    for columns in (False, True):
        call = Call([encoded(Batch(changed(change)), columns) for change in (left, right)])
        runner.run("search", [call])
        assert call.failure is None, call.failure
        answers.append(batch_from_bytes(call.body).docs)
    assert answers[0] == answers[1]
