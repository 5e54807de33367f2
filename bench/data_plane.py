"""What the data plane costs: CPU time and requests a second of a Flow, next to bare grpc.aio in the same run.

    python bench/data_plane.py [--seconds 1.5] [--rounds 3] [--quick] [--json]

The baseline, `raw`, is a star of unary calls: a gateway that asks three servers in turn and does nothing else. It and
the Flows serve on one core, over TCP, and the client is on another; they take turns within a round. `rate` compares
requests a second, `CPU` the CPU seconds of all serving processes for each request. Both are ratios: 2x is twice as good
as `raw`. The floors are goals for `rate` on a calm machine.

small is one Document of 115 bytes; big is 100 Documents of 28x28 bytes, to which a Pod that reads and writes gives 64
float32 each. Bodies that are read travel as columns, as the Python client sends them.

With --quick it takes about a minute, and exits with 1 where a shape has collapsed: it serves less than half of what it
last did for the same CPU time. Only units that a client forms are judged. How many single requests go in a unit, and so
what one of them costs, depends on what else the machine does.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import uvloop
from rich.console import Console
from rich.table import Table

import edges
from peavine import graph, spec
from peavine.documents import Batch, Document
from peavine.wire import encoded
from served import CORE, Served, memory_of, ready

SMALL = encoded(
    Batch([Document(id="0123456789abcdef", text="one small document of a hundred bytes or so " * 2)]), columns=False
)
IMAGES = np.random.default_rng(1).integers(0, 255, (100, 28, 28)).astype(np.uint8)
BIG = encoded(Batch([Document(id=f"{n:016d}", tensor=image) for n, image in enumerate(IMAGES)]), columns=True)
SMALL_IMAGE = encoded(Batch([Document(id="0123456789abcdef", tensor=IMAGES[0, :8, :8])]), columns=False)

MEANS = """
from peavine.executors import Encoder
import numpy as np

class Means(Encoder):
    def encode(self, batch):
        return batch.reshape(len(batch), -1)[:, :64].astype(np.float32)
"""
READING = {"uses": "!Means\nmetas: {py_modules: means.py}\n", "files": {"means.py": MEANS}}
FLOWS: dict[str, list[dict[str, Any]]] = {
    "pass": [{"name": name} for name in ("one", "two", "three")],
    "pass 5": [{"name": name} for name in ("one", "two", "three", "four", "five")],
    "read-write": [{"name": name, **READING} for name in ("one", "two", "three")],
}
"""Three Pods where nothing else is said."""


@dataclass(frozen=True)
class Shape:
    """What is asked of which Flow, and the least ratio to `raw` that it should reach on a calm machine."""

    name: str
    flow: str
    edge: edges.Edge
    body: bytes
    width: int = 64
    floor: float = 0
    held: float = 0
    """The CPU ratio that it had on a busy machine when this was last looked at; 0 where it depends on the load."""
    quick: bool = True


RAW_SMALL, RAW_BIG = "raw, small", "raw, big"
SHAPES = (
    Shape(RAW_SMALL, "raw", edges.raw, SMALL),
    Shape("pass, small, unary", "pass", edges.unary, SMALL, floor=4.2),
    Shape("pass, small, Call", "pass", edges.call, SMALL, floor=5),
    Shape("pass, small, units", "pass", edges.units, SMALL, floor=45, held=25),
    Shape("pass, small, units, 5 Pods", "pass 5", edges.units, SMALL, quick=False),
    Shape("HTTP JSON, small", "pass", edges.http, SMALL, floor=3.5),
    Shape("read-write, small, units", "read-write", edges.units, SMALL_IMAGE, floor=20, held=5),
    Shape(RAW_BIG, "raw", edges.raw, BIG),
    Shape("pass, big, Call", "pass", edges.call, BIG, floor=1.4),
    Shape("pass, big, units", "pass", edges.units, BIG, width=8, floor=1.6, held=1.4),
    Shape("read-write, big, Call", "read-write", edges.call, BIG, floor=0.9),
)
COLLAPSE = 0.5
"""Part of `held` below which --quick fails."""
FIVE_PODS_FLOOR, PEA_MB, GATEWAY_MB, START_SECONDS = 0.75, 60, 70, 0.4


def baseline(shape: Shape) -> str:
    return RAW_BIG if shape.body is BIG else RAW_SMALL


async def measure(seconds: float, rounds: int, quick: bool) -> dict[str, Any]:
    shapes = [shape for shape in SHAPES if shape.quick or not quick]
    found: dict[tuple[str, int], list[tuple[float, float, float]]] = {}
    cores = os.sched_getaffinity(0)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="peavine-bench-")))
        serving = {"raw": stack.enter_context(Served(folder / "raw")).raw_star()}
        for name in {shape.flow: None for shape in shapes if shape.flow != "raw"}:
            serving[name] = stack.enter_context(Served(folder / name)).flow(FLOWS[name])
        stack.callback(os.sched_setaffinity, 0, cores)
        os.sched_setaffinity(0, cores - {CORE} or cores)
        for shape in shapes:
            await ready(lambda until, shape=shape: shape.edge(serving[shape.flow], shape.body, 1, until))  # type: ignore[misc]
        memory = {name: memory_of(serving["pass"].processes[name].pid) for name in ("one", "gateway")}
        for _ in range(rounds):
            for shape in shapes:
                served = serving[shape.flow]
                for width in (shape.width,) if quick else (shape.width, 1):
                    cpu, began = served.cpu, time.perf_counter()
                    done, times = await shape.edge(served, shape.body, width, began + seconds)
                    rate, spent = done / (time.perf_counter() - began), (served.cpu - cpu) / done
                    found.setdefault((shape.name, width), []).append((rate, spent, statistics.median(times)))
    return {"shapes": [row(shape, found) for shape in shapes], "memory_mb": memory}


def row(shape: Shape, found: dict[tuple[str, int], list[tuple[float, float, float]]]) -> dict[str, Any]:
    """Return what was found for a shape. Ratios are medians of those of the rounds."""
    ours, base = found[shape.name, shape.width], found[baseline(shape), 64]
    alone, alone_base = found.get((shape.name, 1)), found.get((baseline(shape), 1))
    return {
        "shape": shape.name,
        "floor": shape.floor,
        "held": shape.held,
        "requests_per_second": statistics.median(rate for rate, _, _ in ours),
        "cpu_microseconds": 1e6 * statistics.median(cpu for _, cpu, _ in ours),
        "rate": statistics.median(one[0] / other[0] for one, other in zip(ours, base, strict=True)),
        "cpu": statistics.median(other[1] / one[1] for one, other in zip(ours, base, strict=True)),
        "alone_p50": statistics.median(one[2] / other[2] for one, other in zip(alone, alone_base, strict=True))
        if alone and alone_base
        else None,
    }


async def start(rounds: int) -> dict[str, float]:
    """Return the seconds, and those of the CPU, from the start of a Pea with a numpy Executor to its first answer."""
    (pod,) = graph.pods(spec.parse({"metadata": {"name": "bench"}, "spec": {"pods": [{"name": "one", **READING}]}}))
    walls, cpus = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="peavine-bench-") as folder, Served(Path(folder, "pea")) as served:
            began = time.perf_counter()
            served.grpc = served.pea(pod)
            await ready(lambda until: edges.units(served, SMALL_IMAGE, 1, until), pause=0.01)
            walls.append(time.perf_counter() - began)
            cpus.append(served.cpu)
    return {"seconds": statistics.median(walls), "cpu_seconds": statistics.median(cpus)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    seconds, rounds = (0.5, 2) if options.quick else (options.seconds, options.rounds)
    result = uvloop.run(measure(seconds, rounds, options.quick))
    result["start"] = uvloop.run(start(rounds))
    result["load"] = os.getloadavg()[0]
    if options.json:
        print(json.dumps(result))
    else:
        show(result)
    collapsed = [
        f"{one['shape']}: {one['cpu']:.2f}x as many requests for CPU time as raw; it was {one['held']:g}x"
        for one in result["shapes"]
        if one["cpu"] < COLLAPSE * one["held"]
    ]
    if options.quick and collapsed:
        sys.exit("less than half of what it was:\n" + "\n".join(collapsed))


def show(result: dict[str, Any]) -> None:
    table = Table(title=f"Served by one core, ratios to raw (load of the machine: {result['load']:.0f})")
    for place, heading in enumerate(("shape", "requests/s", "CPU µs each", "rate", "CPU", "floor", "alone, p50")):
        table.add_column(heading, justify="right" if place else "left")
    for one in result["shapes"]:
        table.add_row(
            one["shape"],
            f"{one['requests_per_second']:,.0f}",
            f"{one['cpu_microseconds']:,.0f}",
            f"{one['rate']:.2f}x",
            f"{one['cpu']:.2f}x",
            f"{one['floor']:g}x" if one["floor"] else "",
            f"{one['alone_p50']:.2f}x" if one["alone_p50"] else "",
        )
    console = Console(width=110)
    console.print(table)
    rates = {one["shape"]: one for one in result["shapes"]}
    if (five := rates.get("pass, small, units, 5 Pods")) is not None:
        share = rates["pass, small, units"]["cpu_microseconds"] / five["cpu_microseconds"]
        console.print(f"5 Pods against 3, by CPU time: {share:.2f} (floor {FIVE_PODS_FLOOR})")
    memory, started = result["memory_mb"], result["start"]
    console.print(
        f"memory: a Pea that passes {memory['one']:.0f} MB (floor {PEA_MB}), gateway {memory['gateway']:.0f} MB "
        f"(floor {GATEWAY_MB})\nstart of a Pea with a numpy Executor: {started['seconds']:.2f} s "
        f"(floor {START_SECONDS} s on a calm machine), {started['cpu_seconds']:.2f} s of the CPU"
    )


if __name__ == "__main__":
    main()
