"""Whether the rule by which units leave keeps slow Executors busy: single requests on a Call, 64 in flight.

    python -m bench.slow_pods [--seconds 3] [--json]

The Executors sleep, so what is ideal is known: a Pea that sleeps 2 ms a Document does 500 a second.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

import uvloop
from rich.console import Console
from rich.table import Table

from bench.data_plane import IN_FLIGHT, call
from peavine import spec
from peavine.local.layout import Listen
from peavine.local.runner import LocalFlow

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


CASES: list[tuple[str, list[dict[str, Any]], float]] = [
    ("2 ms a Document", [slow("a", document_ms=2)], 500),
    ("2 ms a Document, 4 replicas", [slow("a", 4, document_ms=2)], 2000),
    ("2 ms a Document, twice in a row", [slow("a", document_ms=2), slow("b", document_ms=2)], 500),
    ("nothing, then 2 ms a Document, 4 replicas", [{"name": "a"}, slow("b", 4, document_ms=2)], 2000),
    ("20 ms a call", [slow("a", call_ms=20)], IN_FLIGHT / 2 / 0.020),
    ("20 ms a call, 2 replicas", [slow("a", 2, call_ms=20)], IN_FLIGHT / 0.020),
    ("20 ms a call, twice in a row", [slow("a", call_ms=20), slow("b", call_ms=20)], IN_FLIGHT / 0.040),
]
"""What each Pea does, and the requests a second that 64 in flight could get of Peas that are never idle: where a call
costs the same for any number of Documents, half of them are in a call and half wait for the next."""


async def measure(host: str, seconds: float) -> tuple[float, float]:
    await call(host, IN_FLIGHT, time.perf_counter() + 0.5)
    began = time.perf_counter()
    done, times = await call(host, IN_FLIGHT, began + seconds)
    return done / (time.perf_counter() - began), 1000 * sorted(times)[len(times) * 99 // 100]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for name, pods, ideal in CASES:
        flow = spec.parse({"metadata": {"name": "slow"}, "spec": {"pods": pods}})
        with LocalFlow(flow, listen=Listen(), sink=lambda process, line: None) as running:
            rate, p99 = uvloop.run(measure(running.host, given.seconds))
        row: dict[str, Any] = {
            "case": name,
            "requests_per_second": round(rate),
            "ideal": round(ideal),
            "p99_ms": round(p99),
        }
        rows.append(row)
        print(f"{name}: {rate:,.0f} requests/s", file=sys.stderr)
    if given.json:
        print(json.dumps(rows))
        return
    table = Table(title=f"Slow Executors, {IN_FLIGHT} single requests in flight")
    for heading in ("what a Pea takes", "requests/s", "at best", "of that", "p99 ms"):
        table.add_column(heading, justify="left" if heading.startswith("what") else "right")
    for row in rows:
        share = f"{100 * row['requests_per_second'] / row['ideal']:.0f} %"
        table.add_row(row["case"], f"{row['requests_per_second']:,}", f"{row['ideal']:,}", share, f"{row['p99_ms']}")
    Console().print(table)


if __name__ == "__main__":
    main()
