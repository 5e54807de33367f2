"""Peas and gateways listen on addresses of both families, and reach each other on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from peavine import graph
from peavine.documents import Document
from peavine.gateway import GatewayServer, GatewaySettings
from peavine.pea import PeaServer, PeaSettings
from tests.local.streams.running import UNUSED, Start, envelope, until


async def test_a_gateway_on_every_address_answers_on_both_families(start: Start, tmp_path: Path) -> None:
    flow = await start({"name": "only"}, gateway=False)
    pea = PeaServer(PeaSettings(UNUSED, "[::]:0", name="everywhere"), flow.pods["only"])
    address = await pea.start()
    assert address.startswith("[::]:")
    port = int(address.rpartition(":")[2])
    plan = graph.plan(flow.flow, lambda _: [f"[::1]:{port}"])
    places = tmp_path / "addresses"
    settings = GatewaySettings(UNUSED, host="::", grpc_port=0, http_port=0, addresses=places)
    gateway = GatewayServer(settings, plan)
    await gateway.start()
    try:
        await until(lambda: gateway.edge.serving, "the gateway reaches its Pea on ::1")
        ports = {name: place.rpartition(":")[2] for name, place in json.loads(places.read_text()).items()}
        for host in ("127.0.0.1", "[::1]"):
            async with grpc.aio.insecure_channel(f"{host}:{ports['grpc']}") as channel:
                ask: Any = channel.unary_unary("/peavine.v1.Gateway/Search")
                await ask(envelope("x", Document(id="x")).SerializeToString(), timeout=20)
            async with httpx.AsyncClient(base_url=f"http://{host}:{ports['http']}") as http:
                assert (await http.get("/readyz")).status_code == 200
    finally:
        await gateway.stop(0)
        await pea.stop(0)


@pytest.mark.parametrize(("host", "written"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]"), ("[::1]", "[::1]")])
async def test_a_gateway_says_where_it_listens_in_a_form_that_clients_take(
    start: Start, tmp_path: Path, host: str, written: str
) -> None:
    flow = await start({"name": "only"}, gateway=False)
    file = tmp_path / "addresses"
    settings = GatewaySettings(UNUSED, host=host, grpc_port=0, http_port=0, addresses=file)
    gateway = GatewayServer(settings, graph.plan(flow.flow, lambda pod: flow.targets[pod.name]))
    await gateway.start()
    try:
        places = json.loads(file.read_text())
        assert {place.rpartition(":")[0] for place in places.values()} == {written}
        async with httpx.AsyncClient(base_url=f"http://{places['http']}") as http:
            assert (await http.get("/healthz")).status_code == 200
    finally:
        await gateway.stop(0)
