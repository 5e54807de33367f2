"""Documents travel as rows or as columns; a request is answered in its own form, and says the same in both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import numpy as np
import pytest

from peavine.client import AsyncClient
from peavine.documents import Batch, Document
from peavine.v1 import gateway_pb2, pea_pb2
from peavine.wire import batch_from_bytes, encoded
from peavine.wire.columns import is_columns
from peavine.wire.hello import hello
from peavine.wire.unit import CONTROL, parse, serialize, stamp, unstamp
from tests.local.streams.running import OBEY, Running, Start, envelope

RNG = np.random.default_rng(3)
DOCS = [Document(id=f"d{n}", text=f"text {n}", tags={"n": n}, embedding=RNG.normal(size=4)) for n in range(60)]
QUERIES = [Document(id=f"q{n}", embedding=RNG.normal(size=4)) for n in range(9)]


async def ask(flow: Running, kind: str, docs: list[Document], columns: bool) -> list[Document]:
    """Ask in one form, and see that the answer has the same."""
    asked = envelope("one", kind=kind)
    asked.bodies[0] = encoded(Batch(docs), columns)
    method: Any = flow.channel.unary_unary(f"/peavine.v1.Gateway/{kind.capitalize()}")
    (body,) = pea_pb2.Envelope.FromString(await method(asked.SerializeToString())).bodies
    assert is_columns(body) == columns
    return batch_from_bytes(body).docs


@pytest.mark.parametrize("shards", [1, 3])
async def test_a_search_finds_the_same_in_both_forms(start: Start, shards: int) -> None:
    flow = await start({"name": "index", "uses": "_index", "shards": shards})
    assert [doc.id for doc in await ask(flow, "index", DOCS[:30], True)] == [doc.id for doc in DOCS[:30]]
    await ask(flow, "index", DOCS[30:], False)
    rows, columns = [await ask(flow, "search", QUERIES, form) for form in (False, True)]
    assert len(rows[0].matches) == 50
    assert columns == rows
    await ask(flow, "delete", DOCS[:40], True)
    rows, columns = [await ask(flow, "search", QUERIES, form) for form in (False, True)]
    assert {match.id for doc in rows for match in doc.matches} == {doc.id for doc in DOCS[40:]}
    assert columns == rows


async def test_branches_of_a_flow_join_in_both_forms(start: Start) -> None:
    flow = await start(
        {"name": "first"},
        {"name": "left", "needs": ["first"], **OBEY},
        {"name": "right", "needs": ["first"]},
        {"name": "joined", "needs": ["left", "right"]},
    )
    docs = [Document(id=f"{n}", text="hello", tags={"n": n}) for n in range(20)]
    rows, columns = [await ask(flow, "search", docs, form) for form in (False, True)]
    assert columns == rows
    assert {doc.text for doc in columns} == {"hello, done"}


@asynccontextmanager
async def of_rows_only() -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serve what a peavine that knows no columns says, and answer each unit with itself; give the bodies that came."""
    bodies: list[bytes] = []

    async def stream(_: Any, context: Any) -> None:
        await context.read()
        greeting = parse(hello("old", "old", {"search": []}, window=8))
        greeting.hello.columns = 0
        await context.write(stamp(serialize(greeting), CONTROL, 0, time.time()))
        while (raw := await context.read()) is not grpc.aio.EOF:
            unit = unstamp(raw)
            bodies.extend(body for item in parse(unit.rest).items for body in item.bodies)
            await context.write(stamp(unit.rest, unit.number, 0, time.time()))

    async def info(raw: bytes, context: Any) -> bytes:
        return gateway_pb2.FlowInfo(flow="old", max_message_bytes=2**22, timeout=60).SerializeToString()

    server = grpc.aio.server()
    handlers: dict[str, Any] = {"Stream": grpc.stream_stream_rpc_method_handler(stream)}
    server.add_generic_rpc_handlers((
        grpc.method_handlers_generic_handler("peavine.v1.Pea", handlers),
        grpc.method_handlers_generic_handler("peavine.v1.Gateway", {"Info": grpc.unary_unary_rpc_method_handler(info)}),
    ))  # fmt: skip
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}", bodies
    finally:
        await server.stop(0)


async def test_a_pea_that_reads_rows_only_gets_rows(start: Start) -> None:
    async with of_rows_only() as (address, bodies):
        flow = Running({"metadata": {"name": "flow"}, "spec": {"pods": [{"name": "old"}]}})
        flow.targets["old"] = [address]
        await flow.start_gateway()
        try:
            asked = envelope("one")
            asked.bodies[0] = encoded(Batch(DOCS), columns=True)
            method: Any = flow.channel.unary_unary("/peavine.v1.Gateway/Search")
            answered = pea_pb2.Envelope.FromString(await method(asked.SerializeToString()))
        finally:
            await flow.stop()
    assert batch_from_bytes(answered.bodies[0]).docs == batch_from_bytes(encoded(Batch(DOCS), columns=False)).docs
    assert bodies == [encoded(Batch(DOCS), columns=False)]


async def test_a_gateway_that_reads_rows_only_gets_rows_from_a_client() -> None:
    async with of_rows_only() as (address, bodies), AsyncClient(address) as client:
        async with asyncio.timeout(60):
            found = await client.search(DOCS, request_size=len(DOCS))
    assert [doc.id for doc in found] == [doc.id for doc in DOCS]
    assert bodies == [encoded(Batch(DOCS), columns=False)]


async def test_a_client_sends_many_documents_as_columns(start: Start) -> None:
    flow = await start({"name": "all", **OBEY})
    async with AsyncClient(flow.gateway_address) as client:
        found = await client.search([Document(id=f"{n}", text="hi") for n in range(100)], request_size=50)
    assert [(doc.id, doc.text) for doc in found] == [(f"{n}", "hi, done") for n in range(100)]
