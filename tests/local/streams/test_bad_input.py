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
from peavine.wire.unit import CONTROL, REFUSED, serialize, stamp
from tests.local.streams.running import OBEY, Running, Start, UnitStream, envelope

INVALID = grpc.StatusCode.INVALID_ARGUMENT


HEAD: dict[str, Any] = {"uses": "_pass", "head": {"before": {"class": "_pass"}}}


def varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + varint(number >> 7)


def nested(field: int, raw: bytes) -> bytes:
    """Return a field that holds a message or a string."""
    return varint(field << 3 | 2) + varint(len(raw)) + raw


def groups(depth: int) -> bytes:
    """Return groups within groups, which proto3 does not have, of a field that nobody knows."""
    return varint(100 << 3 | 3) * depth + varint(100 << 3 | 4) * depth


def envelope_due(deadline: float) -> pea_pb2.Envelope:
    item = envelope("x", Document(id="x", text="hi"))
    item.header.deadline = deadline
    return item


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
        stamp(serialize(pea_pb2.Unit(kind=pea_pb2.SEARCH)), 0, 0, 0.0),
    ],
    ids=["it has no stamp", "it has no number"],
)
@pytest.mark.parametrize("where", ["gateway", "pea"])
async def test_a_unit_that_cannot_be_answered_ends_its_stream_and_no_other(
    start: Start, where: str, raw: bytes
) -> None:
    flow = await start({"name": "obey", **OBEY})
    address = flow.gateway_address if where == "gateway" else flow.targets["obey"][0]
    stream = UnitStream(grpc.aio.insecure_channel(address))
    await stream.open()
    await stream.call.write(raw)
    code, said = await status(stream.call)
    assert code is INVALID
    assert "unit" in said
    await alive(flow)


ITEM = envelope("x", Document(id="x", text="hi"))


def raw_unit(*items: pea_pb2.Envelope, kind: Any = pea_pb2.SEARCH, failed: int = 0, sent: float = 0.0) -> bytes:
    return stamp(serialize(pea_pb2.Unit(kind=kind, items=items)), 1, failed, sent)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (stamp(b"\x2a\xff", 1, 0, 0.0), "malformed protobuf"),
        (stamp(b"\x2a\x02\x0a\xff", 1, 0, 0.0), "is not a protobuf message"),
        (stamp(groups(200), 1, 0, 0.0), "malformed protobuf"),
        (stamp(b"\x20\x02" + b"\x2a\x00" * 2000, 1, 0, 0.0), "more than 1024 items"),
        (stamp(b"\x20\x02\x2a\x00" + b"\x32\x00" * 2_000_000, 1, 0, 0.0), "besides its items"),
    ],
    ids=["cut off", "an item that is no message", "groups", "too many items", "too many routes"],
)
@pytest.mark.parametrize("where", ["gateway", "pea", "head"])
async def test_a_unit_that_cannot_be_read_is_refused_and_its_stream_goes_on(
    start: Start, where: str, raw: bytes, said: str
) -> None:
    flow = await start({"name": "pass", **HEAD} if where == "head" else {"name": "pass"})
    stream = UnitStream(
        grpc.aio.insecure_channel(flow.gateway_address if where == "gateway" else flow.targets["pass"][0])
    )
    await stream.open()
    async with asyncio.timeout(20):
        await stream.call.write(raw)
        stamped, unit = await stream.answer()
        assert (stamped.number, stamped.failed, unit.refused.code) == (1, REFUSED, INVALID.value[0])
        assert said in unit.refused.message
        ITEM.header.deadline = time.time() + 10
        await stream.ask(2, ITEM)
        assert (await stream.answer())[0][:2] == (2, 0)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (raw_unit(ITEM, failed=2**32 - 1), "failed: 4294967295 of 1 items"),
        (raw_unit(ITEM, kind=0), "kind: 0 is not a kind"),
        (raw_unit(ITEM, kind=99), "kind: 99 is not a kind"),
        (raw_unit(ITEM, sent=math.nan), "sent: nan is not a time"),
        (raw_unit(envelope_due(math.nan)), "items[0].header.deadline: nan is not a time"),
        (raw_unit(envelope_due(math.inf)), "items[0].header.deadline: inf is not a time"),
    ],
)
@pytest.mark.parametrize("where", ["pea", "head"])
async def test_a_unit_that_no_router_would_send_is_refused_without_a_stack_in_the_log(
    start: Start, caplog: pytest.LogCaptureFixture, where: str, raw: bytes, said: str
) -> None:
    flow = await start({"name": "pass", **HEAD} if where == "head" else {"name": "pass"}, gateway=False)
    stream = UnitStream(grpc.aio.insecure_channel(flow.targets["pass"][0]))
    await stream.open()
    async with asyncio.timeout(20):
        await stream.call.write(raw)
        stamped, unit = await stream.answer()
    assert (stamped.failed, unit.refused.code) == (REFUSED, INVALID.value[0])
    assert said in unit.refused.message
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("depth", [98, 99, 100])
@pytest.mark.parametrize("where", ["header", "request", "parameters"])
async def test_what_is_nested_as_deep_as_protobuf_allows_disturbs_nobody(start: Start, where: str, depth: int) -> None:
    flow = await start({"name": "first"}, {"name": "index", "uses": "_index", "shards": 2}, timeoutSeconds=20)
    deep = envelope("deep", Document(id="x", embedding=[1.0]))
    raw = deep.SerializeToString()
    if where == "request":
        raw += groups(depth)
    elif where == "header":
        raw += nested(1, groups(depth))
    else:
        value = b""
        for _ in range((depth - 4) // 2):
            value = nested(6, nested(1, value))
        raw += nested(1, nested(5, nested(1, nested(1, b"top_k") + nested(2, value))))
    method: Any = flow.channel.unary_unary("/peavine.v1.Gateway/Search")
    asking = [method(each) for each in [raw, deep.SerializeToString()] * 5]
    outcomes = await asyncio.gather(*asking, return_exceptions=True)
    assert [each for each in outcomes[1::2] if isinstance(each, BaseException)] == []
    refused = [each for each in outcomes[::2] if isinstance(each, grpc.aio.AioRpcError)]
    assert {each.code() for each in refused} <= {INVALID}
    stream = UnitStream(flow.channel)
    await stream.open()
    await stream.call.write(stamp(b"\x20\x02" + nested(5, raw) + nested(5, deep.SerializeToString()), 1, 0, 0.0))
    stamped, unit = await stream.answer()
    assert stamped.failed in (0, 1) or unit.refused.code == INVALID.value[0]


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
    assert "the limit is 1024" in (raised.value.details() or "") or "larger than max" in (raised.value.details() or "")
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
