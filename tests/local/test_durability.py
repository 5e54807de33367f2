"""What an Indexer has acknowledged is there after a crash, whole, and vectors and Documents agree.

A process indexes, updates and deletes, and says before and after each batch which one it is. It is killed at a random
moment, again and again. What is then on disk must be what all acknowledged batches made, with or without the one that
was under way: all of that, or nothing.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from peavine.documents import row_name, split_name
from peavine.executors.indexers import BinaryPbIndexer, CompoundIndexer, NumpyIndexer
from peavine.store import verify
from peavine.store.table import row

KILLS = 16
DIMENSION = 16

State = dict[str, tuple[bytes, bytes]]
"""id -> vector, Document"""


class Batch(NamedTuple):
    """What is done in one transaction: roots to index anew and roots to delete, both by number."""

    roots: list[str]
    delete: list[str]
    chunks: int


def batch(number: int) -> Batch:
    """Return the same batch for the same number, in whatever process."""
    chance = random.Random(number)
    roots = [f"root{n}" for n in chance.sample(range(400), chance.choice([1, 10, 100]))]
    return Batch(roots, [f"root{n}" for n in chance.sample(range(400), 5)], chance.randrange(3))


def rows(number: int) -> Iterator[tuple[str, str, bytes, bytes]]:
    """Yield id, owner, vector and Document of what the batch indexes."""
    chance = np.random.default_rng(number)
    for root in batch(number).roots:
        for id in (root, *(f"{root}/{n}" for n in range(batch(number).chunks))):
            yield id, root, chance.random(DIMENSION, np.float32).tobytes(), f"{id} of batch {number} ".encode() * 20


def after(state: State, number: int) -> State:
    gone = {*batch(number).roots, *batch(number).delete}
    left = {name: value for name, value in state.items() if split_name(name)[1] not in gone}
    deleted = batch(number).delete
    new = {row_name(id, owner): (vector, value) for id, owner, vector, value in rows(number) if owner not in deleted}
    return left | new


def parts(indexer: CompoundIndexer) -> tuple[NumpyIndexer, BinaryPbIndexer]:
    vectors, documents = indexer.components
    assert isinstance(vectors, NumpyIndexer)
    assert isinstance(documents, BinaryPbIndexer)
    return vectors, documents


def run(folder: Path, number: int) -> None:
    """What the child does, from batch `number` on, until it is killed."""
    print("start", flush=True)
    with CompoundIndexer().open(folder) as indexer:
        vectors, documents = parts(indexer)
        while True:
            print("begin", number, flush=True)
            ids, owners, embeddings, values = zip(*rows(number), strict=True)
            with indexer.transaction():
                vectors.add(ids, np.frombuffer(b"".join(embeddings), np.float32).reshape(-1, DIMENSION), owners)
                documents.add(ids, values, owners)
                vectors.delete(batch(number).delete)
                documents.delete(batch(number).delete)
            print("done", number, flush=True)
            number += 1


def on_disk(folder: Path) -> State:
    """Read what a restarted Indexer finds, in the store and in its memory, and see that they agree."""
    assert verify(folder) == []
    with CompoundIndexer().open(folder) as indexer:
        vectors, documents = parts(indexer)
        with indexer.store.committed() as txn:
            ids = [row(key, value).name for key, value in txn.items("documents")]
        found = dict(zip(ids, zip(vectors.query_by_id(ids), documents.query(ids), strict=True), strict=True))
        assert vectors.size == documents.size == len(ids)
        state = {id: (v.tobytes(), d) for id, (v, d) in found.items() if v is not None and d is not None}
        assert len(state) == len(ids), "a vector without a Document, or the other way round"
        for id in ids[:: max(1, len(ids) // 20)]:
            vector = np.frombuffer(state[id][0], np.float32)[None]
            assert vectors.query(vector, 1)[0] == [[id]], "memory disagrees with the store"
    return state


def test_a_killed_indexer_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    chance = random.Random(0)
    folder = tmp_path / "data"
    state: State = {}
    number = interrupted = kept = 0
    for kill in range(KILLS):
        child = subprocess.Popen(
            [sys.executable, __file__, str(folder), str(number)], stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "start\n"
        lines = [child.stdout.readline() for _ in range(chance.randrange(0, 30) if kill % 4 else 0)]
        with suppress(subprocess.TimeoutExpired):
            child.wait(chance.uniform(0, 0.02))  # it does not end by itself: the moment of its end is random
        child.kill()
        lines += child.stdout.readlines()
        child.wait()
        child.stdout.close()
        begun = [int(line.split()[1]) for line in lines if line.startswith("begin") and line.endswith("\n")]
        done = [int(line.split()[1]) for line in lines if line.startswith("done") and line.endswith("\n")]
        for number in done:
            state = after(state, number)
        found = on_disk(folder) if (folder / "data.mdb").exists() else {}
        if len(begun) > len(done):
            interrupted += 1
            if found != state:
                state = after(state, begun[-1])
                kept += 1
        assert found == state, f"kill {kill}: {len(done)} batches acknowledged, {len(begun)} begun"
        number = begun[-1] + 1 if begun else number
    assert number > KILLS
    assert interrupted > KILLS // 4, "most kills should come in the middle of a batch"
    assert state


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]))
