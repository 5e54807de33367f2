"""The processes that benchmarks measure: Flows and the baseline, what they cost, and how long they take to start."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc

from peavine import graph, spec
from peavine.flow.order import in_order
from peavine.local.layout import CHILD_ENV

READY_SECONDS = 120.0
RAW_STAR = Path(__file__).with_name("baseline") / "raw_star.py"
CORE = max(os.sched_getaffinity(0))
"""All that serves runs on this core; the client runs on another one where there are two."""


class Served:
    """Processes that serve. Use it in a `with` statement."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.grpc = ""
        """Where it answers gRPC, `HOST:PORT`."""
        self.http = 0
        """Port at which it answers HTTP."""

    def raw_star(self, hops: int = 3) -> Served:
        """Start the baseline."""
        ports = [free_port() for _ in range(hops)]
        for number, port in enumerate(ports):
            self._start(f"hop {number}", str(RAW_STAR), str(port))
        port = free_port()
        self._start("gateway", str(RAW_STAR), str(port), *(f"127.0.0.1:{hop}" for hop in ports))
        self.grpc = f"127.0.0.1:{port}"
        return self

    def flow(self, pods: list[dict[str, Any]]) -> Served:
        """Start a Flow of Pods in a row, over TCP as in a cluster."""
        flow = spec.parse({"kind": "Flow", "metadata": {"name": "bench"}, "spec": {"pods": in_order(pods)}})
        where = {pod.metadata.name: self.pea(pod) for pod in graph.pods(flow)}
        plan, port, self.http = self._folder / "plan.json", free_port(), free_port()
        plan.write_text(graph.plan(flow, lambda pod: [where[pod.name]]).model_dump_json(by_alias=True))
        ports = ("--grpc-port", str(port), "--http-port", str(self.http))
        self._start("gateway", "-m", "peavine", "gateway", "--plan", str(plan), "--host", "127.0.0.1", *ports)
        self.grpc = f"127.0.0.1:{port}"
        return self

    def pea(self, pod: spec.Pod) -> str:
        """Start the only Pea of a Pod, and return where it will listen."""
        name, port = pod.metadata.name, free_port()
        path = self._folder / f"{name}.json"
        path.write_text(pod.model_dump_json(by_alias=True, exclude_unset=True))
        address = f"127.0.0.1:{port}"
        self._start(name, "-m", "peavine", "pea", "--pod", str(path), "--listen", address)
        return address

    def _start(self, name: str, *command: str) -> None:
        environment = {**CHILD_ENV, **os.environ, "PEAVINE_LOG_LEVEL": "WARNING"}
        process = subprocess.Popen([sys.executable, *command], env=environment)
        os.sched_setaffinity(process.pid, {CORE})
        self.processes[name] = process

    @property
    def cpu(self) -> float:
        """CPU seconds that all of them have used, which other load on the machine changes little."""
        return sum(cpu_of(process.pid) for process in self.processes.values())

    def __enter__(self) -> Served:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(30)


def cpu_of(pid: int) -> float:
    """Return the CPU seconds of a process, by the clock that Linux has for each (see clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)


def memory_of(pid: int) -> float:
    """Return the megabytes that a process has in memory, what it shares with others included."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1000
    raise ProcessLookupError(pid)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def ready(ask: Callable[[float], Awaitable[Any]], pause: float = 0.1) -> None:
    """Return once a request is answered; `ask` sends requests until a time of time.perf_counter()."""
    give_up = time.monotonic() + READY_SECONDS
    while True:
        try:
            await ask(time.perf_counter() + pause)
        except (grpc.aio.AioRpcError, OSError):
            if time.monotonic() > give_up:
                raise
            await asyncio.sleep(pause)
        else:
            return
