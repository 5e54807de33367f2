"""What a Flow with one Indexer of one shard costs as it grows: rates, latencies, memory, time to start.

    python bench/growth.py [--sizes 10000 100000] [--queries 100] [--json]

Vectors are random, 128 float32 each, cosine; a million takes some minutes. `start` is from the start of the
processes to the first answer to a search, with all data there.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from peavine import Client, spec
from peavine.documents import Document
from peavine.local import Listen, LocalFlow
from served import memory_of

DIMENSION, TOP_K = 128, 10
START_SECONDS = 600.0
CHUNK = 10_000


def documents(count: int) -> Iterator[Document]:
    chance = np.random.default_rng(0)
    for start in range(0, count, CHUNK):
        vectors = chance.standard_normal((min(CHUNK, count - start), DIMENSION)).astype(np.float32)
        for number, vector in enumerate(vectors, start):
            yield Document(id=f"{number:012d}", embedding=vector)


def running(folder: Path) -> LocalFlow:
    pods = [{"name": "index", "needs": ["gateway"], "executor": {"class": "_index", "with": {"metric": "cosine"}}}]
    flow = spec.parse({"metadata": {"name": "growth"}, "spec": {"pods": pods}})
    return LocalFlow(flow, data=folder, listen=Listen(), sink=lambda process, line: None)


def measure(size: int, queries: int) -> dict[str, Any]:
    asked = list(documents(queries))
    with tempfile.TemporaryDirectory(prefix="peavine-bench-") as name:
        with running(Path(name)) as flow, Client(flow.host) as client:
            began = time.perf_counter()
            client.index(documents(size))
            indexed = size / (time.perf_counter() - began)
            client.search(asked[:1], top_k=TOP_K)
            times = []
            for doc in asked:
                began = time.perf_counter()
                client.search([doc], top_k=TOP_K)
                times.append(1000 * (time.perf_counter() - began))
            times.sort()
            began = time.perf_counter()
            client.search(asked, top_k=TOP_K, request_size=64)
            batched = queries / (time.perf_counter() - began)
            memory = {process: memory_of(pid) for process, pid in flow.pids.items()}
        again = running(Path(name))
        began = time.perf_counter()
        again.start(START_SECONDS)
        try:
            with Client(again.host) as client:
                client.search(asked[:1], top_k=TOP_K)
            start = time.perf_counter() - began
        finally:
            again.stop()
    return {
        "documents": size,
        "indexed": indexed,
        "batched": batched,
        "p50_ms": times[len(times) // 2],
        "p99_ms": times[len(times) * 99 // 100],
        "memory_mb": max(memory.values()),
        "start": start,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = [measure(size, options.queries) for size in options.sizes]
    if options.json:
        print(json.dumps({"rows": rows, "load": os.getloadavg()[0]}))
        return
    headings = (
        "Documents",
        "indexed/s",
        "queries/s, 64 a request",
        "p50 ms",
        "p99 ms",
        "largest process MB",
        "start s",
    )
    table = Table(title=f"A Flow of one Indexer as it grows (load of the machine: {os.getloadavg()[0]:.0f})")
    for heading in headings:
        table.add_column(heading, justify="right")
    for row in rows:
        rates = (f"{row['documents']:,}", f"{row['indexed']:,.0f}", f"{row['batched']:,.0f}")
        table.add_row(*rates, *(f"{row[name]:,.1f}" for name in ("p50_ms", "p99_ms", "memory_mb", "start")))
    Console().print(table)


if __name__ == "__main__":
    main()
