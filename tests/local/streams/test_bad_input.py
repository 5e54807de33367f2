"""What is not as the contract says is refused by name; those who keep to it do not notice."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from typing import Any

import grpc
import pytest

from peavine.documents import Document
from peavine.local.runner import LocalFlow
from peavine.v1 import pea_pb2
from peavine.wire.hello import PROTOCOL, hello
from peavine.wire.unit import CONTROL, serialize, stamp
from tests.local.streams.running import OBEY, Running, Start, UnitStream, envelope

INVALID = grpc.StatusCode.INVALID_ARGUMENT


async def status(call: Any) -> tuple[grpc.StatusCode, str]:
    """Return how a stream ended."""
    code, said = await call.code(), await call.details()
    assert code is not None
    return code, said or ""


async def alive(flow: Running) -> None:
    header, _ = await flow.ask("search", [Document(id="x", text="hi")])
    assert not header.HasField("status")


@pytest.mark.parametrize("where", ["gateway", "pea"])
async def test_peers_of_other_protocols_refuse_each_other_and_name_both(start: Start, where: str) -> None:
    flow = await start({"name": "pass"})
    address = flow.gateway_address if where == "gateway" else flow.targets["pass"][0]
    stream = UnitStream(grpc.aio.insecure_channel(address))
    await stream.call.write(stamp(hello("other", "other", protocol=PROTOCOL + 1), CONTROL, 0, 0.0))
    code, said = await status(stream.call)
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert f"protocol {PROTOCOL + 1}" in said
    assert f"protocol {PROTOCOL}" in said
    await alive(flow)


@pytest.mark.parametrize(
    "raw",
    [
        b"no unit at all",
        stamp(b"\x2a\xff", 1, 0, 0.0),
        stamp(serialize(pea_pb2.Unit(kind=pea_pb2.SEARCH)), 0, 0, 0.0),
    ],
    ids=["it has no stamp", "it is no message", "it has no number"],
)
@pytest.mark.parametrize("where", ["gateway", "pea"])
async def test_a_unit_that_cannot_be_read_ends_its_stream_and_no_other(start: Start, where: str, raw: bytes) -> None:
    flow = await start({"name": "obey", **OBEY})
    address = flow.gateway_address if where == "gateway" else flow.targets["obey"][0]
    stream = UnitStream(grpc.aio.insecure_channel(address))
    await stream.open()
    await stream.call.write(raw)
    code, said = await status(stream.call)
    assert code is INVALID
    assert "unit" in said
    await alive(flow)


async def test_a_stream_that_does_not_begin_with_hello_is_ended(start: Start) -> None:
    flow = await start({"name": "pass"})
    stream = UnitStream(flow.channel)
    await stream.ask(1, envelope("x", Document(id="x", text="hi")))
    code, said = await status(stream.call)
    assert code is INVALID
    assert "Hello" in said


async def test_a_unit_without_items_and_one_of_mixed_kinds_are_answered(start: Start) -> None:
    flow = await start({"name": "pass"})
    stream = UnitStream(flow.channel)
    await stream.open()
    await stream.ask(
        1, envelope("a", Document(id="a", text="hi")), envelope("b", Document(id="b", text="hi"), kind="index")
    )
    stamped, unit = await stream.answer()
    assert stamped.failed == 1
    assert "the unit's kind is" in unit.items[1].header.status.message


async def test_a_parameter_that_is_no_number_fails_its_own_request(start: Start) -> None:
    flow = await start({"name": "cut", "uses": "!Executor {requests: {on: {search: [!SliceQL {traversal_paths: r}]}}}"})
    stream = UnitStream(grpc.aio.insecure_channel(flow.targets["cut"][0]))
    await stream.open()
    items = [envelope(name, Document(id=name, text="hi")) for name in ("good", "bad")]
    for item in items:
        item.header.deadline = time.time() + 60
    items[1].header.parameters.update({"end": math.nan})
    await stream.ask(1, *items)
    _, unit = await stream.answer()
    assert [item.header.HasField("status") for item in unit.items] == [False, True]
    assert "SliceQL.end: must be a whole number (given: nan)" in unit.items[1].header.status.message


async def test_malformed_requests_are_refused(start: Start) -> None:
    flow = await start({"name": "obey", **OBEY})
    method: Any = flow.channel.unary_unary("/peavine.v1.Gateway/Search")
    with pytest.raises(grpc.aio.AioRpcError, match=r"is not a peavine\.v1\.Request"):
        await method(b"\x0a\xff")
    broken = pea_pb2.Envelope(header=pea_pb2.Header(id="x"), bodies=[b"\x0a\xff not Documents"])
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await method(broken.SerializeToString())
    assert raised.value.code() is INVALID
    await alive(flow)


@pytest.mark.parametrize("names", [["a", "a"], [""]], ids=["an id twice", "no id"])
async def test_ids_that_cannot_match_answers_end_a_call(start: Start, names: list[str]) -> None:
    flow = await start({"name": "obey", **OBEY})
    call = flow.call()
    for name in names:
        await call.write(envelope(name, Document(id="x", text="sleep 0.2")).SerializeToString())
    code, said = await status(call)
    assert code is INVALID
    assert "header.id" in said
    await alive(flow)


@pytest.mark.parametrize("size", [2000, 5000, 3_000_000], ids=["a little over", "over twice", "over what gRPC takes"])
async def test_a_message_over_the_limit_is_refused(start: Start, size: int) -> None:
    flow = await start({"name": "pass"}, maxMessageBytes=1024)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await flow.ask("search", [Document(id="x", buffer=b"x" * size)])
    assert raised.value.code() in (INVALID, grpc.StatusCode.RESOURCE_EXHAUSTED)
    assert "1024 are the most" in (raised.value.details() or "") or "larger than max" in (raised.value.details() or "")
    await alive(flow)


async def test_an_answer_over_the_limit_is_an_error_that_says_what_to_do(start: Start) -> None:
    growing = "from peavine.executors import Crafter\nclass Growing(Crafter):\n    def craft(self, text):\n"
    growing += "        return {'text': text * 100}\n"
    uses = "!Growing\nmetas: {py_modules: growing.py}\n"
    flow = await start({"name": "grow", "uses": uses, "files": {"growing.py": growing}}, maxMessageBytes=1024)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await flow.ask("search", [Document(id="x", text="x" * 100)])
    assert raised.value.code() is INVALID
    assert "the answer has" in (raised.value.details() or "")


async def test_an_unknown_parameter_is_refused_at_the_edge(start: Start) -> None:
    flow = await start({"name": "index", "uses": "_index"})
    with pytest.raises(grpc.aio.AioRpcError, match='did you mean "top_k"'):
        await flow.ask("search", [Document(id="x", embedding=[1.0])], topk=5)


async def test_a_parameter_without_a_value_is_refused_and_its_stream_goes_on(start: Start) -> None:
    flow = await start({"name": "index", "uses": "_index"})
    assert flow.gateway is not None
    edge = flow.gateway.edge
    wrong, right = (envelope(name, Document(id="x", embedding=[1.0])) for name in ("wrong", "right"))
    wrong.header.parameters.fields["top_k"].SetInParent()
    stream, call = UnitStream(flow.channel), flow.call()
    await stream.open()
    await stream.ask(1, wrong, right)
    stamped, unit = await stream.answer()
    assert (stamped.failed, unit.items[0].header.status.code) == (1, INVALID.value[0])
    await call.write(wrong.SerializeToString())
    assert envelope("").FromString(await call.read()).header.status.code == INVALID.value[0]
    await call.write(right.SerializeToString())
    assert not envelope("").FromString(await call.read()).header.HasField("status")
    await flow.until(lambda: edge.in_flight == 0, "nothing is left")


async def test_a_stream_ends_even_while_answers_are_being_written(passing: LocalFlow) -> None:
    refused = pea_pb2.Envelope(header=pea_pb2.Header(kind=pea_pb2.SEARCH))  # answered at once: it has no Documents

    async def converse() -> None:
        async with grpc.aio.insecure_channel(passing.host) as channel:
            for length in range(100):
                call: Any = channel.stream_stream("/peavine.v1.Gateway/Call")()
                with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
                    for number in range(length % 7):
                        refused.header.id = str(number)
                        await call.write(refused.SerializeToString())
                    await call.write(b"no request at all")
                    while await call.read() is not grpc.aio.EOF:
                        pass
                code, said = await status(call)
                assert code is INVALID
                assert "is not a peavine.v1.Request" in said

    async with asyncio.timeout(60):
        await asyncio.gather(*(converse() for _ in range(4)))


async def test_one_refused_request_of_a_unit_fails_no_other_whatever_it_says(start: Start) -> None:
    flow = await start({"name": "index", "uses": "_index", "shards": 2})
    stream = UnitStream(flow.channel)
    await stream.open()
    wrong, right = (envelope(name, Document(id="x", embedding=[1.0])) for name in ("wrong", "right"))
    wrong.header.deadline, wrong.header.timeout = float("nan"), -1
    await stream.ask(1, wrong, right)
    _, unit = await stream.answer()
    assert [item.header.status.code for item in unit.items] == [INVALID.value[0], 0]
    assert not unit.items[0].header.deadline  # or heads would heed it


async def test_a_client_that_vanishes_disturbs_nobody(start: Start) -> None:
    flow = await start({"name": "obey", **OBEY})
    for _ in range(5):
        channel = grpc.aio.insecure_channel(flow.gateway_address)
        call: Any = channel.stream_stream("/peavine.v1.Gateway/Call")()
        stream = UnitStream(channel)
        await stream.open()
        for number in range(5):
            request = envelope(f"{number}", Document(id="x", text="sleep 0.01"))
            await call.write(request.SerializeToString())
            await stream.ask(number + 1, request, sent=time.time())
        await channel.close()
    await alive(flow)
    assert flow.gateway is not None
    edge = flow.gateway.edge
    await flow.until(lambda: edge.in_flight == 0, "nothing of them is left")
