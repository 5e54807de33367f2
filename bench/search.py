"""What a Flow makes of an engine: Fashion-MNIST indexed and searched, and texts encoded, next to the same Executors
called in Python in the same run.

    python bench/search.py [--images 60000] [--queries 2000] [--lone 200] [--texts 300] [--json]

`direct` is one process without a network, which writes each batch durably, into the same kind of store. The Flow's
encoder, index, gateway and client share the cores of this machine; ratios are the Flow's rate over the direct one.
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
from typing import Any

from rich.console import Console
from rich.table import Table

from peavine import Client, spec
from peavine.documents import Batch, Document
from peavine.executors.encoders.minilm_encoder import MiniLMEncoder
from peavine.executors.encoders.random_projection import RandomProjection
from peavine.executors.indexers import BinaryPbIndexer, CompoundIndexer, NumpyIndexer
from peavine.flow.order import in_order
from peavine.hello import images
from peavine.local import Listen, LocalFlow
from peavine.wire import encoded

BATCH, TOP_K, DIMENSION = 256, 10, 64
FLOORS = {"images indexed": 0.5, "images searched, 256 a request": 0.75, "texts encoded, one a request": 0.9}
LONE_MS = 1.2
"""How much longer a single query may take than the engine alone."""
PODS: list[dict[str, Any]] = [
    {"name": "encode", "executor": {"class": "RandomProjection", "with": {"output_dim": DIMENSION}}},
    {"name": "index", "executor": {"class": "_index", "with": {"metric": "euclidean"}}},
]
TEXT = "what people write to a search engine is short , but a paragraph such as this one is a little longer than that "
Rates = dict[str, float]


def rate(count: int, work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


def p50_ms(count: int, work: Callable[[int], object]) -> float:
    times = []
    for number in range(count):
        began = time.perf_counter()
        work(number)
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


def direct(folder: Path, train: images.Images, test: images.Images, lone: int) -> Rates:
    """Call the Executors in this process."""
    encoder = RandomProjection(output_dim=DIMENSION)
    documents = list(train.documents())
    with CompoundIndexer(metric="euclidean").open(folder) as indexer:
        vectors, rows = indexer.components
        assert isinstance(vectors, NumpyIndexer)
        assert isinstance(rows, BinaryPbIndexer)

        def index() -> None:
            for start in range(0, len(documents), BATCH):
                some = documents[start : start + BATCH]
                ids = [doc.id for doc in some]
                with indexer.transaction():
                    vectors.add(ids, encoder.encode(train.pixels[start : start + BATCH]), ids)
                    rows.add(ids, [encoded(Batch([doc]), columns=False) for doc in some], ids)

        def search_some(start: int, count: int) -> None:
            names, _ = vectors.query(encoder.encode(test.pixels[start : start + count]), TOP_K)
            for found in names:
                rows.query(found)

        def search() -> None:
            for start in range(0, len(test), BATCH):
                search_some(start, BATCH)

        return {
            "images indexed": rate(len(train), index),
            "images searched, 256 a request": rate(len(test), search),
            "single query, p50 ms": p50_ms(lone, lambda number: search_some(number % len(test), 1)),
        }


def through_a_flow(folder: Path, train: images.Images, test: images.Images, lone: int) -> Rates:
    flow = spec.parse({"metadata": {"name": "fashion"}, "spec": {"pods": in_order(PODS)}})
    queries = list(test.documents())
    with (
        LocalFlow(flow, data=folder, listen=Listen(), sink=lambda process, line: None) as running,
        Client(running.host) as client,
    ):
        return {
            "images indexed": rate(len(train), lambda: client.index(train.documents(), request_size=BATCH)),
            "images searched, 256 a request": rate(
                len(test), lambda: client.search(queries, request_size=BATCH, top_k=TOP_K)
            ),
            "single query, p50 ms": p50_ms(
                lone, lambda number: client.search([queries[number % len(queries)]], top_k=TOP_K)
            ),
        }


def texts(count: int) -> tuple[Rates, Rates]:
    """Encode texts of some 42 tokens with MiniLM, here and in a Flow that gets each in a request of its own."""
    words = TEXT.split()
    sentences = [" ".join((words * 3)[number % 20 : number % 20 + 40]) for number in range(count)]
    encoder = MiniLMEncoder()
    encoder.post_init()
    name = "texts encoded, one a request"
    here = {name: rate(count, lambda: encoder.encode(sentences))}
    flow = spec.parse({"metadata": {"name": "texts"}, "spec": {"pods": [{"name": "encode", "uses": "!MiniLMEncoder"}]}})
    documents = [Document(text=text) for text in sentences]
    with (
        LocalFlow(flow, listen=Listen(), sink=lambda process, line: None) as running,
        Client(running.host) as client,
    ):
        return here, {name: rate(count, lambda: client.search(documents, request_size=1, in_flight=64))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--queries", type=int, default=2_000)
    parser.add_argument("--lone", type=int, default=200)
    parser.add_argument("--texts", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    data = images.folder(None)
    train, test = images.load(data, "train", options.images), images.load(data, "t10k", options.queries)
    with tempfile.TemporaryDirectory(prefix="peavine-bench-") as name:
        ours = through_a_flow(Path(name, "flow"), train, test, options.lone)
        alone = direct(Path(name, "direct"), train, test, options.lone)
    text_alone, text_ours = texts(options.texts)
    rows = {
        what: {"direct": figure, "flow": {**ours, **text_ours}[what]} for what, figure in (alone | text_alone).items()
    }
    if options.json:
        print(json.dumps({"rows": rows, "load": os.getloadavg()[0]}))
        return
    show(rows, len(train))


def show(rows: dict[str, Rates], count: int) -> None:
    table = Table(title=f"Real work on {count:,} images, a second (load of the machine: {os.getloadavg()[0]:.0f})")
    for place, heading in enumerate(("work", "direct", "Flow", "Flow to direct", "floor")):
        table.add_column(heading, justify="right" if place else "left")
    for what, figures in rows.items():
        one, other = figures["direct"], figures["flow"]
        if what in FLOORS:
            table.add_row(what, f"{one:,.0f}", f"{other:,.0f}", f"{other / one:.2f}", f"{FLOORS[what]}")
        else:
            table.add_row(what, f"{one:.2f}", f"{other:.2f}", f"+{other - one:.2f} ms", f"+{LONE_MS} ms")
    Console().print(table)


if __name__ == "__main__":
    main()
