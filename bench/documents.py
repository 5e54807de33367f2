"""What Documents cost: made, written and read, beside the same work in bare protobuf in the same run.

    python bench/documents.py [--docs 20000] [--json]

Each line is the best of three rounds, in Documents a second on one core; the ratio is to bare protobuf.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from peavine.documents import Document
from peavine.v1 import document_pb2
from peavine.wire import batch_from_bytes, batch_to_bytes

BATCH = 100


def fastest(work: Callable[[], Any]) -> float:
    """Return the seconds of the fastest of three rounds."""
    seconds = []
    for _ in range(3):
        gc.collect()
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def batches(items: Sequence[Any]) -> list[Sequence[Any]]:
    return [items[start : start + BATCH] for start in range(0, len(items), BATCH)]


def bare_images(images: Any) -> list[bytes]:
    """Write images with protobuf alone."""
    raw = []
    for part in batches(range(len(images))):
        batch = document_pb2.DocumentBatch()
        for number in part:
            message = batch.docs.add(id=str(number))
            dense = message.tensor.dense
            dense.buffer, dense.dtype = images[number].tobytes(), "|u1"
            dense.shape.extend(images[number].shape)
        raw.append(batch.SerializeToString())
    return raw


def bare_texts(texts: Sequence[str]) -> list[bytes]:
    """Write texts with protobuf alone."""
    raw = []
    for part in batches(texts):
        batch = document_pb2.DocumentBatch()
        for text in part:
            batch.docs.add(id=text, text=text)
        raw.append(batch.SerializeToString())
    return raw


def bare_read(raw: Sequence[bytes]) -> list[tuple[str, Any]]:
    """Read with protobuf alone: id and content of each, arrays as views."""
    found: list[tuple[str, Any]] = []
    for part in raw:
        for doc in document_pb2.DocumentBatch.FromString(part).docs:
            dense = doc.tensor.dense
            content = np.ndarray(tuple(dense.shape), dense.dtype, dense.buffer) if doc.HasField("tensor") else doc.text
            found.append((doc.id, content))
    return found


def measure(count: int) -> dict[str, dict[str, float]]:
    """Return Documents a second for each kind of content and each kind of work, ours and bare."""
    images = np.random.default_rng(1).integers(0, 255, (count, 28, 28)).astype(np.uint8)
    texts = [f"text {number}" for number in range(count)]
    found: dict[str, dict[str, float]] = {}
    kinds: tuple[tuple[str, Callable[[], list[Document]], Callable[[], list[bytes]]], ...] = (
        ("image", lambda: [Document(id=str(n), tensor=image) for n, image in enumerate(images)],
         lambda: bare_images(images)),
        ("text", lambda: [Document(id=text, text=text) for text in texts], lambda: bare_texts(texts)),
    )  # fmt: skip
    for kind, make, bare in kinds:
        docs = make()
        raw = bare()
        assert [batch_to_bytes(part) for part in batches(docs)] == raw
        made, bare_written = fastest(make), fastest(bare)
        written = fastest(lambda docs=docs: [batch_to_bytes(part) for part in batches(docs)])  # type: ignore[misc]
        read = fastest(lambda raw=raw: [batch_from_bytes(part) for part in raw])  # type: ignore[misc]
        bare_seen = fastest(lambda raw=raw: bare_read(raw))  # type: ignore[misc]
        found[f"{kind}: make"] = {"per_second": count / made}
        found[f"{kind}: write"] = {"per_second": count / written, "bare": count / bare_written}
        found[f"{kind}: read"] = {"per_second": count / read, "bare": count / bare_seen}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.docs)
    if arguments.json:
        print(json.dumps(found))
        return
    table = Table("work", "Documents/s", "bare protobuf/s", "ratio", title=f"{arguments.docs} Documents")
    for work, rates in found.items():
        bare = rates.get("bare")
        beside = (f"{bare:,.0f}", f"{rates['per_second'] / bare:.2f}") if bare else ("", "")
        table.add_row(work, f"{rates['per_second']:,.0f}", *beside)
    Console().print(table)


if __name__ == "__main__":
    main()
