"""What Documents cost in both of their forms, next to bare protobuf and to Python objects, in the same run.

    python bench/documents.py [--docs 100] [--json]

Each figure is the fastest of many rounds on one core, in microseconds for one batch of images (28x28 uint8) or of short
texts. `Encoder` is a Pea's whole work: bytes in, an Encoder that gives each image 64 floats, bytes out.
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
from peavine.wire.columns import columns_from_bytes, columns_to_bytes, is_columns

SECONDS = 0.3
PROTOBUF, ROWS, COLUMNS = "protobuf alone", "rows", "columns"
Figures = dict[str, dict[str, float]]


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


def changed(body: bytes) -> bytes:
    """Read Documents, give each an embedding, and write them in the form in which they came."""
    batch = batch_from_bytes(body)
    vector = np.ones(64, np.float32)
    for doc in batch.docs:
        doc.embedding = vector
    return encoded(batch, columns=is_columns(body))


def encode(runner: Runner, body: bytes) -> None:
    call = Call([body])
    runner.run("search", [call])
    assert call.failure is None, call.failure


def forms(make: Callable[[], list[Document]]) -> Figures:
    """Return microseconds for each kind of work on the Documents, by form."""
    docs = make()
    rows, columns = encoded(Batch(docs), columns=False), encoded(Batch(docs), columns=True)
    message, made = document_pb2.DocumentBatch.FromString(rows), columns_from_bytes(columns)

    def both(work: Callable[[bytes], Any]) -> dict[str, float]:
        return {ROWS: fastest(lambda: work(rows)), COLUMNS: fastest(lambda: work(columns))}

    return {
        "bytes": {ROWS: len(rows), COLUMNS: len(columns)},
        "make Documents": {ROWS: fastest(make)},
        "parse": {
            PROTOBUF: fastest(lambda: document_pb2.DocumentBatch.FromString(rows)),
            COLUMNS: fastest(lambda: columns_from_bytes(columns)),
        },
        "serialize": {
            PROTOBUF: fastest(message.SerializeToString),
            COLUMNS: fastest(lambda: columns_to_bytes(*made)),
        },
        "bytes to Documents": both(lambda body: batch_from_bytes(body).docs),
        "new Documents to bytes": {
            form: fastest(lambda form=form: encoded(Batch(docs), columns=form == COLUMNS))  # type: ignore[misc]
            for form in (ROWS, COLUMNS)
        },
        "each Document changed": both(changed),
    }


def measure(count: int) -> dict[str, Figures]:
    """Return the figures for images and for texts."""
    images = np.random.default_rng(1).integers(0, 255, (count, 28, 28)).astype(np.uint8)
    texts = [f"text {number}" for number in range(count)]
    result = {
        "images": forms(lambda: [Document(id=f"{n:016d}", tensor=image) for n, image in enumerate(images)]),
        "texts": forms(lambda: [Document(id=f"{n:016d}", text=text) for n, text in enumerate(texts)]),
    }
    runner = Runner(Means())
    docs = Batch([Document(id=f"{n:016d}", tensor=image) for n, image in enumerate(images)])
    bodies = {ROWS: encoded(docs, columns=False), COLUMNS: encoded(docs, columns=True)}
    result["images"]["Encoder"] = {
        form: fastest(lambda body=body: encode(runner, body))  # type: ignore[misc]
        for form, body in bodies.items()
    }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = measure(options.docs)
    if options.json:
        print(json.dumps(result))
        return
    for content, figures in result.items():
        table = Table("work", PROTOBUF, ROWS, COLUMNS, title=f"{options.docs} {content}, microseconds")
        for work, by_form in figures.items():
            table.add_row(
                work, *(f"{by_form[form]:,.0f}" if form in by_form else "" for form in (PROTOBUF, ROWS, COLUMNS))
            )
        Console().print(table)


if __name__ == "__main__":
    main()
