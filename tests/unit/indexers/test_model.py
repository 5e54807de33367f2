"""A CompoundIndexer against a model made of dictionaries, whatever is done to both and in whatever order."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from peavine.documents import row_name
from peavine.executors.indexers import BinaryPbIndexer, CompoundIndexer, NumpyIndexer
from peavine.store import verify

Rows = dict[str, tuple[str, bytes]]
"""name of a row -> owner, value"""

roots = st.sampled_from([*(f"root{n}" for n in range(5)), "\0root", "\0" + "5:root0a"])
parts = st.sampled_from(["0", "1", "ä/ü", "root0", "\0", "x" * 256])
"""Ids of parts: the same in every root, and some that are those of roots."""
rows = st.lists(st.one_of(st.tuples(parts, roots), st.builds(lambda root: (root, root), roots)), max_size=6)
numbers = st.integers(-3, 3)


class Abort(Exception):
    """What ends a transaction with an error."""


def replaced(model: Rows, new: list[tuple[str, str, bytes]], only_known: bool) -> Rows:
    known = {owner for owner, _ in model.values()}
    new = [row for row in new if not only_known or row[1] in known]
    owners = {owner for _, owner, _ in new}
    return without(model, list(owners)) | {row_name(id, owner): (owner, value) for id, owner, value in new}


def without(model: Rows, owners: list[str]) -> Rows:
    return {name: row for name, row in model.items() if row[0] not in owners}


class Indexing(RuleBasedStateMachine):
    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.vectors: Rows = {}
        self.documents: Rows = {}
        self.indexer = self.opened()

    def opened(self) -> CompoundIndexer:
        indexer = CompoundIndexer([NumpyIndexer(metric="euclidean"), BinaryPbIndexer()])
        return indexer.open(Path(self.folder.name))

    @property
    def vector_indexer(self) -> NumpyIndexer:
        found = self.indexer.components[0]
        assert isinstance(found, NumpyIndexer)
        return found

    @property
    def kv_indexer(self) -> BinaryPbIndexer:
        found = self.indexer.components[1]
        assert isinstance(found, BinaryPbIndexer)
        return found

    def change(self, operation: Callable[[], tuple[Rows, Rows]], abort: bool) -> None:
        try:
            with self.indexer.transaction():
                vectors, documents = operation()
                if abort:
                    raise Abort
        except Abort:
            return
        self.vectors, self.documents = vectors, documents

    @rule(rows=rows, number=numbers, update=st.booleans(), abort=st.booleans())
    def write(self, rows: list[tuple[str, str]], number: int, update: bool, abort: bool) -> None:
        ids, owners = [id for id, _ in rows], [owner for _, owner in rows]
        embeddings = np.array([[number, len(id), n] for n, id in enumerate(ids)], np.float32).reshape(len(ids), 3)
        values = [f"{id} {number}".encode() for id in ids]
        packed = [embedding.tobytes() for embedding in embeddings]

        def operation() -> tuple[Rows, Rows]:
            for indexer, given in ((self.vector_indexer, embeddings), (self.kv_indexer, values)):
                method = indexer.update if update else indexer.add
                method(ids, given, owners)  # type: ignore[arg-type]
            expected = replaced(self.documents, list(zip(ids, owners, values, strict=True)), update)
            names = list(map(row_name, ids, owners))
            assert self.kv_indexer.query(names) == [expected.get(name, ("", None))[1] for name in names]
            return (
                replaced(self.vectors, list(zip(ids, owners, packed, strict=True)), update),
                replaced(self.documents, list(zip(ids, owners, values, strict=True)), update),
            )

        self.change(operation, abort)

    @rule(ids=st.lists(st.one_of(roots, parts, st.just("unknown")), max_size=3), abort=st.booleans())
    def delete(self, ids: list[str], abort: bool) -> None:
        def operation() -> tuple[Rows, Rows]:
            self.vector_indexer.delete(ids)
            self.kv_indexer.delete(ids)
            return without(self.vectors, ids), without(self.documents, ids)

        self.change(operation, abort)

    @rule()
    def reopen(self) -> None:
        self.indexer.close()
        assert verify(Path(self.folder.name)) == []
        self.indexer = self.opened()

    @rule()
    def restore_a_snapshot(self) -> None:
        copy = tempfile.TemporaryDirectory()
        self.indexer.snapshot(Path(copy.name))
        self.indexer.close()
        self.folder.cleanup()
        self.folder = copy
        self.indexer = self.opened()

    @rule(query=st.tuples(numbers, numbers, numbers), top_k=st.integers(1, 8))
    def search(self, query: tuple[int, int, int], top_k: int) -> None:
        (ids,), (distances,) = self.vector_indexer.query(np.array([query], np.float32), top_k)
        expected = sorted(
            (float(np.linalg.norm(np.frombuffer(value, np.float32) - np.array(query))), id)
            for id, (_, value) in self.vectors.items()
        )[:top_k]
        assert ids == [id for _, id in expected]
        np.testing.assert_allclose(distances, [distance for distance, _ in expected])

    @invariant()
    @precondition(lambda self: hasattr(self, "indexer"))
    def vectors_and_documents_are_those_of_the_model(self) -> None:
        assert self.vector_indexer.size == len(self.vectors)
        assert self.kv_indexer.size == len(self.documents)
        found = self.vector_indexer.query_by_id(list(self.vectors))
        assert [None if each is None else each.tobytes() for each in found] == [v for _, v in self.vectors.values()]
        assert self.kv_indexer.query(list(self.documents)) == [value for _, value in self.documents.values()]

    def teardown(self) -> None:
        if hasattr(self, "indexer"):
            self.indexer.close()
            assert verify(Path(self.folder.name)) == []
            self.folder.cleanup()


TestIndexing = Indexing.TestCase
TestIndexing.settings = settings(max_examples=60, stateful_step_count=20)
