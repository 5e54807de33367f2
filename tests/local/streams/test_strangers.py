"""What strangers cannot do: cost more than they pay for, keep others out, or stay for ever."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from typing import Any

import grpc
import pytest
from prometheus_client import REGISTRY

from peavine import serving
from peavine.client import AsyncClient
from peavine.documents import Document
from peavine.flow.order import in_order
from peavine.gateway import reading
from peavine.v1 import pea_pb2
from peavine.wire import sending, streams
from peavine.wire.unit import REFUSED
from tests.local.streams.running import OBEY, Running, Start, UnitStream, envelope

INVALID, EXHAUSTED = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED


def many(count: int) -> pea_pb2.Envelope:
    return envelope("many", *[Document(id=f"{number}", text="x") for number in range(count)])


async def test_a_request_of_more_documents_than_allowed_is_refused_whichever_way_it_comes(start: Start) -> None:
    flow = await start({"name": "obey", **OBEY}, maxDocuments=50)
    method: Any = flow.channel.unary_unary("/peavine.v1.Gateway/Search")
    await method(many(50).SerializeToString())
    said = "body: has more than 50 Documents; send fewer a request, or raise spec.maxDocuments of the Flow"
    with pytest.raises(grpc.aio.AioRpcError, match=said) as raised:
        await method(many(51).SerializeToString())
    assert raised.value.code() is INVALID
    call = flow.call()
    await call.write(many(51).SerializeToString())
    assert said in envelope("").FromString(await call.read()).header.status.message
    stream = UnitStream(flow.channel)
    await stream.open()
    await stream.ask(1, many(51), many(50))
    _, unit = await stream.answer()
    assert [item.header.status.message for item in unit.items] == [said, ""]
    async with AsyncClient(flow.gateway_address) as client:
        assert (await client.info()).max_documents == 50
        docs = [Document(id=f"{number}", text="x") for number in range(120)]
        assert len(await client.search(docs, request_size=1000, progress=False)) == 120


@pytest.mark.parametrize("pod", [{"name": "pod", **OBEY}, {"name": "pod", "uses": "_index", "shards": 2}])
async def test_a_pea_and_a_head_refuse_what_has_too_many_documents_by_themselves(
    start: Start, pod: dict[str, Any]
) -> None:
    flow = await start({**pod, "maxDocuments": 50}, gateway=False)
    stream = UnitStream(grpc.aio.insecure_channel(flow.targets["pod"][0]))
    await stream.open()
    items = [many(51), envelope("few", Document(id="x", embedding=[1.0], text="x"))]
    for item in items:
        item.header.deadline = time.time() + 20
    await stream.ask(1, *items, sent=time.time())
    stamped, unit = await stream.answer()
    assert stamped.failed == 1
    assert "spec.maxDocuments" in unit.items[0].header.status.message
    assert not unit.items[1].header.HasField("status")


async def test_many_small_documents_keep_the_event_loop_free(start: Start) -> None:
    flow = await start({"name": "obey", **OBEY}, maxInFlight=100)
    method: Any = flow.channel.unary_unary("/peavine.v1.Gateway/Search")
    heavy = pea_pb2.Envelope(bodies=[b"\x0a\x84\x80\x80\x04" + b"\x32\x00" * 4_194_306]).SerializeToString()
    asking = [asyncio.ensure_future(method(heavy)) for _ in range(3)]
    for _ in range(10):
        await flow.ask("search", [Document(id="x", text="hi")])
    for outcome in await asyncio.gather(*asking, return_exceptions=True):
        assert isinstance(outcome, grpc.aio.AioRpcError)
        assert outcome.code() is INVALID
    assert flow.gateway is not None
    edge = flow.gateway.edge
    await flow.until(lambda: edge.in_flight == 0, "nothing is left")


async def test_a_unit_is_admitted_before_its_items_are_looked_at(start: Start) -> None:
    flow = await start({"name": "obey", **OBEY}, maxInFlight=4)
    stream = UnitStream(flow.channel)
    said = await stream.open()
    assert said.max_items == 1024
    await stream.ask(1, envelope("slow", Document(id="x", text="sleep 0.5")))
    await stream.ask(2, *[envelope(f"{number}", Document(id="x")) for number in range(10)])
    stamped, unit = await stream.answer()
    assert (stamped.number, stamped.failed, unit.refused.code) == (2, REFUSED, EXHAUSTED.value[0])
    assert unit.refused.retry_after > 0
    assert (await stream.answer())[0][:2] == (1, 0)


class HalfSent:
    """A connection that sends the head of a call, and of its message a part of what it announced."""

    def __init__(self, address: str, size: int) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)))
        body = b"\0" + size.to_bytes(4, "big") + bytes(min(size - 1, 16000))
        self.socket.sendall(BEGIN + head(1, "/peavine.v1.Gateway/Search") + frame(0, 0, 1, body))


class Deaf:
    """A connection that asks on streams, and whose flow control lets no answer through."""

    def __init__(self, address: str, path: str, *streams: int) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=60)
        self.socket.sendall(BEGIN + frame(4, 0, 0, b"\0\4\0\0\0\0"))
        raw = envelope("x", Document(id="x", text="hi")).SerializeToString()
        for stream in streams:
            self.socket.sendall(head(stream, path) + frame(0, 0, stream, b"\0" + len(raw).to_bytes(4, "big") + raw))

    def is_closed(self) -> bool:
        """Wait until the connection is closed."""
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionResetError:
            pass
        return True


def head(stream: int, path: str) -> bytes:
    fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "x", "te": "trailers"}
    fields["content-type"] = "application/grpc"
    encoded = ((key.encode(), value.encode()) for key, value in fields.items())
    block = b"".join(b"\0" + bytes([len(key)]) + key + bytes([len(value)]) + value for key, value in encoded)
    return frame(1, 4, stream, block)


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


BEGIN = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0)
"""How a connection of HTTP/2 begins."""


async def test_calls_that_send_half_a_message_keep_nobody_out(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SLOW_SECONDS", 2.0)
    flow = await start({"name": "obey", **OBEY})
    halves = [HalfSent(flow.gateway_address, 16_000_000) for _ in range(60)]
    for _ in range(20):
        await asyncio.gather(*(flow.ask("search", [Document(id="x", text="hi")]) for _ in range(20)))
    for half in halves:
        half.socket.close()


@pytest.mark.parametrize("same", [False, True], ids=["of another connection", "of the same connection"])
async def test_calls_that_came_later_are_not_read_first(
    start: Start, monkeypatch: pytest.MonkeyPatch, same: bool
) -> None:
    monkeypatch.setattr(reading, "QUICK", 1)
    monkeypatch.setattr(reading, "QUICK_SECONDS", (0.2, 0.2))
    flow = await start({"name": "obey", **OBEY})
    own = (("grpc.use_local_subchannel_pool", 1),)
    async with grpc.aio.insecure_channel(flow.gateway_address, own) as other:
        search: Any = (flow.channel if same else other).stream_stream("/peavine.v1.Gateway/Search")
        mute = [search() for _ in range(5)]
        asked: Any = flow.channel.stream_stream("/peavine.v1.Gateway/Search")()
        await asked.write(envelope("x", Document(id="x", text="hi")).SerializeToString())
        mute += [search() for _ in range(100)]
        assert not envelope("").FromString(await asked.read()).header.HasField("status")
        assert sum(call.done() for call in mute) < 50
        for call in mute:
            call.cancel()


async def test_of_too_many_waiting_calls_the_connection_with_most_loses_some(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "QUICK", 1)
    monkeypatch.setattr(reading, "QUICK_SECONDS", (3.0, 3.0))
    flow = await start({"name": "obey", **OBEY}, maxInFlight=4)
    own = (("grpc.use_local_subchannel_pool", 1),)
    async with grpc.aio.insecure_channel(flow.gateway_address, own) as other:
        search: Any = other.stream_stream("/peavine.v1.Gateway/Search")
        mute = [search() for _ in range(40)]
        refused = next(asyncio.as_completed([call.code() for call in mute]))
        assert await refused is EXHAUSTED
        await flow.ask("search", [Document(id="x", text="hi")])
        for call in mute:
            call.cancel()


async def test_connections_over_the_limit_are_closed_and_the_others_are_served(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "CONNECTIONS", 8)
    flow = await start({"name": "obey", **OBEY})
    host, _, port = flow.gateway_address.rpartition(":")
    await flow.ask("search", [Document(id="x", text="hi")])

    def connect() -> tuple[bool, socket.socket]:
        connection = socket.create_connection((host, int(port)), timeout=60)
        try:
            connection.sendall(BEGIN)
            return bool(connection.recv(1)), connection
        except (ConnectionResetError, BrokenPipeError):
            return False, connection

    held = [await asyncio.to_thread(connect) for _ in range(20)]
    assert [served for served, _ in held] == [True] * 7 + [False] * 13
    await flow.ask("search", [Document(id="x", text="hi")])
    for _, connection in held:
        connection.close()
    give_up, served = time.monotonic() + 60, False
    while not served:
        assert time.monotonic() < give_up, "a closed connection still counts"
        served, connection = await asyncio.to_thread(connect)
        connection.close()


async def test_a_message_that_does_not_arrive_is_given_up_by_name(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "SLOW_SECONDS", 0.2)
    flow = await start({"name": "obey", **OBEY})
    call: Any = flow.channel.stream_stream("/peavine.v1.Gateway/Search")()
    with pytest.raises(grpc.aio.AioRpcError, match=r"the request did not arrive within 0\.2 s"):
        await call.read()


async def test_silent_streams_make_room_for_new_ones(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams.Streams.__init__, "__defaults__", (float("inf"), 4))
    flow = await start({"name": "obey", **OBEY})
    silent = [flow.call() for _ in range(4)]
    for call in silent:
        await call.write(envelope("x", Document(id="x")).SerializeToString())
        await call.read()
    busy = UnitStream(flow.channel)
    await busy.open()
    with pytest.raises(grpc.aio.AioRpcError, match="others need its place; connect again"):
        await silent[0].read()
    await busy.ask(1, envelope("y", Document(id="y", text="hi")))
    assert (await busy.answer())[0][:2] == (1, 0)
    await silent[-1].write(envelope("z", Document(id="z")).SerializeToString())
    assert envelope("").FromString(await silent[-1].read()).header.id == "z"


async def test_a_stream_without_a_hello_makes_room_as_well(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams.Streams.__init__, "__defaults__", (float("inf"), 2))
    flow = await start({"name": "obey", **OBEY})
    mute = [UnitStream(flow.channel) for _ in range(6)]
    for stream in mute:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await stream.call.wait_for_connection()
    last = UnitStream(flow.channel)
    await last.open()
    await last.ask(1, envelope("y", Document(id="y", text="hi")))
    assert (await last.answer())[0][:2] == (1, 0)


async def test_streams_whose_clients_take_no_answers_make_room_first(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams.Streams.__init__, "__defaults__", (float("inf"), 4))
    flow = await start({"name": "obey", **OBEY})
    kept = flow.call()
    await kept.write(envelope("a", Document(id="a", text="hi")).SerializeToString())
    await kept.read()
    before = answered()
    deaf = Deaf(flow.gateway_address, "/peavine.v1.Gateway/Call", 1, 3, 5)
    await flow.until(lambda: answered() == before + 3, "the three requests are answered")
    await kept.write(envelope("b", Document(id="b", text="hi")).SerializeToString())
    await kept.read()
    busy = UnitStream(flow.channel)
    await busy.open()
    await busy.ask(1, envelope("y", Document(id="y", text="hi")))
    assert (await busy.answer())[0][:2] == (1, 0)
    await kept.write(envelope("c", Document(id="c", text="hi")).SerializeToString())
    assert envelope("").FromString(await kept.read()).header.id == "c"
    deaf.socket.close()


def answered() -> float:
    return REGISTRY.get_sample_value("peavine_requests_total", {"kind": "search", "code": "OK"}) or 0


@pytest.mark.parametrize("method", ["Search", "Call"])
async def test_a_connection_that_takes_no_answer_is_closed(
    start: Start, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(sending, "SECONDS", 0.3)
    flow = await start({"name": "obey", **OBEY})
    deaf = Deaf(flow.gateway_address, f"/peavine.v1.Gateway/{method}", 1)
    assert await asyncio.to_thread(deaf.is_closed)
    deaf.socket.close()
    await flow.ask("search", [Document(id="x", text="hi")])


async def test_streams_of_a_small_age_lose_no_request(caplog: pytest.LogCaptureFixture) -> None:
    """Every stream, between client, gateway, head and Peas, is opened anew several times under load."""
    caplog.set_level("INFO")
    flow = Running(
        {
            "metadata": {"name": "flow"},
            "spec": {"pods": in_order([{"name": "obey", **OBEY}, {"name": "last"}]), "timeoutSeconds": 30},
        },
        max_age=0.3,
    )
    await flow.start()
    try:
        async with AsyncClient(flow.gateway_address) as client:
            until_time = time.monotonic() + 4
            answered = 0
            while time.monotonic() < until_time:
                docs = [Document(id=f"{number}", text="sleep 0.001") for number in range(60)]
                answered += len(await client.search(docs, request_size=1, progress=False))
        assert answered >= 60
        assert sum("connected to" in record.getMessage() for record in caplog.records) > 8
    finally:
        await flow.stop()


async def test_a_unit_that_grew_on_its_way_goes_on_in_parts(start: Start) -> None:
    grow = "from peavine.executors import Crafter\nclass Growing(Crafter):\n    def craft(self, text):\n"
    grow += "        return {'text': text * 1000}\n"
    uses = {"uses": "!Growing\nmetas: {py_modules: growing.py}\n", "files": {"growing.py": grow}}
    flow = await start({"name": "grow", **uses}, {"name": "obey", **OBEY}, maxMessageBytes=10_000)
    stream = UnitStream(flow.channel)
    await stream.open()
    await stream.ask(1, *[envelope(f"{number}", Document(id=f"{number}", text="xxxx")) for number in range(64)])
    stamped, unit = await stream.answer()
    assert (stamped.failed, len(unit.items)) == (0, 64)
    assert [item.header.id for item in unit.items] == [f"{number}" for number in range(64)]
    assert [route.pod for route in unit.items[0].header.routes or unit.routes].count("grow") == 1


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
async def test_compressed_messages_are_refused_before_they_are_unpacked(
    start: Start, compression: grpc.Compression
) -> None:
    flow = await start({"name": "obey", **OBEY})
    method: Any = flow.channel.unary_unary("/peavine.v1.Gateway/Search")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await method(envelope("x", Document(id="x", text="x" * 1_000_000)).SerializeToString(), compression=compression)
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED
    await flow.ask("search", [Document(id="x", text="hi")])


async def test_an_answer_that_takes_long_names_is_cut_to_what_clients_take(start: Start) -> None:
    flow = await start({"name": "index", "uses": "_index"})
    asked = envelope("x", Document(id="x", embedding=[1.0]))
    asked.header.parameters.update({"x" * 50_000: 1})
    method: Any = flow.channel.unary_unary("/peavine.v1.Gateway/Search")
    with pytest.raises(grpc.aio.AioRpcError, match="no Pod takes") as raised:
        await method(asked.SerializeToString())
    assert raised.value.code() is INVALID
