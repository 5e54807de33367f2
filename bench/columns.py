"""What Documents cost as columns, next to rows and to Python objects, in the same run.

    python bench/columns.py [--docs 100] [--json]

Each figure is the fastest of many rounds, in microseconds for one batch of images (28x28 uint8) on one core. `Encoder`
is a Pea's whole work: bytes in, an Encoder that gives each image 64 floats, bytes out.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from peavine.documents import Batch, Document
from peavine.drivers import Call, Runner
from peavine.executors import Encoder
from peavine.v1 import document_pb2
from peavine.wire import batch_from_bytes, encoded
from peavine.wire.columns import columns_from_bytes, columns_to_bytes

SECONDS = 0.5


class Means(Encoder):
    """Gives each image 64 numbers."""

    def encode(self, batch: Any) -> Any:
        return batch.reshape(len(batch), -1)[:, :64].astype(np.float32)


def fastest(work: Callable[[], Any]) -> float:
    """Return the microseconds of the fastest round."""
    best, until = float("inf"), time.perf_counter() + SECONDS
    while (begun := time.perf_counter()) < until:
        work()
        best = min(best, time.perf_counter() - begun)
    return best * 1e6


def looked_at(body: bytes) -> bytes:
    """Read Documents, give each an embedding, and write them in the form in which they came."""
    batch = batch_from_bytes(body)
    vector = np.ones(64, np.float32)
    for doc in batch.docs:
        doc.embedding = vector
    return encoded(batch, columns=body[:1] == b"\x1a")


def measure(count: int) -> dict[str, dict[str, float]]:
    """Return microseconds for each kind of work, by form."""
    images = np.random.default_rng(1).integers(0, 255, (count, 28, 28)).astype(np.uint8)
    docs = [Document(id=f"{number:016d}", tensor=image) for number, image in enumerate(images)]
    rows, columns = encoded(Batch(docs), columns=False), encoded(Batch(docs), columns=True)
    message = document_pb2.DocumentBatch.FromString(rows)
    made = columns_from_bytes(columns)
    runner = Runner(Means())

    def encode(body: bytes) -> None:
        call = Call([body])
        runner.run("search", [call])
        assert call.failure is None, call.failure

    def both(work: Callable[[bytes], Any]) -> dict[str, float]:
        return {"rows": fastest(lambda: work(rows)), "columns": fastest(lambda: work(columns))}

    return {
        "bytes": {"rows": len(rows), "columns": len(columns)},
        "parse": {
            "protobuf": fastest(lambda: document_pb2.DocumentBatch.FromString(rows)),
            "columns": fastest(lambda: columns_from_bytes(columns)),
        },
        "serialize": {
            "protobuf": fastest(message.SerializeToString),
            "columns": fastest(lambda: columns_to_bytes(*made)),
        },
        "to Documents": both(lambda body: batch_from_bytes(body).docs),
        "from Documents": {
            "rows": fastest(lambda: encoded(Batch(docs), columns=False)),
            "columns": fastest(lambda: encoded(Batch(docs), columns=True)),
        },
        "each Document changed": both(looked_at),
        "Encoder": both(encode),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.docs)
    if arguments.json:
        print(json.dumps(found))
        return
    table = Table("work", "protobuf alone", "rows", "columns", title=f"{arguments.docs} images, microseconds")
    for work, figures in found.items():
        table.add_row(
            work, *(f"{figures[form]:,.0f}" if form in figures else "" for form in ("protobuf", "rows", "columns"))
        )
    Console().print(table)


if __name__ == "__main__":
    main()
