"""Bounds: what is over them is refused with when to come again, and nothing grows."""

from __future__ import annotations

import asyncio
import gc
import time

import grpc
import pytest

from peavine.documents import Document
from peavine.gateway.edge import Asked
from peavine.pea.worker import Waiting
from peavine.router.question import Question
from tests.local.streams.running import OBEY, Start, UnitStream, envelope

FILES = {"files": OBEY["files"]}


async def test_more_requests_than_a_gateway_takes_are_refused_with_a_delay(start: Start) -> None:
    flow = await start({"name": "obey", **OBEY}, maxInFlight=3)
    asking = [asyncio.create_task(flow.ask("search", [Document(id="x", text="sleep 0.4")])) for _ in range(3)]
    assert flow.gateway is not None
    edge = flow.gateway.edge
    await flow.until(lambda: edge.in_flight == 3, "three are in flight")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await flow.ask("search", [Document(id="y", text="hi")])
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert int(raised.value.trailing_metadata()["grpc-retry-pushback-ms"]) >= 50
    assert "spec.maxInFlight" in (raised.value.details() or "")
    await asyncio.gather(*asking)
    await flow.ask("search", [Document(id="y", text="hi")])


async def test_on_a_stream_a_refusal_is_an_answer_and_the_stream_goes_on(start: Start) -> None:
    flow = await start({"name": "obey", **OBEY}, maxInFlight=2)
    call = flow.call()
    for number in range(4):
        text = "sleep 0.3" if number < 2 else ""
        await call.write(envelope(f"{number}", Document(id="x", text=text)).SerializeToString())
    answers = [envelope("").FromString(await call.read()) for _ in range(4)]
    refused = {answer.header.id: answer.header.status for answer in answers if answer.header.HasField("status")}
    assert set(refused) == {"2", "3"}
    assert all(status.code == 8 and status.retry_after > 0 for status in refused.values())
    await call.write(envelope("again", Document(id="x", text="hi")).SerializeToString())
    assert envelope("").FromString(await call.read()).header.id == "again"


@pytest.mark.parametrize("units", [False, True], ids=["Call", "units"])
async def test_a_client_that_does_not_read_does_not_make_the_gateway_grow(start: Start, units: bool) -> None:
    flow = await start({"name": "pass"}, maxMessageBytes=100_000, maxInFlight=100_000)
    assert flow.gateway is not None
    big = Document(id="x", buffer=b"x" * 50_000)
    stream = UnitStream(flow.channel)
    call = flow.call()
    if units:
        await stream.open()
    taken = 0

    async def send() -> None:
        nonlocal taken
        while True:
            if units:
                await stream.ask(taken + 1, envelope("x", big))
            else:
                await call.write(envelope(f"{taken}", big).SerializeToString())
            taken += 1

    sending = asyncio.create_task(send())
    before = -1
    while before != taken:
        before = taken
        await asyncio.wait([sending], timeout=0.5)
    sending.cancel()
    # What one stream may have here is 4 messages of the largest size; the rest waits in the buffers of connections.
    assert taken < 1000
    assert flow.gateway.edge.in_flight == 0


@pytest.mark.parametrize("units", [False, True], ids=["Call", "units"])
async def test_what_is_late_is_not_kept_behind_what_still_waits(start: Start, units: bool) -> None:
    flow = await start({"name": "away"}, timeoutSeconds=30)
    await flow.stop_pea("away-0-0")
    stream, call = UnitStream(flow.channel), flow.call()
    if units:
        await stream.open()
    before = kept(Asked, Question)
    for number in range(50):
        one = envelope(f"{number}", Document(id="x"), timeout=0.02 if number else 30)
        if units:
            await stream.ask(number + 1, one)
        else:
            await call.write(one.SerializeToString())
        if number:
            await (stream.answer() if units else call.read())
    assert kept(Asked, Question) == before + 1


async def test_what_is_late_is_not_kept_behind_code_that_hangs_in_a_head(start: Start) -> None:
    flow = await start({"name": "index", "uses": "_index", "shards": 2, "head": {"before": OBEY["executor"]}, **FILES})
    stream = UnitStream(grpc.aio.insecure_channel(flow.targets["index"][0]))
    await stream.open()
    before = kept(Waiting)
    for number in range(10):
        one = envelope("x", Document(id="x", text="sleep 2"))
        one.header.deadline = time.time() + 0.05
        await stream.ask(number + 1, one)
        assert (await stream.answer())[0].failed == 1
    assert kept(Waiting) <= before + 1


def kept(*classes: type) -> int:
    gc.collect()
    return sum(isinstance(each, classes) for each in gc.get_objects())


async def test_a_pea_reads_no_more_units_than_its_window(start: Start) -> None:
    flow = await start({"name": "obey", **OBEY})
    stream = UnitStream(grpc.aio.insecure_channel(flow.targets["obey"][0]))
    said = await stream.open()
    assert said.window == 8
    for number in range(1, 21):
        item = envelope("x", Document(id="x", text="sleep 0.01"))
        item.header.deadline = 1e12
        await stream.ask(number, item)
    answered = [(await stream.answer())[0].number for _ in range(20)]
    assert sorted(answered) == list(range(1, 21))
