"""How a Flow fares when strangers attack its ports: each attack runs next to well-behaved clients, then all at once.

    python bench/attacks.py [--seconds 4] [--only NAME] [--json]

The well-behaved clients ask one small search every 50 ms, by gRPC and by HTTP. An attack has passed when their p99 is
below 250 ms, none of their requests failed, no process of the Flow was more than 256 MB above its memory when idle, and
every process is still the one that was started. A Flow that did not pass is replaced before the next attack, so each
row speaks for itself; one that passes must survive all attacks. The first row, without an attack, is the baseline.

The attacker is a process on this machine, so it takes time of the cores that the Flow needs. Everything is bounded in
number and time, and stays on the loopback interface.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import http.client
import json
import multiprocessing
import os
import statistics
import struct
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

import grpc
import numpy as np
from rich.console import Console
from rich.table import Table

from peavine import spec
from peavine.documents import Document
from peavine.local import Listen, LocalFlow
from peavine.v1 import pea_pb2
from peavine.wire import batch_to_bytes
from peavine.wire.hello import hello
from peavine.wire.unit import CONTROL, stamp

FLOW = {
    "metadata": {"name": "attacked"},
    "spec": {
        "pods": [
            {"name": "encode", "needs": ["gateway"], "uses": "!RandomProjection {with: {output_dim: 16}}"},
            {
                "name": "index",
                "needs": ["encode"],
                "uses": "_index",
                "executor": {"with": {"metric": "euclidean"}},
                "shards": 2,
                "storage": {"size": "1Gi"},
            },
        ]
    },
}
P99_MS, MEMORY_MB = 250, 256
VICTIM_SECONDS = 0.05
MIB = 1048576
SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Target:
    """Where the attacked Flow listens."""

    host: str
    grpc_port: int
    http_port: int
    pea: str
    """The unix socket of a Pea."""


T = TypeVar("T")
Attack = Callable[[Target], Awaitable[None]]
"""Attacks until it is done, or holds what it has until it is cancelled."""


# HTTP


def head(length: int | str = "chunked", more: str = "") -> bytes:
    framing = f"Content-Length: {length}" if isinstance(length, int) else f"Transfer-Encoding: {length}"
    lines = ("POST /v1/search HTTP/1.1", "Host: localhost", "Content-Type: application/json", framing)
    return ("\r\n".join(lines) + f"\r\n{more}\r\n").encode()


async def connect(target: Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(target.host, target.http_port)


def post(body: bytes) -> Attack:
    """Return an attack that is one request."""

    async def attack(target: Target) -> None:
        reader, writer = await connect(target)
        writer.write(head(len(body)) + body)
        await reader.readuntil(b"\r\n")
        writer.close()

    return attack


def items(item: bytes, size: int) -> bytes:
    return b'{"docs":[' + b",".join([item] * (size // (len(item) + 1))) + b"]}"


def bodies(count: int, first: bytes, every: float | None = None) -> Attack:
    """Return an attack by requests that announce a large body and send next to nothing of it."""

    async def one(target: Target) -> None:
        while True:
            reader, writer = await connect(target)
            writer.write(head(16 * MIB, "Connection: close\r\n") + first)
            while every is not None and not reader.at_eof():
                await asyncio.sleep(every)
                writer.write(b" ")
                await writer.drain()
            await reader.read()  # until the gateway closes it
            await asyncio.sleep(0.1)

    return lambda target: many([target] * count, one)


async def many(whats: Iterable[T], one: Callable[[T], Awaitable[None]]) -> None:
    await asyncio.gather(*map(one, whats), return_exceptions=True)


async def connections(target: Target) -> None:
    held = [await connect(target) for _ in range(900)]
    await asyncio.gather(*(reader.read() for reader, _ in held), return_exceptions=True)


async def headers(target: Target) -> None:
    async def one(_: int) -> None:
        while True:
            reader, writer = await connect(target)
            writer.write(head(0, "x:\r\n" * 250_000))
            await reader.read()

    await many(range(4), one)


async def pipelined(target: Target) -> None:
    async def one(_: int) -> None:
        _reader, writer = await connect(target)
        for _ in range(100):
            writer.write((head(2) + b"{}") * 1000)
            await writer.drain()
        await asyncio.Event().wait()

    await many(range(4), one)


async def gone(target: Target) -> None:
    for _ in range(1000):
        _, writer = await connect(target)
        writer.write(head(1000) + b"{")
        await asyncio.sleep(0.002)
        writer.transport.abort()


# WebSockets


async def socket(target: Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await connect(target)
    key = base64.b64encode(bytes(16)).decode()
    upgrade = f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}"
    writer.write(f"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n{upgrade}\r\n\r\n".encode())
    if b" 101 " not in await reader.readuntil(b"\r\n\r\n"):
        raise ConnectionRefusedError
    return reader, writer


def message(payload: bytes, opcode: int = 1, last: bool = True) -> bytes:
    size = len(payload)
    short = bytes([0x80 | size]) if size < 126 else b"\xff" + size.to_bytes(8, "big")
    return bytes([last << 7 | opcode]) + short + bytes(4) + payload


async def large_messages(target: Target) -> None:
    _, writer = await socket(target)
    for number in range(60):
        writer.write(message(b'{"id":"%d","kind":"search","docs":[{"text":"' % number + b"a" * (15 * MIB) + b'"}]}'))
        await writer.drain()


def unfinished(count: int, payload: bytes) -> Attack:
    async def one(target: Target) -> None:
        reader, writer = await socket(target)
        writer.write(message(payload, last=False))
        await reader.read()

    return lambda target: many([target] * count, one)


async def frames(target: Target) -> None:
    _, writer = await socket(target)
    writer.write(message(b"{", last=False))
    for _ in range(100):
        writer.write(message(b"", opcode=0, last=False) * 5000)
        await writer.drain()
    await asyncio.Event().wait()


# gRPC


def field(number: int, data: bytes) -> bytes:
    size, encoded = len(data), b""
    while size > 127:
        encoded += bytes([size & 127 | 128])
        size >>= 7
    return bytes([number << 3 | 2]) + encoded + bytes([size]) + data


SMALL = batch_to_bytes([Document(id="q", tensor=np.array([1, 2, 3, 4], "<f4"))])
GROUPS = (b"\xa3\x06" * 99) + (b"\xa4\x06" * 99)
"""Unknown groups, as deep as protobuf parses them in a request, and one too deep for a unit that holds the request."""


@contextlib.asynccontextmanager
async def channel(target: Target) -> AsyncIterator[grpc.aio.Channel]:
    options = (("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1))
    async with grpc.aio.insecure_channel(f"{target.host}:{target.grpc_port}", options) as opened:
        yield opened


def search(raw: bytes, clients: int = 1, again: bool = False) -> Attack:
    async def one(target: Target) -> None:
        async with channel(target) as opened:
            ask: Any = opened.unary_unary("/peavine.v1.Gateway/Search")
            while True:
                with contextlib.suppress(grpc.RpcError):
                    await ask(raw, timeout=0.3 if again else 30)
                if not again:
                    return

    return lambda target: many([target] * clients, one)


async def many_items(target: Target) -> None:
    async with channel(target) as opened:
        stream: Any = opened.stream_stream("/peavine.v1.Pea/Stream")()
        await stream.write(stamp(hello("", "attacker"), CONTROL, 0, time.time()))
        await stream.read()
        await stream.write(stamp(b"\x20\x02" + b"\x2a\x00" * (MIB // 8), 1, 0, time.time()))
        await stream.read()


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


DATA, HEADERS, RESET, SETTINGS, PING, WINDOW = 0, 1, 3, 4, 6, 8
BEGIN = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0)


def call(path: str, **more: str) -> bytes:
    """Return the head of a gRPC call for HTTP/2."""
    given = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "x", "te": "trailers"}
    given |= {"content-type": "application/grpc"} | more
    return b"".join(
        b"\x00\x7f" + bytes([len(key) - 127]) + key.encode() + value
        if len(key) > 126
        else b"\x00" + bytes([len(key)]) + key.encode() + value
        for key, value in ((key, _string(value)) for key, value in given.items())
    )


def _string(value: str) -> bytes:
    size, encoded = len(value), b""
    if size < 127:
        return bytes([size]) + value.encode()
    size -= 127
    while size > 127:
        encoded += bytes([size & 127 | 128])
        size >>= 7
    return b"\x7f" + encoded + bytes([size]) + value.encode()


class HalfSender:
    """A connection that sends a message but for its last byte, as fast as flow control lets it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._left = {0: 65535, 1: 65535}
        self._initial = 65535
        self._room = asyncio.Event()

    async def send(self, path: str, size: int) -> None:
        self._writer.write(BEGIN + frame(HEADERS, 4, 1, call(path)))
        listening = asyncio.create_task(self._listen())
        rest = memoryview(b"\0" + size.to_bytes(4, "big") + bytes(size - 1))
        while rest:
            while (count := min(16384, *self._left.values(), len(rest))) <= 0:
                self._room.clear()
                await self._room.wait()
            self._writer.write(frame(DATA, 0, 1, bytes(rest[:count])))
            await self._writer.drain()
            rest = rest[count:]
            for stream in self._left:
                self._left[stream] -= count
        await listening

    async def _listen(self) -> None:
        while True:
            start = await self._reader.readexactly(9)
            payload = await self._reader.readexactly(int.from_bytes(start[:3], "big"))
            kind, flags, stream = start[3], start[4], int.from_bytes(start[5:], "big")
            if kind == WINDOW:
                self._left[stream] = self._left.get(stream, 0) + int.from_bytes(payload, "big")
            elif kind == SETTINGS and not flags & 1:
                for place in range(0, len(payload), 6):
                    key, value = struct.unpack_from(">HI", payload, place)
                    if key == 4:
                        self._left[1] += value - self._initial
                        self._initial = value
                self._writer.write(frame(SETTINGS, 1, 0))
            elif kind == PING and not flags & 1:
                self._writer.write(frame(PING, 1, 0, payload))
            self._room.set()


async def half_sent(target: Target) -> None:
    async def one(_: int) -> None:
        streams = await asyncio.open_connection(target.host, target.grpc_port)
        await HalfSender(*streams).send("/peavine.v1.Gateway/Search", 16 * MIB)

    await many(range(40), one)


async def half_sent_to_a_pea(target: Target) -> None:
    async def one(_: int) -> None:
        streams = await asyncio.open_unix_connection(target.pea)
        await HalfSender(*streams).send("/peavine.v1.Pea/Stream", 400 * MIB)

    await many(range(2), one)


def streams(count: int, block: bytes, reset: bool) -> Attack:
    """Return an attack by streams on one connection that only have a head; `reset` ends each at once."""

    async def attack(target: Target) -> None:
        reader, writer = await asyncio.open_connection(target.host, target.grpc_port)
        writer.write(BEGIN)
        draining = asyncio.create_task(reader.read(-1))
        for number in range(1, 2 * count, 2):
            end = frame(RESET, 0, number, b"\0\0\0\x08") if reset else b""
            writer.write(frame(HEADERS, 4, number, block) + end)
            await writer.drain()
        await draining

    return attack


async def deaf(target: Target) -> None:
    """Ask on streams whose flow control lets no answer through."""
    reader, writer = await asyncio.open_connection(target.host, target.grpc_port)
    writer.write(BEGIN + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0)))
    raw = pea_pb2.Envelope(header=pea_pb2.Header(id="x", kind=pea_pb2.SEARCH), bodies=[SMALL]).SerializeToString()
    for number in range(1, 2 * 256, 2):
        writer.write(frame(HEADERS, 4, number, call("/peavine.v1.Gateway/Call")))
        writer.write(frame(DATA, 0, number, b"\0" + len(raw).to_bytes(4, "big") + raw))
        await writer.drain()
    await reader.read(-1)


async def pings(target: Target) -> None:
    reader, writer = await asyncio.open_connection(target.host, target.grpc_port)
    writer.write(BEGIN)
    draining = asyncio.create_task(reader.read(-1))
    for _ in range(500):
        writer.write(frame(PING, 0, 0, bytes(8)) * 1000)
        await writer.drain()
    await draining


async def grpc_connections(target: Target) -> None:
    held = [await asyncio.open_connection(target.host, target.grpc_port) for _ in range(1500)]
    for _, writer in held:
        writer.write(BEGIN)
    await asyncio.gather(*(reader.read(-1) for reader, _ in held), return_exceptions=True)


ATTACKS: dict[str, Attack] = {
    "a tensor of strings, 110 KB": post(json.dumps({"docs": [{"tensor": ["x" * 22000] + [""] * 22000}]}).encode()),
    "many Documents in JSON, 2 MiB": post(items(b"{}", 2 * MIB)),
    "wrong Documents in JSON, 2 MiB": post(items(b"0", 2 * MIB)),
    "nested lists in JSON, 2 MiB": post(b'{"docs":[{"tags":{"a":[' + b",".join([b"[]"] * (2 * MIB // 3)) + b"]}}]}"),
    "16 bodies that do not come": bodies(16, b"{"),
    "64 bodies that trickle": bodies(64, b"{", every=0.5),
    "16 bodies of 16 MiB but for a byte": bodies(16, bytes(16 * MIB - 1)),
    "900 connections without a request": connections,
    "heads of 250,000 headers": headers,
    "400,000 pipelined requests": pipelined,
    "1,000 clients that go": gone,
    "60 WebSocket messages of 15 MiB": large_messages,
    "40 unfinished WebSocket messages": unfinished(40, b"a" * (15 * MIB)),
    "400 WebSockets": unfinished(400, b"{"),
    "500,000 WebSocket frames": frames,
    "poisoned requests": search(field(1, GROUPS) + field(2, SMALL), clients=4, again=True),
    "131,072 items in a unit": many_items,
    "many Documents by gRPC, 4 MiB": search(field(2, field(1, field(1, b"a")) * (4 * MIB // 5))),
    "40 half-sent requests of 16 MiB": half_sent,
    "2 half-sent units of 400 MiB to a Pea": half_sent_to_a_pea,
    "20,000 calls that are reset": streams(20_000, call("/peavine.v1.Gateway/Search"), reset=True),
    "10,000 heads of 12 KB, reset": streams(10_000, call("/peavine.v1.Gateway/Search", x="y" * 12_000), reset=True),
    "500,000 pings": pings,
    "1,500 gRPC connections": grpc_connections,
    "256 streams that take no answer": deaf,
    "5,000 Call streams": streams(5_000, call("/peavine.v1.Gateway/Call"), reset=False),
}


# Running them


def attacker(names: list[str], target: Target, seconds: float, together: Any) -> None:
    async def one(name: str) -> None:
        with contextlib.suppress(TimeoutError, OSError, EOFError, grpc.RpcError):
            async with asyncio.timeout(seconds):
                await ATTACKS[name](target)

    together.wait(60)
    asyncio.run(many(names, one))


def victim(target: Target, pipe: Connection, together: Any) -> None:
    """Ask from when all are ready until told to stop, and send the milliseconds and failures of all requests."""
    stop, times, failures = threading.Event(), list[float](), list[str]()

    def keep(ask: Callable[[], str]) -> None:
        while not stop.is_set():
            began = time.perf_counter()
            try:
                failed = ask()
            except (OSError, http.client.HTTPException) as error:
                failed = type(error).__name__
            took = time.perf_counter() - began
            times.append(1000 * took)
            if failed:
                failures.append(failed)
            stop.wait(VICTIM_SECONDS - took)

    opened: Any = grpc.insecure_channel(f"{target.host}:{target.grpc_port}")
    raw = pea_pb2.Envelope(bodies=[SMALL]).SerializeToString()
    body = json.dumps({"docs": [{"tensor": [1, 2, 3, 4]}]}).encode()
    kept = http.client.HTTPConnection(target.host, target.http_port, timeout=10)

    def by_grpc() -> str:
        try:
            opened.unary_unary("/peavine.v1.Gateway/Search")(raw, timeout=10)
        except grpc.RpcError as error:
            return str(error.code().name)
        return ""

    def by_http() -> str:
        try:
            kept.request("POST", "/v1/search", body, {"Content-Type": "application/json"})
            answer = kept.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            kept.close()
            raise
        return "" if answer.status == 200 else str(answer.status)

    threads = [threading.Thread(target=keep, args=(ask,)) for ask in (by_grpc, by_http)]
    together.wait(60)
    for thread in threads:
        thread.start()
    pipe.recv()
    stop.set()
    for thread in threads:
        thread.join()
    pipe.send((times, failures))


def memory(pid: int, what: str) -> float:
    """Return MB of a process: VmRSS now, or VmHWM at most since `forget_peaks`."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(what):
                return int(line.split()[1]) / 1024
    return 0.0


def forget_peaks(flow: LocalFlow) -> None:
    for pid in flow.pids.values():
        Path(f"/proc/{pid}/clear_refs").write_text("5")


class Attacked:
    """A Flow, what its processes are and need when nobody attacks."""

    def __init__(self) -> None:
        self.flow = LocalFlow(spec.parse(FLOW), listen=Listen(), sink=lambda *_: None)
        self.flow.start()
        self.pids = self.flow.pids
        host, _, port = self.flow.host.rpartition(":")
        pea = next(Path(tempfile.gettempdir()).glob("peavine-*/encode-0-0.sock"))
        self.target = Target(host, int(port), int(self.flow.url.rpartition(":")[2]), str(pea))
        with contextlib.closing(http.client.HTTPConnection(host, self.target.http_port)) as client:
            body = json.dumps({"docs": [{"id": f"d{i}", "tensor": [i, 2, 3, 4]} for i in range(100)]})
            for kind in ("index", *["search"] * 20):
                client.request("POST", f"/v1/{kind}", body, {"Content-Type": "application/json"})
                client.getresponse().read()
        self.idle = {name: memory(pid, "VmRSS") for name, pid in self.pids.items()}

    def above_idle(self, what: str) -> tuple[float, float]:
        """Return the MB above idle of the gateway, and of the largest other process."""
        above = {name: memory(pid, what) - self.idle[name] for name, pid in self.pids.items()}
        return above.pop("gateway"), max(above.values())


@dataclass(frozen=True)
class Result:
    """What an attack did."""

    p50: float
    p99: float
    asked: int
    failures: int
    gateway: tuple[float, float]
    """MB above idle: at most, and afterwards."""
    peas: tuple[float, float]
    same_processes: bool

    @property
    def verdict(self) -> str:
        """What is too bad, if anything."""
        found = {
            "slow": self.p99 >= P99_MS,
            "failures": self.failures > 0,
            "memory": max(*self.gateway, *self.peas) >= MEMORY_MB,
            "restart": not self.same_processes,
        }
        return ", ".join(name for name, bad in found.items() if bad) or "ok"


def measure(attacked: Attacked, names: list[str], seconds: float) -> Result:
    forget_peaks(attacked.flow)
    together = SPAWN.Barrier(3 if names else 2)
    ours, theirs = SPAWN.Pipe()
    asking = SPAWN.Process(target=victim, args=(attacked.target, theirs, together))
    asking.start()
    attacking = SPAWN.Process(target=attacker, args=(names, attacked.target, seconds, together))
    if names:
        attacking.start()
    together.wait(60)
    if names:
        attacking.join(seconds + 10)
        attacking.kill()
        attacking.join()
    time.sleep(1 if names else seconds)  # while all should be well again
    ours.send("stop")
    times, failures = ours.recv()
    asking.join()
    gateway, peas = (
        tuple(zip(attacked.above_idle("VmHWM"), attacked.above_idle("VmRSS"), strict=True))[place] for place in (0, 1)
    )
    cut = statistics.quantiles(times, n=100, method="inclusive")
    same = attacked.flow.pids == attacked.pids and all(memory(pid, "VmRSS") for pid in attacked.pids.values())
    return Result(cut[49], cut[98], len(times), len(failures), gateway, peas, same)


def run(rounds: list[tuple[str, list[str]]], seconds: float) -> Iterator[tuple[str, Result]]:
    attacked: Attacked | None = None
    try:
        for title, names in rounds:
            attacked = attacked or Attacked()
            result = measure(attacked, names, seconds)
            yield title, result
            if names and result.verdict != "ok":
                attacked.flow.stop()
                attacked = None
    finally:
        if attacked is not None:
            attacked.flow.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4, help="how long an attack may take")
    parser.add_argument("--only", default="", help="only attacks whose name contains this")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    chosen = [name for name in ATTACKS if options.only in name]
    rounds: list[tuple[str, list[str]]] = [("none", []), *((name, [name]) for name in chosen)]
    if len(chosen) > 1:
        rounds.append(("all at once", chosen))
    table = Table("attack", "p50 ms", "p99 ms", "failed", "gateway MB: peak, after", "Peas MB: peak, after", "verdict")
    with tempfile.TemporaryDirectory(prefix="pv") as folder:
        tempfile.tempdir = folder  # where LocalFlow puts its sockets
        for title, result in run(rounds, options.seconds):
            if options.json:
                print(json.dumps({"attack": title, "verdict": result.verdict, **asdict(result)}), flush=True)
            failed = f"{result.failures} of {result.asked}"
            above = [f"{peak:+.0f}, {after:+.0f}" for peak, after in (result.gateway, result.peas)]
            table.add_row(title, f"{result.p50:.0f}", f"{result.p99:.0f}", failed, *above, result.verdict)
    if not options.json:
        Console(width=None if os.isatty(1) else 160).print(table)


if __name__ == "__main__":
    main()
