"""How fast the data plane is, with Pods that pass everything on and with slow ones: 64 small requests in flight.

    python bench/data_plane.py [--seconds 2] [--rounds 3] [--json]

Passing: the baseline, raw grpc.aio doing one unary call a hop, runs in the same rounds. The client is on core 0 and all
that serves is on core 1, over TCP, so a figure is what one core serves. The floors are ratios to the baseline.

Slow: the Executors sleep, so what is ideal is known. It shows whether the rule by which units leave keeps Peas busy.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import uvloop
from rich.console import Console
from rich.table import Table

from peavine import graph, spec
from peavine.documents import Document
from peavine.flow.order import in_order
from peavine.local.layout import Listen
from peavine.local.runner import LocalFlow
from peavine.v1 import pea_pb2
from peavine.wire import batch_to_bytes
from peavine.wire.hello import hello
from peavine.wire.unit import CONTROL, serialize, stamp, unstamp

IN_FLIGHT = 64
FLOORS = {"Call stream": 3.0, "client units": 20.0}
BODY = batch_to_bytes([Document(id="0123456789abcdef", text="one small document of a hundred bytes or so " * 2)])
Edge = Callable[[str, int, float], Awaitable[tuple[int, list[float]]]]


def envelope(number: int) -> pea_pb2.Envelope:
    return pea_pb2.Envelope(header=pea_pb2.Header(id=f"r{number:015d}", kind=pea_pb2.SEARCH), bodies=[BODY])


async def unary(address: str, method: str, width: int, until: float) -> tuple[int, list[float]]:
    times: list[float] = []
    async with grpc.aio.insecure_channel(address) as channel:
        ask: Any = channel.unary_unary(method)

        async def one() -> None:
            while (began := time.perf_counter()) < until:
                await ask(envelope(len(times)).SerializeToString())
                times.append(time.perf_counter() - began)

        await asyncio.gather(*(one() for _ in range(width)))
    return len(times), times


async def raw(address: str, width: int, until: float) -> tuple[int, list[float]]:
    return await unary(address, "/raw/Ask", width, until)


async def single(address: str, width: int, until: float) -> tuple[int, list[float]]:
    return await unary(address, "/peavine.v1.Gateway/Search", width, until)


async def call(address: str, width: int, until: float) -> tuple[int, list[float]]:
    done, times, begun = 0, list[float](), dict[int, float]()
    async with grpc.aio.insecure_channel(address) as channel:
        stream: Any = channel.stream_stream("/peavine.v1.Gateway/Call")()
        for number in range(width):
            begun[number] = time.perf_counter()
            await stream.write(envelope(number).SerializeToString())
        while time.perf_counter() < until:
            answer = pea_pb2.Envelope.FromString(await stream.read())
            assert not answer.header.HasField("status"), answer.header.status
            times.append(time.perf_counter() - begun.pop(int(answer.header.id[1:])))
            done += 1
            begun[width + done] = time.perf_counter()
            await stream.write(envelope(width + done).SerializeToString())
        stream.cancel()
    return done, times


async def units(address: str, width: int, until: float) -> tuple[int, list[float]]:
    done, number, times = 0, 0, list[float]()
    async with grpc.aio.insecure_channel(address) as channel:
        stream: Any = channel.stream_stream("/peavine.v1.Pea/Stream")()
        await stream.write(stamp(hello("", "bench"), CONTROL, 0, time.time()))
        await stream.read()
        while (began := time.perf_counter()) < until:
            number += 1
            unit = pea_pb2.Unit(kind=pea_pb2.SEARCH, items=[envelope(done + place) for place in range(width)])
            await stream.write(stamp(serialize(unit), number, 0, time.time()))
            answer = unstamp(await stream.read())
            assert answer.number == number, answer
            assert not answer.failed, answer
            assert len(pea_pb2.Unit.FromString(answer.rest).items) == width
            times.append(time.perf_counter() - began)
            done += width
        stream.cancel()
    return done, times


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


class Served:
    """The processes that serve, all on core 1."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self.core = max(os.sched_getaffinity(0))

    def start(self, *command: str) -> None:
        environment = {**os.environ, "PEAVINE_LOG_LEVEL": "WARNING"}
        process = subprocess.Popen([sys.executable, *command], env=environment)
        os.sched_setaffinity(process.pid, {self.core})
        self.processes.append(process)

    def raw_star(self) -> str:
        hops = [free_port() for _ in range(3)]
        for hop in hops:
            self.start("bench/baseline/raw_star.py", str(hop))
        port = free_port()
        self.start("bench/baseline/raw_star.py", str(port), *(f"127.0.0.1:{hop}" for hop in hops))
        return f"127.0.0.1:{port}"

    def flow(self) -> str:
        pods = [{"name": name} for name in ("one", "two", "three")]
        flow = spec.parse({"kind": "Flow", "metadata": {"name": "bench"}, "spec": {"pods": in_order(pods)}})
        where = {}
        for pod in graph.pods(flow):
            name, port = pod.metadata.name, free_port()
            path = self.folder / f"{name}.json"
            path.write_text(pod.model_dump_json(by_alias=True, exclude_unset=True))
            self.start("-m", "peavine", "pea", "--pod", str(path), "--listen", f"127.0.0.1:{port}")
            where[name] = [f"127.0.0.1:{port}"]
        plan, port = self.folder / "plan.json", free_port()
        plan.write_text(graph.plan(flow, lambda pod: where[pod.name]).model_dump_json(by_alias=True))
        ports = ("--grpc-port", str(port), "--http-port", str(free_port()))
        self.start("-m", "peavine", "gateway", "--plan", str(plan), "--host", "127.0.0.1", *ports)
        return f"127.0.0.1:{port}"

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def ready(ask: Edge, address: str) -> None:
    """Wait until a first request is answered."""
    give_up = time.monotonic() + 60
    while True:
        try:
            await ask(address, 1, time.perf_counter() + 0.1)
        except grpc.aio.AioRpcError:
            if time.monotonic() > give_up:
                raise
            await asyncio.sleep(0.1)
        else:
            return


async def passing(seconds: float, rounds: int) -> list[dict[str, Any]]:
    found: dict[tuple[str, int], list[tuple[float, float]]] = {}
    cores = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory(prefix="peavine-bench-") as folder:
        served = Served(Path(folder))
        try:
            baseline, flow = served.raw_star(), served.flow()
            os.sched_setaffinity(0, {min(cores)})
            edges: dict[str, tuple[Edge, str]] = {
                "raw unary star": (raw, baseline),
                "unary": (single, flow),
                "Call stream": (call, flow),
                "client units": (units, flow),
            }
            for ask, address in edges.values():
                await ready(ask, address)
            for _ in range(rounds):
                for name, (ask, address) in edges.items():
                    for width in (IN_FLIGHT, 1):
                        began = time.perf_counter()
                        done, times = await ask(address, width, began + seconds)
                        rate = done / (time.perf_counter() - began)
                        found.setdefault((name, width), []).append((rate, 1000 * statistics.median(times)))
        finally:
            served.stop()
            os.sched_setaffinity(0, cores)
    rates = {name: statistics.median(rate for rate, _ in found[name, IN_FLIGHT]) for name in edges}
    return [
        {
            "edge": name,
            "requests_per_second": round(rate),
            "ratio": round(rate / rates["raw unary star"], 1),
            "floor": FLOORS.get(name),
            "alone_ms": round(statistics.median(latency for _, latency in found[name, 1]), 2),
        }
        for name, rate in rates.items()
    ]


def sleeping(seconds: float) -> list[dict[str, Any]]:
    rows = []
    for name, pods, ideal in CASES:
        flow = spec.parse({"metadata": {"name": "slow"}, "spec": {"pods": in_order(pods)}})
        with LocalFlow(flow, listen=Listen(), sink=lambda process, line: None) as running:
            rate, p99 = uvloop.run(steady(running.host, seconds))
        rows.append({"case": name, "requests_per_second": round(rate), "ideal": round(ideal), "p99_ms": round(p99)})
    return rows


async def steady(host: str, seconds: float) -> tuple[float, float]:
    """Return requests a second and the 99th percentile in milliseconds, once the stream is under way."""
    await call(host, IN_FLIGHT, time.perf_counter() + 0.5)
    began = time.perf_counter()
    done, times = await call(host, IN_FLIGHT, began + seconds)
    return done / (time.perf_counter() - began), 1000 * sorted(times)[len(times) * 99 // 100]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    passed = uvloop.run(passing(given.seconds, given.rounds))
    slept = sleeping(given.seconds)
    if given.json:
        print(json.dumps({"passing": passed, "slow": slept}))
        return
    first = table("Pods that pass, served by one core", "edge", "requests/s", "ratio", "floor", "alone, p50 ms")
    for row in passed:
        floor = f"{row['floor']:g}x" if row["floor"] else ""
        rate = f"{row['requests_per_second']:,}"
        first.add_row(row["edge"], rate, f"{row['ratio']}x", floor, f"{row['alone_ms']:.2f}")
    second = table("Slow Pods, Call stream", "what a Pea takes", "requests/s", "at best", "of that", "p99 ms")
    for row in slept:
        rate, share = row["requests_per_second"], row["requests_per_second"] / row["ideal"]
        second.add_row(row["case"], f"{rate:,}", f"{row['ideal']:,}", f"{share:.0%}", f"{row['p99_ms']}")
    Console().print(first, second)


def table(title: str, *headings: str) -> Table:
    made = Table(title=f"{title}, {IN_FLIGHT} small requests in flight")
    for place, heading in enumerate(headings):
        made.add_column(heading, justify="right" if place else "left")
    return made


if __name__ == "__main__":
    main()
