"""The programs `peavine pea` and `peavine gateway`: how they start, fail and end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from peavine import graph, spec
from peavine.documents import Document
from peavine.serving import LIVE
from peavine.wire import batch_from_bytes
from tests.local.streams.running import OBEDIENT, OBEY, Start, UnitStream, envelope, until

PATIENCE = 60.0
"""Seconds that a process may take on a busy machine."""


class Program:
    """One process, with its folder."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.words = folder / "last-words.json"
        environment = {**os.environ, "PEAVINE_TERMINATION_LOG": str(self.words)}
        self.process = subprocess.Popen([sys.executable, "-m", "peavine", *arguments], env=environment)

    def ended(self, seconds: float = PATIENCE) -> int:
        return self.process.wait(seconds)


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Any]:
    started: list[Program] = []

    def start(*arguments: str) -> Program:
        started.append(Program(tmp_path, *arguments))
        return started[-1]

    yield start
    for program in started:
        program.process.kill()
        program.process.wait()


def pod(folder: Path, **fields: Any) -> str:
    path = folder / "pod.json"
    path.write_text(json.dumps({"kind": "Pod", "metadata": {"name": "work"}, "spec": fields}))
    return str(path)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        return str(answer.read().decode())


async def serving(address: str) -> None:
    """Wait until the process says that it serves."""
    give_up = time.monotonic() + PATIENCE
    async with grpc.aio.insecure_channel(address, [("grpc.max_reconnect_backoff_ms", 100)]) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        while True:
            try:
                answer = await stub.Check(health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=PATIENCE)
            except grpc.aio.AioRpcError:
                assert time.monotonic() < give_up
                continue
            if answer.status == health_pb2.HealthCheckResponse.SERVING:
                return
            assert time.monotonic() < give_up


async def test_a_pea_ends_with_0_on_sigterm_when_it_has_answered_what_it_took(programs: Any, tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/pea.sock"
    program = programs("pea", "--pod", pod(tmp_path, **OBEY), "--listen", address)
    await serving(address)
    async with grpc.aio.insecure_channel(address) as channel:
        stream = UnitStream(channel)
        await stream.open()
        item = envelope("x", Document(id="x", text="sleep 0.5"))
        item.header.deadline = time.time() + PATIENCE
        await stream.ask(1, item)
        await stream.ask(2, item)
        program.process.send_signal(signal.SIGTERM)
        seen = [await stream.answer() for _ in range(3)]
    assert [unit.draining for _, unit in seen] == [True, False, False]
    assert [stamped.failed for stamped, _ in seen] == [0, 0, 0]
    assert program.ended() == 0
    assert not program.words.exists()


async def test_a_pea_finds_its_code_in_a_folder_of_files(programs: Any, tmp_path: Path) -> None:
    address, folder = f"unix:{tmp_path}/pea.sock", tmp_path / "mounted"
    folder.mkdir()
    (folder / "obedient.py").write_text(OBEDIENT)
    programs("pea", "--pod", pod(tmp_path, executor=OBEY["executor"]), "--listen", address, "--files", str(folder))
    await serving(address)
    async with grpc.aio.insecure_channel(address) as channel:
        stream = UnitStream(channel)
        await stream.open()
        item = envelope("x", Document(id="x", text="hello"))
        item.header.deadline = time.time() + PATIENCE
        await stream.ask(1, item)
        stamped, unit = await stream.answer()
    assert stamped.failed == 0
    assert batch_from_bytes(unit.items[0].bodies[0]).docs[0].text == "hello, done"


async def test_sigterm_ends_a_pea_whose_executor_is_still_being_loaded(programs: Any, tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/pea.sock"
    hang = "import time\nfrom peavine.executors import Crafter\nclass Hang(Crafter):\n"
    hang += "    def post_init(self):\n        time.sleep(3600)\n    def craft(self, text):\n        return {}\n"
    made = pod(tmp_path, uses="!Hang\nmetas: {py_modules: hang.py}\n", files={"hang.py": hang})
    program = programs("pea", "--pod", made, "--listen", address)
    await until((tmp_path / "pea.sock").exists, "it listens", PATIENCE)
    program.process.send_signal(signal.SIGTERM)
    assert program.ended() == 0


async def test_a_pea_whose_code_hangs_says_that_it_could_not_be_closed(start: Start, tmp_path: Path) -> None:
    flow = await start({"name": "obey", **OBEY}, gateway=False)
    pea = flow.peas.pop("obey-0-0")
    async with grpc.aio.insecure_channel(pea.address) as channel:
        stream = UnitStream(channel)
        await stream.open()
        item = envelope("x", Document(id="x", text=f"await {tmp_path / 'end'}"))
        item.header.deadline = time.time() + PATIENCE
        await stream.ask(1, item)
        assert not await pea.stop(0.1)
    (tmp_path / "end").touch()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"uses": "!NoSuchExecutor"}, "NoSuchExecutor"),
        ({"uses": "!RandomProjection\nwith: {output_dmi: 4}"}, 'did you mean "output_dim"?'),
        (
            {"uses": "!Bad\nmetas: {py_modules: bad.py}", "files": {"bad.py": "import nothing_like_this"}},
            "nothing_like",
        ),
    ],
    ids=["an unknown class", "an unknown argument", "a module that fails"],
)
def test_a_pea_that_cannot_start_exits_1_and_says_why(
    programs: Any, tmp_path: Path, fields: dict[str, Any], said: str
) -> None:
    program = programs("pea", "--pod", pod(tmp_path, **fields), "--listen", f"unix:{tmp_path}/pea.sock")
    assert program.ended() == 1
    words = json.loads(program.words.read_text())
    assert said in words["error"]
    assert words["pod"] == "work"
    assert words["pea"] == "work-0"


def test_a_port_in_use_is_named(programs: Any, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        program = programs("pea", "--pod", pod(tmp_path), "--listen", address)
        assert program.ended() == 1
    assert address in json.loads(program.words.read_text())["error"]


async def test_metrics_say_what_a_gateway_did(programs: Any, tmp_path: Path) -> None:
    address, port = f"unix:{tmp_path}/pea.sock", free_port()
    programs("pea", "--pod", pod(tmp_path), "--listen", address)
    flow = spec.parse({"metadata": {"name": "flow"}, "spec": {"pods": [{"name": "work"}]}})
    plan, places = tmp_path / "plan.json", tmp_path / "addresses.json"
    plan.write_text(graph.plan(flow, lambda _: [address]).model_dump_json(by_alias=True))
    ports = ("--grpc-port", "0", "--http-port", "0", "--metrics-port", str(port), "--addresses", str(places))
    program = programs("gateway", "--plan", str(plan), "--host", "::1", *ports)
    await until(lambda: places.exists() and bool(places.read_text()), "it listens", PATIENCE)
    gateway = json.loads(places.read_text())["grpc"]
    assert gateway.startswith("[::1]:")
    await serving(gateway)
    async with grpc.aio.insecure_channel(gateway) as channel:
        ask: Any = channel.unary_unary("/peavine.v1.Gateway/Search")
        await ask(envelope("x", Document(id="x")).SerializeToString())
        with pytest.raises(grpc.aio.AioRpcError):
            await ask(b"")
    for host in ("127.0.0.1", "[::1]"):
        text = await asyncio.to_thread(page, f"http://{host}:{port}/metrics")
        assert 'peavine_requests_total{code="OK",kind="search"} 1.0' in text
        assert 'peavine_requests_total{code="INVALID_ARGUMENT",kind="search"} 1.0' in text
    program.process.send_signal(signal.SIGTERM)
    assert program.ended() == 0


async def test_a_gateway_that_waits_for_a_pod_is_alive_and_not_ready(programs: Any, tmp_path: Path) -> None:
    manifest = {"kind": "Flow", "metadata": {"name": "f"}, "spec": {"pods": [{"name": "away"}]}}
    plan = graph.plan(spec.parse(manifest), lambda pod: [f"unix:{tmp_path}/nobody.sock"])
    (tmp_path / "plan.json").write_text(plan.model_dump_json(by_alias=True))
    places = tmp_path / "addresses.json"
    options = ("--host", "127.0.0.1", "--grpc-port", "0", "--http-port", "0", "--addresses", str(places))
    programs("gateway", "--plan", str(tmp_path / "plan.json"), *options)
    await until(lambda: places.exists() and bool(places.read_text()), "it listens", PATIENCE)
    async with grpc.aio.insecure_channel(json.loads(places.read_text())["grpc"]) as channel:
        check, request = health_pb2_grpc.HealthStub(channel).Check, health_pb2.HealthCheckRequest
        alive, ready = [await check(request(service=name), timeout=PATIENCE) for name in (LIVE, "")]
    states = health_pb2.HealthCheckResponse
    assert (alive.status, ready.status) == (states.SERVING, states.NOT_SERVING)
