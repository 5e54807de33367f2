"""A request has one deadline. Whoever is late says where the time went; nobody waits for ever."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from peavine.documents import Document
from tests.local.streams.running import OBEY, Start, UnitStream, envelope

DEADLINE_EXCEEDED = grpc.StatusCode.DEADLINE_EXCEEDED


async def test_the_gateway_answers_in_time_even_when_a_pea_hangs(start: Start, tmp_path: Path) -> None:
    flow = await start({"name": "quick"}, {"name": "obey", **OBEY}, timeoutSeconds=3)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await flow.ask("search", [Document(id="x", text=f"await {tmp_path / 'end'}")])
    (tmp_path / "end").touch()
    assert raised.value.code() is DEADLINE_EXCEEDED
    said = raised.value.details() or ""
    assert re.search(r"waited \d\.\d+ s", said)
    assert 'for Pod "obey"' in said
    assert '"quick" took ' in said


async def test_a_pea_answers_health_while_its_executor_works(start: Start) -> None:
    flow = await start({"name": "obey", **OBEY}, timeoutSeconds=30)
    assert flow.gateway is not None
    edge = flow.gateway.edge
    asking = asyncio.create_task(flow.ask("search", [Document(id="x", text="sleep 2")]))
    await flow.until(lambda: edge.in_flight == 1 and not edge.router.idle, "the Executor works")
    async with grpc.aio.insecure_channel(flow.targets["obey"][0]) as channel:
        said = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
    assert said.status == health_pb2.HealthCheckResponse.SERVING
    assert not asking.done()
    await asking


async def test_a_pods_own_timeout_ends_a_request_that_has_time_left(start: Start, tmp_path: Path) -> None:
    flow = await start({"name": "obey", **OBEY, "timeoutSeconds": 1}, timeoutSeconds=30)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await flow.ask("search", [Document(id="x", text=f"await {tmp_path / 'end'}")])
    (tmp_path / "end").touch()
    assert raised.value.code() is DEADLINE_EXCEEDED


async def test_an_index_request_has_longer_than_a_search(start: Start) -> None:
    pod = {"name": "obey", **OBEY, "timeoutSeconds": 1}
    flow = await start(pod, timeoutSeconds=1, indexTimeoutSeconds=30, trainTimeoutSeconds=1)
    slow = [Document(id="x", text="sleep 1.3")]
    for kind in ("index", "update"):
        _, answer = await flow.ask(kind, slow)
        assert [document.text for document in answer.docs] == ["sleep 1.3, done"]
    for kind in ("search", "train"):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await flow.ask(kind, slow)
        assert raised.value.code() is DEADLINE_EXCEEDED


async def test_a_unit_of_a_client_has_the_time_of_its_kind(start: Start) -> None:
    flow = await start({"name": "obey", **OBEY}, timeoutSeconds=1, indexTimeoutSeconds=30)
    stream = UnitStream(flow.channel)
    await stream.open()
    for number, kind in enumerate(("index", "search"), start=1):
        await stream.ask(number, envelope("x", Document(id="x", text="sleep 1.3"), kind=kind))
        stamped, _ = await stream.answer()
        assert (kind, stamped.failed) == (kind, int(kind == "search"))


async def test_each_of_several_requests_is_answered_at_its_own_deadline(start: Start) -> None:
    flow = await start({"name": "obey", **OBEY})
    call = flow.call()
    for name, timeout in (("short", 0.3), ("long", 60.0)):
        text = "sleep 0.4" if name == "long" else "sleep 0.6"
        await call.write(envelope(name, Document(id=name, text=text), timeout=timeout).SerializeToString())
    codes = {}
    for _ in range(2):
        answer = envelope("").FromString(await call.read())
        codes[answer.header.id] = answer.header.status.code
    assert codes == {"short": DEADLINE_EXCEEDED.value[0], "long": 0}


async def test_what_waits_too_long_is_not_executed_any_more(start: Start) -> None:
    flow = await start({"name": "obey", **OBEY})
    stream = UnitStream(grpc.aio.insecure_channel(flow.targets["obey"][0]))
    await stream.open()
    now = time.time()
    busy, late = envelope("busy", Document(id="a", text="sleep 0.5")), envelope("late", Document(id="b", text="fail"))
    busy.header.deadline, late.header.deadline = now + 60, now + 0.2
    await stream.ask(1, busy)
    await stream.ask(2, late, sent=now)
    answers = {stamped.number: unit for stamped, unit in [await stream.answer(), await stream.answer()]}
    assert not answers[1].items[0].header.HasField("status")
    status = answers[2].items[0].header.status
    assert status.code == DEADLINE_EXCEEDED.value[0], status
    assert "after its deadline" in status.message


async def test_clocks_of_machines_need_not_agree(start: Start) -> None:
    flow = await start({"name": "obey", **OBEY})
    stream = UnitStream(grpc.aio.insecure_channel(flow.targets["obey"][0]))
    await stream.open()
    for number, theirs in enumerate((time.time() - 86400, time.time() + 86400), start=1):
        item = envelope("x", Document(id="x", text="hello"))
        item.header.deadline = theirs + 5
        await stream.ask(number, item, sent=theirs)
        stamped, unit = await stream.answer()
        assert stamped.failed == 0, unit


async def test_a_deadline_that_was_over_before_is_answered_at_once(start: Start) -> None:
    flow = await start({"name": "obey", **OBEY})
    stream = UnitStream(flow.channel)
    await stream.open()
    item = envelope("x", Document(id="x", text="fail, it was executed"))
    item.header.deadline = 99.0
    await stream.ask(1, item, sent=100.0)
    stamped, unit = await stream.answer()
    assert stamped.failed == 1
    assert unit.items[0].header.status.code == DEADLINE_EXCEEDED.value[0]
    assert "over 1.00 s before" in unit.items[0].header.status.message


async def test_a_pod_that_nobody_serves_is_named_when_the_time_is_over(start: Start) -> None:
    flow = await start({"name": "here"}, {"name": "gone"}, timeoutSeconds=1)
    await flow.stop_pea("gone-0-0")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await flow.ask("search", [Document(id="x", text="hi")])
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    assert 'Pod "gone" cannot be reached' in (raised.value.details() or "")


async def test_what_a_client_no_longer_waits_for_is_not_in_flight(start: Start) -> None:
    flow = await start({"name": "obey", **OBEY}, timeoutSeconds=30)
    assert flow.gateway is not None
    edge = flow.gateway.edge
    asking = [asyncio.create_task(flow.ask("search", [Document(id="x", text="sleep 0.3")])) for _ in range(5)]
    stream = UnitStream(flow.channel)
    await stream.open()
    await stream.ask(1, envelope("x", Document(id="x", text="sleep 0.3")))
    await flow.until(lambda: edge.in_flight == 6, "all are in flight")
    for task in asking:
        task.cancel()
    stream.call.cancel()
    await flow.until(lambda: edge.in_flight == 0, "none is in flight")
    header, _ = await flow.ask("search", [Document(id="y", text="hello")])
    assert header.id == "one"
