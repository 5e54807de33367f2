"""How fast a CompoundIndexer writes durably and a NumpyIndexer searches, beside what LMDB and numpy do bare.

    python bench/store.py [--rounds 5] [--folder DIR] [--json]

Writing: batches of 1,000 Documents, each 64 float32 and 120 bytes, on disk after every batch. The baseline puts the
same bytes into two tables of a bare LMDB file, ids sorted, one transaction a batch. Searching: 60,000 x 64, the 10
nearest by Euclidean distance. The baseline is a matrix product and argpartition in float32, no float64, ids or ties.
Baseline and ours take turns within a round; the figure is the median of the rounds, the ratio that of their ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import lmdb
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from peavine.executors.indexers import BinaryPbIndexer, CompoundIndexer, NumpyIndexer

DIMENSION, BATCH, BATCHES = 64, 1000, 20
ROWS, QUERIES, TOP_K = 60_000, 512, 10
Vectors = NDArray[np.float32]


def ids(count: int) -> list[str]:
    return [os.urandom(8).hex() for _ in range(count)]


def write_bare(folder: Path, batches: list[list[str]], vectors: Vectors) -> None:
    with lmdb.Environment(str(folder), map_size=1 << 30, max_dbs=2) as env:
        tables = env.open_db(b"vectors"), env.open_db(b"documents")
        for batch in batches:
            with env.begin(write=True) as txn:
                rows = [vector.tobytes() for vector in vectors]
                txn.cursor(tables[0]).putmulti(sorted(zip(map(str.encode, batch), rows, strict=True)))
                txn.cursor(tables[1]).putmulti(sorted((id.encode(), bytes(120)) for id in batch))


def write_ours(folder: Path, batches: list[list[str]], vectors: Vectors) -> None:
    with CompoundIndexer(metric="euclidean").open(folder) as indexer:
        vector_indexer, kv_indexer = indexer.components
        assert isinstance(vector_indexer, NumpyIndexer)
        assert isinstance(kv_indexer, BinaryPbIndexer)
        values = [bytes(120)] * BATCH
        for batch in batches:
            with indexer.transaction():
                vector_indexer.add(batch, vectors, batch)
                kv_indexer.add(batch, values, batch)


def search_bare(vectors: Vectors, squares: Vectors, queries: Vectors) -> None:
    estimates = squares - 2 * (queries @ vectors.T)
    nearest = np.argpartition(estimates, TOP_K, axis=1)[:, :TOP_K]
    order = np.argsort(np.take_along_axis(estimates, nearest, axis=1), axis=1)
    np.take_along_axis(nearest, order, axis=1)


def rate(count: int, action: Callable[[], None]) -> float:
    start = time.perf_counter()
    action()
    return count / (time.perf_counter() - start)


def in_batches(size: int, queries: Vectors, search: Callable[[Vectors], object]) -> None:
    for start in range(0, len(queries), size):
        search(queries[start : start + size])


def measure(rounds: int, folder: Path | None) -> dict[str, list[tuple[float, float]]]:
    """Return (baseline, ours) a second for each round of each measurement."""
    chance = np.random.default_rng(0)
    found: dict[str, list[tuple[float, float]]] = {}
    vectors = chance.standard_normal((ROWS, DIMENSION)).astype(np.float32)
    squares = (vectors * vectors).sum(axis=1)
    queries = chance.standard_normal((QUERIES, DIMENSION)).astype(np.float32)
    with NumpyIndexer(metric="euclidean").open() as indexer:
        indexer.add(names := ids(ROWS), vectors, names)
        for _ in track(range(rounds), "measuring", console=Console(stderr=True), transient=True):
            with tempfile.TemporaryDirectory(dir=folder) as name:
                batches = [ids(BATCH) for _ in range(BATCHES)]
                bare = rate(BATCH * BATCHES, lambda: write_bare(Path(name, "bare"), batches, vectors[:BATCH]))  # noqa: B023
                ours = rate(BATCH * BATCHES, lambda: write_ours(Path(name, "ours"), batches, vectors[:BATCH]))  # noqa: B023
            found.setdefault("Documents written, 1,000 a batch", []).append((bare, ours))
            for size, count in ((64, QUERIES), (1, 64)):
                some = queries[:count]
                bare = rate(count, lambda: in_batches(size, some, lambda q: search_bare(vectors, squares, q)))  # noqa: B023
                ours = rate(count, lambda: in_batches(size, some, lambda q: indexer.query(q, TOP_K)))  # noqa: B023
                found.setdefault(f"queries of {ROWS:,} x {DIMENSION}, {size} a batch", []).append((bare, ours))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to write; its disk is what is measured")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = {
        what: {
            "bare": statistics.median(bare for bare, _ in pairs),
            "peavine": statistics.median(ours for _, ours in pairs),
            "ratio": statistics.median(ours / bare for bare, ours in pairs),
        }
        for what, pairs in measure(options.rounds, options.folder).items()
    }
    if options.json:
        print(json.dumps(results))
        return
    table = Table("a second", "bare", "peavine", "ratio")
    for what, result in results.items():
        table.add_row(what, f"{result['bare']:,.0f}", f"{result['peavine']:,.0f}", f"{result['ratio']:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
