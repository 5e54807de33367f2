"""Everybody gets an answer to each request, and it is their own."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import numpy as np
import pytest

from peavine.client import AsyncClient
from peavine.documents import Document
from peavine.v1 import gateway_pb2, gateway_pb2_grpc, pea_pb2
from peavine.wire import batch_from_bytes
from tests.local.streams.running import OBEY, Running, Start, UnitStream, envelope

DIAMOND = ({"name": "a"}, {"name": "b"}, {"name": "c", "needs": ["a"]}, {"name": "d", "needs": ["b", "c"]})


async def calls(flow: Running, client: str, count: int) -> list[pea_pb2.Envelope]:
    """Send that many requests on a Call of one client and return the answers as they came."""
    async with grpc.aio.insecure_channel(flow.gateway_address) as channel:
        call: Any = channel.stream_stream("/peavine.v1.Gateway/Call")()

        async def send() -> None:
            for number in range(count):
                await call.write(
                    envelope(f"{number}", Document(id=f"{client}-{number}", text=client)).SerializeToString()
                )
            await call.done_writing()

        sending = asyncio.create_task(send())
        found = []
        while (raw := await call.read()) is not grpc.aio.EOF:
            found.append(pea_pb2.Envelope.FromString(raw))
        await sending
    return found


async def test_three_clients_at_once_get_their_own_answers_and_no_others(start: Start) -> None:
    flow = await start({"name": "pass"}, {"name": "obey", **OBEY, "replicas": 2})
    several = await asyncio.gather(*(calls(flow, client, 200) for client in ("one", "two", "three")))
    for client, answers in zip(("one", "two", "three"), several, strict=True):
        assert sorted(int(answer.header.id) for answer in answers) == list(range(200))
        for answer in answers:
            (doc,) = batch_from_bytes(answer.bodies[0]).docs
            assert (doc.id, doc.text) == (f"{client}-{answer.header.id}", f"{client}, done")


async def test_a_clients_units_come_back_whole_and_in_their_own_order(start: Start) -> None:
    flow = await start({"name": "pass"}, {"name": "obey", **OBEY})
    stream = UnitStream(flow.channel)
    said = await stream.open()
    assert said.pod == "flow"
    for number in range(1, 11):
        await stream.ask(
            number, *(envelope(f"{number}-{place}", Document(id=f"{place}", text="hi")) for place in range(30))
        )
    for _ in range(10):
        stamped, unit = await stream.answer()
        assert stamped.failed == 0
        assert [item.header.id for item in unit.items] == [f"{stamped.number}-{place}" for place in range(30)]
        assert [route.pod for route in unit.routes] == ["pass", "obey"]


async def test_an_answer_says_where_it_was_and_when(start: Start) -> None:
    flow = await start({"name": "a"}, {"name": "b"})
    header, _ = await flow.ask("search", [Document(id="x", text="hi")])
    assert [(route.pod, route.pea) for route in header.routes] == [("a", "a-0-0"), ("b", "b-0-0")]
    first, second = header.routes
    assert first.start <= first.end <= second.start <= second.end


async def test_branches_meet_again_with_what_each_of_them_made(start: Start) -> None:
    flow = await start(*DIAMOND[:3], {"name": "d", "needs": ["b", "c"], "uses": "_concat"})
    header, batch = await flow.ask("search", [Document(id="x", embedding=[1.0]), Document(id="y", embedding=[2.0])])
    assert sorted(route.pod for route in header.routes) == ["a", "b", "c", "d"]
    assert [doc.id for doc in batch.docs] == ["x", "y"]
    assert [np.asarray(doc.embedding).tolist() for doc in batch.docs] == [[1.0, 1.0], [2.0, 2.0]]


async def test_a_document_that_fails_takes_no_other_request_with_it(start: Start) -> None:
    flow = await start({"name": "obey", **OBEY}, {"name": "after"})
    stream = UnitStream(flow.channel)
    await stream.open()
    texts = ["one", "fail for a reason", "two"]
    await stream.ask(1, *(envelope(text, Document(id=text, text=text)) for text in texts))
    stamped, unit = await stream.answer()
    assert stamped.failed == 1
    codes = [item.header.status.code for item in unit.items]
    assert codes == [0, grpc.StatusCode.INTERNAL.value[0], 0]
    status = unit.items[1].header.status
    assert "for a reason" in status.message
    assert (status.pod, status.pea, status.executor, status.driver) == ("obey", "obey-0-0", "Obedient", "CraftDriver")
    assert not status.traceback


async def test_the_stack_is_told_where_the_flow_says_so(start: Start) -> None:
    flow = await start({"name": "obey", **OBEY}, exposeTracebacks=True)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await flow.ask("search", [Document(id="x", text="fail deeply")])
    (trailing,) = raised.value.trailing_metadata().get_all("peavine-status-bin")
    assert isinstance(trailing, bytes)
    status = pea_pb2.Status.FromString(trailing)
    assert "raise ValueError(rest)" in status.traceback


async def test_info_says_what_a_client_may_want_to_know(start: Start) -> None:
    flow = await start(*DIAMOND[:2], timeoutSeconds=7, maxInFlight=99)
    info = await gateway_pb2_grpc.GatewayStub(flow.channel).Info(gateway_pb2.InfoRequest())
    assert (info.flow, info.protocol, info.max_in_flight) == ("flow", 1, 99)
    assert (info.timeout, info.index_timeout, info.train_timeout) == (7, 60, 600)
    assert [(pod.name, list(pod.needs), pod.ready) for pod in info.pods] == [("a", ["gateway"], 1), ("b", ["a"], 1)]


async def test_a_proxy_in_the_environment_is_not_asked_on_the_way_to_a_gateway_or_a_pea(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("http_proxy", "https_proxy", "grpc_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    flow = await start({"name": "only"})
    async with AsyncClient(flow.gateway_address) as client:
        assert (await client.search("x", timeout=10))[0].text == "x"
