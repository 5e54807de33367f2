"""What an Indexer keeps can be looked at: by id, counted, page by page, and described, whatever the shards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peavine.documents import Document
from peavine.drivers import Call, Runner
from peavine.errors import InvalidRequest
from peavine.executors import load
from peavine.executors.indexers import BinaryPbIndexer, CompoundIndexer
from peavine.pea.stores import totals
from peavine.store import Shard
from peavine.v1 import pea_pb2
from peavine.wire import batch_from_bytes, batch_to_bytes
from peavine.wire.merge import merge
from peavine.wire.report import report_of, set_report
from peavine.wire.split import owner

IDS = st.sampled_from([*"abcdefgh", "ä", "\0a", "\U0001f600", "\uffff", "x" * 256])


class Shards:
    """Indexers that share Documents by their owners, asked and merged as a head does."""

    def __init__(self, runners: Sequence[Runner]) -> None:
        self.runners = runners

    def write(self, kind: str, docs: Sequence[Document], **parameters: Any) -> None:
        for number, runner in enumerate(self.runners):
            own = [doc for doc in docs if owner(doc.id, len(self.runners)) == number]
            if own:
                self._run(runner, kind, own, parameters)

    def read(self, *docs: Document, **parameters: Any) -> tuple[list[Document], dict[str, Any]]:
        """Return the Documents and the report of all shards."""
        units = []
        for runner in self.runners:
            call = self._run(runner, "read", docs, parameters)
            item = pea_pb2.Envelope(header=pea_pb2.Header(top_k=call.top_k), bodies=[call.body])
            set_report(item.header, call.report)
            units.append(pea_pb2.Unit(kind=pea_pb2.READ, items=[item]))
        merged, failed = merge(units, len(units), False)
        assert failed == 0, merged.items[0].header.status.message
        return batch_from_bytes(merged.items[0].bodies[0]).docs, report_of(merged.items[0].header)

    def pages(self, **parameters: Any) -> Iterator[list[Document]]:
        """Yield the pages of a scroll."""
        cursor = ""
        while True:
            docs, report = self.read(operation="scroll", cursor=cursor, **parameters)
            yield docs
            cursor = report["cursor"]
            if not cursor:
                return

    def _run(self, runner: Runner, kind: str, docs: Sequence[Document], parameters: dict[str, Any]) -> Call:
        call = Call([batch_to_bytes(docs)], parameters)
        runner.run(kind, [call])
        if call.failure is not None:
            raise call.failure
        return call


@contextmanager
def indexing(shards: int = 1, executor: str = "!CompoundIndexer {}") -> Iterator[Shards]:
    """Yield Indexers of so many shards."""
    with ExitStack() as stack:
        runners = []
        for number in range(shards):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            made = load(executor, workspace=folder, shard=Shard("flow", "index", number, shards))
            stack.callback(made.close)
            runners.append(Runner(made))
        yield Shards(runners)


def document(id: str, number: float = 0.0, parts: int = 0, **fields: Any) -> Document:
    """Return a Document with an embedding and parts that have their own."""
    doc = Document(id=id, embedding=np.array([number, 1.0], np.float32), **fields)
    doc.chunks.extend(
        Document(id=f"part{n}", text=f"{id}/{n}", embedding=np.array([n, 2.0], np.float32)) for n in range(parts)
    )
    return doc


def plain(docs: Sequence[Document]) -> list[dict[str, Any]]:
    return [doc.to_dict(arrays="base64") for doc in docs]


def test_a_document_comes_back_as_it_was_indexed() -> None:
    tensor = np.arange(6, dtype=">i2").reshape(2, 3)
    doc = document("d", 0.5, 3, tensor=tensor, tags={"price": 5, "sizes": [1, "xl", None], "more": {"a": True}})
    doc.mime_type, doc.weight, doc.location, doc.uri = "image/x", 0.25, (1, 2), "file:x"
    with indexing() as index:
        index.write("index", [doc])
        ((found,), report) = index.read(Document(id="d"), operation="get", embeddings=True)
        assert report == {"found": 1}
        (stored,) = batch_from_bytes(batch_to_bytes([doc])).docs
        assert plain([found]) == plain([stored])


def test_embeddings_come_only_where_they_are_asked_for() -> None:
    with indexing() as index:
        index.write("index", [document("d", parts=1)])
        ((found,), _) = index.read(Document(id="d"))
        assert found.embedding is None
        assert [chunk.embedding for chunk in found.chunks] == [None]


def test_parts_below_parts_come_back_at_their_places() -> None:
    drivers = "[!KVIndexDriver {traversal_paths: [r, c, cc]}]"
    executor = f"!BinaryPbIndexer\nrequests: {{on: {{index: {drivers}}}}}\n"
    doc = Document(id="book")
    doc.chunks.extend(Document(id=f"chapter{n}") for n in range(2))
    for n, chapter in enumerate(doc.chunks):
        chapter.chunks.extend(Document(id=f"paragraph{n}{m}", text=f"{n}.{m}") for m in range(3))
    with indexing(executor=executor) as index:
        index.write("index", [doc])
        (found, _) = index.read(Document(id="book"))
        assert plain(found) == plain([doc])


def test_ids_that_are_not_there_are_left_out_and_the_order_is_that_of_the_request() -> None:
    with indexing(3) as index:
        index.write("index", [document(id) for id in "abcdef"])
        found = [doc.id for doc in index.read(*(Document(id=id) for id in "f?a"))[0]]
        assert sorted(found) == ["a", "f"]


@settings(max_examples=40, deadline=None)
@given(
    shards=st.integers(1, 3),
    writes=st.lists(
        st.tuples(st.sampled_from(["index", "update", "delete"]), st.lists(IDS, min_size=1, max_size=5, unique=True)),
        max_size=8,
    ),
    limit=st.integers(1, 4),
    asked=st.lists(IDS, min_size=1, max_size=4, unique=True),
)
def test_reading_agrees_with_a_dictionary_whatever_was_written(
    shards: int, writes: list[tuple[str, list[str]]], limit: int, asked: list[str]
) -> None:
    model: dict[str, Document] = {}
    with indexing(shards) as index:
        for number, (kind, ids) in enumerate(writes):
            docs = [document(id, number, parts=len(id) % 3, text=f"{id} {number}") for id in ids]
            index.write(kind, docs)
            for doc in docs:
                if kind == "delete":
                    model.pop(doc.id, None)
                elif kind == "index" or doc.id in model:
                    model[doc.id] = doc
        assert index.read(operation="count")[1] == {"count": len(model)}
        found = {doc.id: doc for doc in index.read(*(Document(id=id) for id in asked), embeddings=True)[0]}
        assert plain([found[id] for id in sorted(found)]) == plain([model[id] for id in sorted(model) if id in asked])
        pages = list(index.pages(limit=limit, embeddings=True))
        assert all(len(page) <= limit for page in pages)
        assert plain([doc for page in pages for doc in page]) == plain([model[id] for id in sorted(model)])
        stats = index.read(operation="stats")[1]["stats"]["index"]
        assert [each["shard"] for each in stats["shards"]] == list(range(shards))
        parts = sum(len(doc.chunks) for doc in model.values())
        assert (stats["documents"], stats["chunks"], stats["vectors"]) == (len(model), parts, len(model) + parts)


@pytest.mark.parametrize("shards", [1, 3])
def test_a_scroll_during_writes_gives_each_document_that_stays_exactly_once(shards: int) -> None:
    with indexing(shards) as index:
        staying = [f"d{n:03d}" for n in range(0, 60, 2)]
        index.write("index", [document(id) for id in staying])
        seen: list[str] = []
        for number, page in enumerate(index.pages(limit=3)):
            seen += [doc.id for doc in page]
            index.write("index", [document(f"d{number * 7 % 60:03d}x"), document(staying[number % len(staying)], 2.0)])
            index.write("delete", [Document(id=f"d{(number - 2) * 7 % 60:03d}x")])
        assert [id for id in seen if not id.endswith("x")] == staying
        assert len(seen) == len(set(seen))
        assert seen == sorted(seen)


@pytest.mark.parametrize("shards", [1, 3])
def test_a_page_ends_early_where_documents_are_large_and_always_has_one(shards: int) -> None:
    with indexing(shards) as index:
        index.write("index", [document(f"d{n}", text="x" * 1000) for n in range(9)])
        pages = [[doc.id for doc in page] for page in index.pages(limit=100, max_bytes=2500)]
        assert [id for page in pages for id in page] == [f"d{n}" for n in range(9)]
        assert max(map(len, pages)) <= 3
        small = list(index.pages(limit=100, max_bytes=1))
        assert sum(map(len, small)) == 9


def test_statistics_say_what_is_kept_and_which_tags_there_are() -> None:
    with indexing(2) as index:
        tags: list[dict[str, Any]] = [{"price": 5, "sold": True}, {"price": "?", "sizes": [1]}, {"price": 1.5, "x": {}}]
        index.write("index", [document(f"d{n}", parts=1, tags=each) for n, each in enumerate(tags)])
        stats = index.read(operation="stats")[1]["stats"]["index"]
        assert stats["tags"] == {
            "price": {"number": 2, "string": 1},
            "sold": {"boolean": 1},
            "sizes": {"list": 1},
            "x": {"object": 1},
        }
        assert (stats["documents"], stats["chunks"], stats["vectors"], stats["sampled"]) == (3, 3, 6, 3)
        assert stats["bytes"] == sum(each["bytes"] for each in stats["shards"]) > 0
        assert max(each["dimension"] for each in stats["shards"]) == 2
        assert max(each["last_write"] for each in stats["shards"]) > 0


def test_a_pea_reports_how_much_it_keeps() -> None:
    with indexing() as index:
        index.write("index", [document("d", parts=2)])
        kept = totals(index.runners[0].executor)
        assert (kept["documents"], kept["chunks"], kept["vectors"]) == (1, 2, 3)
        assert kept["bytes"] > 0


def test_documents_that_are_restored_pass_what_would_change_them() -> None:
    executor = "!CompoundExecutor\ncomponents: [!HashingTextEncoder {}, !CompoundIndexer {}]\n"
    with indexing(executor=executor) as index:
        index.write("index", [Document(id="d", text="a text")])
        ((encoded,), _) = index.read(Document(id="d"), embeddings=True)
        encoded.text = "another"
        index.write("index", [encoded], restore=True)
        ((restored,), _) = index.read(Document(id="d"), embeddings=True)
        assert plain([restored]) == plain([encoded])


def test_an_executor_that_keeps_nothing_passes_a_read_on() -> None:
    with load("!HashingTextEncoder {}") as encoder:
        assert Runner(encoder).passes("read")


def test_an_indexer_whose_drivers_are_listed_can_be_read_all_the_same() -> None:
    with indexing(executor="!BinaryPbIndexer\nrequests: {on: {index: [!KVIndexDriver {}]}}\n") as index:
        index.write("index", [Document(id="a", text="x")])
        assert index.read(operation="count")[1] == {"count": 1}


def test_a_compound_with_drivers_of_its_own_is_read_through_its_components() -> None:
    executor = "!CompoundIndexer\nrequests: {on: {index: [!KVIndexDriver {executor: BinaryPbIndexer}]}}\n"
    with indexing(executor=executor) as index:
        index.write("index", [Document(id="a", text="x")])
        assert [doc.text for doc in index.read(Document(id="a"))[0]] == ["x"]


def test_an_operation_that_does_not_exist_is_refused() -> None:
    with indexing() as index, pytest.raises(InvalidRequest, match="operation"):
        index.read(operation="drop")


def test_what_is_uncommitted_is_not_read() -> None:
    with CompoundIndexer().open() as index:
        kept = index.components[1]
        assert isinstance(kept, BinaryPbIndexer)
        with index.transaction():
            kept.add(["a"], [b"x"], ["a"])
            assert kept.owned(["a"]) == [[]]
        assert kept.owned(["a"]) == [[b"x"]]
