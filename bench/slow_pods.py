"""Whether the rule by which units leave keeps slow Pods busy: 64 small requests in flight over a Call stream.

    python bench/slow_pods.py [--seconds 2] [--json]

The Executors sleep, so what is ideal is known, and other load on the machine matters little.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import uvloop
from rich.console import Console
from rich.table import Table

import edges
from data_plane import SMALL
from peavine import spec
from peavine.flow.order import in_order
from peavine.local.layout import Listen
from peavine.local.runner import LocalFlow
from served import Served

IN_FLIGHT = 64
FLOOR = 0.75

SLOW = """
import time
from peavine.executors import Encoder
import numpy as np

class Slow(Encoder):
    def __init__(self, call_ms: float = 0, document_ms: float = 0) -> None:
        self.call_ms, self.document_ms = call_ms, document_ms

    def encode(self, content):
        time.sleep((self.call_ms + self.document_ms * len(content)) / 1000)
        return np.zeros((len(content), 1), np.float32)
"""


def slow(name: str, replicas: int = 1, **costs: float) -> dict[str, Any]:
    uses = f"!Slow\nwith: {json.dumps(costs)}\nmetas: {{py_modules: slow.py}}\n"
    return {"name": name, "uses": uses, "files": {"slow.py": SLOW}, "replicas": replicas}


def batched(pod: dict[str, Any]) -> dict[str, Any]:
    return {**pod, "batching": {"maxSize": IN_FLIGHT // 2, "maxDelayMilliseconds": 10}}


CASES: list[tuple[str, list[dict[str, Any]], float]] = [
    ("2 ms a Document", [slow("a", document_ms=2)], 500),
    ("2 ms a Document, 4 replicas", [slow("a", 4, document_ms=2)], 2000),
    ("2 ms a Document, twice in a row", [slow("a", document_ms=2), slow("b", document_ms=2)], 500),
    ("nothing, then 2 ms a Document, 4 replicas", [{"name": "a"}, slow("b", 4, document_ms=2)], 2000),
    ("20 ms a call", [slow("a", call_ms=20)], IN_FLIGHT / 2 / 0.020),
    ("20 ms a call, 2 replicas", [slow("a", 2, call_ms=20)], IN_FLIGHT / 0.020),
    ("20 ms a call, twice in a row", [slow("a", call_ms=20), slow("b", call_ms=20)], IN_FLIGHT / 0.040),
    ("20 ms a call, 2 replicas, batching", [batched(slow("a", 2, call_ms=20))], IN_FLIGHT / 0.020),
    (
        "20 ms a call, twice in a row, batching",
        [batched(slow("a", call_ms=20)), batched(slow("b", call_ms=20))],
        IN_FLIGHT / 0.040,
    ),
]
"""What each Pea does, and the requests a second that 64 in flight could get of Peas that are never idle: where a call
costs the same for any number of Documents, half of them are in a call and half wait for the next."""


class Address(Served):
    """A Flow that something else started."""

    def __init__(self, host: str) -> None:
        self.grpc = host


def measure(seconds: float) -> list[dict[str, Any]]:
    rows = []
    for name, pods, ideal in CASES:
        flow = spec.parse({"metadata": {"name": "slow"}, "spec": {"pods": in_order(pods)}})
        with LocalFlow(flow, listen=Listen(), sink=lambda process, line: None) as running:
            rate, p99 = uvloop.run(steady(Address(running.host), seconds))
        share = rate / ideal
        rows.append({"case": name, "requests_per_second": rate, "ideal": ideal, "share": share, "p99_ms": p99})
    return rows


async def steady(served: Served, seconds: float) -> tuple[float, float]:
    """Return requests a second and the 99th percentile in milliseconds, once the stream is under way."""
    await edges.call(served, SMALL, IN_FLIGHT, time.perf_counter() + 0.5)
    began = time.perf_counter()
    done, times = await edges.call(served, SMALL, IN_FLIGHT, began + seconds)
    return done / (time.perf_counter() - began), 1000 * sorted(times)[len(times) * 99 // 100]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = measure(options.seconds)
    if options.json:
        print(json.dumps(rows))
        return
    table = Table(title=f"Slow Pods, Call stream, {IN_FLIGHT} small requests in flight; the floor is {FLOOR:.0%}")
    for place, heading in enumerate(("what a Pea takes", "requests/s", "at best", "of that", "p99 ms")):
        table.add_column(heading, justify="right" if place else "left")
    for row in rows:
        figures = (f"{row['requests_per_second']:,.0f}", f"{row['ideal']:,.0f}", f"{row['share']:.0%}")
        table.add_row(row["case"], *figures, f"{row['p99_ms']:.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
