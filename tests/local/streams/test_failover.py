"""Peas come and go; requests do not get lost."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
import websockets

from peavine import graph
from peavine.client import AsyncClient
from peavine.documents import Document
from peavine.errors import ExecutorError
from peavine.gateway import GatewayServer, GatewaySettings
from peavine.local.runner import LocalFlow
from peavine.v1 import pea_pb2
from tests.local.streams.running import OBEY, Running, Start, UnitStream, envelope, until

DEADLY: dict[str, Any] = {
    "uses": "!Deadly\nmetas: {py_modules: deadly.py}\n",
    "files": {
        "deadly.py": """
import os
import time
from peavine.executors import Crafter

class Deadly(Crafter):
    def craft(self, text):
        if text == "die":
            os._exit(9)
        if text and text.startswith("sleep "):
            time.sleep(float(text[6:]))
        return {}
"""
    },
}
"""An Executor that ends its process when a Document says so."""


async def answers(
    channel: grpc.aio.Channel, count: int, text: str, found: list[pea_pb2.Envelope] | None = None
) -> list[pea_pb2.Envelope]:
    """Send requests on a Call, at most 50 at a time, and return the answers, which are added to `found`."""
    call: Any = channel.stream_stream("/peavine.v1.Gateway/Call")()
    sent = 0
    found = [] if found is None else found
    while len(found) < count:
        while sent < count and sent - len(found) < 50:
            await call.write(envelope(f"{sent}", Document(id=f"{sent}", text=text)).SerializeToString())
            sent += 1
        found.append(envelope("").FromString(await call.read()))
    await call.done_writing()
    return found


def assert_all_answered(found: list[pea_pb2.Envelope], count: int) -> None:
    assert sorted(int(answer.header.id) for answer in found) == list(range(count))
    assert [answer.header.status for answer in found if answer.header.HasField("status")] == []


async def test_a_pea_that_is_killed_under_load_loses_no_request(start_flow: Callable[..., LocalFlow]) -> None:
    flow = start_flow({"name": "work", **OBEY, "replicas": 2}, {"name": "last"}, timeoutSeconds=60)
    async with grpc.aio.insecure_channel(flow.host) as channel:
        for pea in ("work-0-0", "work-0-1", "work-0-0"):
            found: list[pea_pb2.Envelope] = []
            asking = asyncio.create_task(answers(channel, 1000, "sleep 0.001", found))
            # What a second Pea dies of is given up, so the one that died before must be back at work.
            await until(lambda: len(found) > 100 and pea in peas(found), "the Pea works")  # noqa: B023
            assert not asking.done()
            os.kill(flow.pids[pea], signal.SIGKILL)
            assert_all_answered(await asking, 1000)
            await until_back(channel, pea)


async def until_back(channel: grpc.aio.Channel, pea: str) -> None:
    """Wait until a Pea takes work."""
    async with asyncio.timeout(60):
        while pea not in peas(await answers(channel, 20, "sleep 0.001")):
            pass


async def test_a_request_that_kills_its_pea_fails_alone(start_flow: Callable[..., LocalFlow]) -> None:
    flow = start_flow({"name": "work", **DEADLY}, timeoutSeconds=60)
    async with grpc.aio.insecure_channel(flow.host) as channel:
        call: Any = channel.stream_stream("/peavine.v1.Gateway/Call")()
        # The first one keeps the Pea busy, so the others are executed together.
        texts = {"first": "sleep 0.5", **{f"{number}": "" for number in range(20)}, "deadly": "die"}
        for name, text in texts.items():
            await call.write(envelope(name, Document(id=name, text=text)).SerializeToString())
        found = [envelope("").FromString(await call.read()) for _ in texts]
        failed = {
            answer.header.id: answer.header.status.message for answer in found if answer.header.HasField("status")
        }
        assert failed.keys() == {"deadly"}
        assert "2 Peas" in failed["deadly"]


async def test_work_is_spread_evenly_and_a_new_pea_gets_its_part(start: Start) -> None:
    flow = await start({"name": "work", **OBEY, "replicas": 2})
    assert peas(await answers(flow.channel, 200, "sleep 0.005")).keys() == {"work-0-0", "work-0-1"}
    address = flow.peas["work-0-1"].address
    await flow.stop_pea("work-0-1")
    assert_all_answered(await answers(flow.channel, 50, "sleep 0.001"), 50)
    await flow.pea("work", replica=1, listen=address)
    came = time.monotonic()
    while "work-0-1" not in peas(await answers(flow.channel, 20, "sleep 0.001")):
        assert time.monotonic() - came < 60
    counts = peas(await answers(flow.channel, 400, "sleep 0.005"))
    assert min(counts.values()) > 0.6 * max(counts.values()), counts


def peas(found: list[pea_pb2.Envelope]) -> Counter[str]:
    return Counter(route.pea for answer in found for route in answer.header.routes)


async def test_a_pea_that_stops_finishes_what_it_has_and_gets_nothing_new(start: Start) -> None:
    flow = await start({"name": "work", **OBEY, "replicas": 2}, timeoutSeconds=20)
    asking = asyncio.create_task(answers(flow.channel, 400, "sleep 0.005"))
    await asyncio.wait([asking], timeout=0.3)
    await flow.stop_pea("work-0-0", grace=10)
    found = await asking
    assert_all_answered(found, 400)
    late = [route.start for answer in found for route in answer.header.routes if route.pea == "work-0-0"]
    assert late
    assert max(late) < time.time()


async def test_a_request_that_breaks_every_pea_is_given_up(start_flow: Callable[..., LocalFlow]) -> None:
    flow = start_flow({"name": "work", **DEADLY}, timeoutSeconds=60)
    async with AsyncClient(flow.host) as client:
        with pytest.raises(ExecutorError, match='2 Peas of Pod "work" died while they worked on this'):
            await client.search("die")


async def test_a_gateway_that_stops_answers_what_it_took_and_ends_its_streams(start: Start) -> None:
    flow = await start({"name": "work", **OBEY})
    assert flow.gateway is not None
    gateway = flow.gateway
    call = flow.call()
    stream = UnitStream(flow.channel)
    await stream.open()
    await call.write(envelope("x", Document(id="x", text="sleep 0.3")).SerializeToString())
    await stream.ask(1, envelope("y", Document(id="y", text="sleep 0.3")))
    await until(lambda: gateway.edge.in_flight == 2, "both are in flight")
    stopping = asyncio.create_task(gateway.stop(10))
    assert envelope("").FromString(await call.read()).header.id == "x"
    stamped, unit = await stream.answer()
    assert unit.draining
    stamped, unit = await stream.answer()
    assert (stamped.number, stamped.failed) == (1, 0)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call.read()
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    await stopping
    flow.gateway = None
    await flow.channel.close()


async def with_http(flow: Running, folder: Path) -> tuple[GatewayServer, str]:
    """Start a gateway that answers HTTP, and return it with its address."""
    settings = GatewaySettings(folder, grpc_port=0, http_port=0, addresses=folder / "addresses")
    gateway = GatewayServer(settings, graph.plan(flow.flow, lambda pod: flow.targets[pod.name]))
    await gateway.start()
    await until(lambda: gateway.edge.serving, "the gateway serves")
    return gateway, json.loads((folder / "addresses").read_text())["http"]


async def test_a_gateway_is_ready_while_a_pod_is_away_and_not_when_it_is_to_end(start: Start, tmp_path: Path) -> None:
    flow = await start({"name": "work", **OBEY}, {"name": "away"}, gateway=False, timeoutSeconds=3)
    gateway, address = await with_http(flow, tmp_path)
    async with httpx.AsyncClient(base_url=f"http://{address}", timeout=30) as http:
        await flow.stop_pea("away-0-0")
        await until(lambda: not gateway.edge.ready, "the Pod is away")
        assert (await http.get("/readyz")).status_code == 200
        assert (await http.get("/v1/status")).json()["ready"] is False
        async with websockets.connect(f"ws://{address}/v1/stream") as busy:
            await busy.send(json.dumps({"id": "1", "kind": "search", "docs": [{"text": "x"}]}))
            await until(lambda: gateway.edge.in_flight == 1, "it is in flight")
            stopping = asyncio.create_task(gateway.stop(10))
            await until(lambda: not gateway.edge.serving, "it is to end")
            assert (await http.get("/readyz")).status_code == 503
            assert json.loads(await busy.recv())["error"]["code"] == "UNAVAILABLE"
    await stopping


async def test_a_gateway_that_stops_answers_what_it_took_over_http_and_its_sockets(
    start: Start, tmp_path: Path
) -> None:
    flow = await start({"name": "work", **OBEY}, gateway=False)
    gateway, address = await with_http(flow, tmp_path)
    url = f"{address}/v1"
    docs = [{"text": "sleep 0.3"}]
    async with websockets.connect(f"ws://{url}/stream") as idle, websockets.connect(f"ws://{url}/stream") as busy:
        async with httpx.AsyncClient(timeout=30) as http:
            asking = asyncio.create_task(http.post(f"http://{url}/search", json={"docs": docs}))
            await busy.send(json.dumps({"id": "1", "kind": "search", "docs": docs}))
            await until(lambda: gateway.edge.in_flight == 2, "both are in flight")
            stopping = asyncio.create_task(gateway.stop(10))
            assert json.loads(await busy.recv())["docs"][0]["text"] == "sleep 0.3, done"
            assert (await asking).status_code == 200
        for socket in (idle, busy):
            with pytest.raises(websockets.ConnectionClosedError) as closed:
                await socket.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012
    await stopping


async def test_a_gateway_is_ready_when_every_pod_has_a_pea(start: Start) -> None:
    flow: Running = await start({"name": "a"}, {"name": "b"}, timeoutSeconds=1)
    assert flow.gateway is not None
    edge = flow.gateway.edge
    address = flow.peas["b-0-0"].address
    await flow.stop_pea("b-0-0")
    await until(lambda: not edge.ready, "it is not ready")
    assert edge.router.ready_peas == {"a": 1, "b": 0}
    await flow.pea("b", listen=address)
    await until(lambda: edge.ready, "it is ready again")
