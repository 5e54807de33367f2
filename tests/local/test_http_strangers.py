"""What strangers do at the HTTP port, on purpose or not, costs those who behave nothing."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect

from peavine.gateway.http import app as http_module
from peavine.gateway.http import connection, listener, websocket
from peavine.gateway.server import GatewayServer
from peavine.gateway.settings import GatewaySettings
from peavine.graph import Plan, Step

LIMIT = 100_000
HEAD = b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
SMALL = b'{"docs": [{"text": "x"}]}'
Gateway = Callable[..., Awaitable[GatewayServer]]


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    """Return a function that starts a gateway whose Pod is not there, so a request waits until its time is over."""
    started: list[GatewayServer] = []

    async def start(seconds: int = 1, max_in_flight: int = 8, **fields: Any) -> GatewayServer:
        step = Step(pod="lost", needs=["gateway"], shards=[[f"unix:{tmp_path}/nothing.sock"]], timeout_seconds=seconds)
        plan = Plan(
            name="half",
            steps=[step],
            timeout_seconds=seconds,
            max_message_bytes=LIMIT,
            max_in_flight=max_in_flight,
            **fields,
        )
        server = GatewayServer(GatewaySettings(plan=tmp_path / "unused", grpc_port=0, http_port=0), plan)
        started.append(server)
        await server.start()
        return server

    yield start
    for server in started:
        await server.stop(0)


OPENED: list[asyncio.StreamWriter] = []


@pytest.fixture(autouse=True)
async def close_connections() -> AsyncIterator[None]:
    """Close what a test has opened."""
    yield
    for writer in OPENED:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    OPENED.clear()


async def open_to(server: GatewayServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = server.http_address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    OPENED.append(writer)
    return reader, writer


async def said_to(server: GatewayServer, *parts: bytes) -> bytes:
    """Send these parts, and nothing after them, and return all that comes until the gateway closes the connection."""
    reader, writer = await open_to(server)
    for part in parts:
        writer.write(part)
        await writer.drain()
    said = b""
    async with asyncio.timeout(20):
        with contextlib.suppress(ConnectionResetError):  # it is closed before all that was sent was read
            while part := await reader.read(65536):
                said += part
    return said


async def until(condition: Callable[[], object], what: str, seconds: float = 20) -> None:
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(0.01)


async def ask(server: GatewayServer, body: bytes = SMALL, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=f"http://{server.http_address}", timeout=30) as http:
        return await http.post("/v1/search", content=body, headers={"Content-Type": "application/json"} | headers)


def framed(body: bytes, length: int | None = None) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % (len(body) if length is None else length) + body


async def test_a_gateway_whose_pod_is_not_there_says_so(gateway: Gateway) -> None:
    server = await gateway()
    async with httpx.AsyncClient(base_url=f"http://{server.http_address}", timeout=30) as http:
        assert (await http.get("/healthz")).status_code == 200
        ready = await http.get("/readyz")
        assert ready.status_code == 503
        assert "lost" in ready.json()["detail"]
        assert ready.headers["retry-after"]
        assert (await http.get("/v1/status")).json()["ready"] is False
        answer = await http.post("/v1/search", json={"docs": [{"text": "x"}]})
        assert answer.status_code in (503, 504)
        assert "lost" in answer.json()["detail"]


@pytest.mark.parametrize("sent", [b"", HEAD[:30], HEAD], ids=["nothing", "a line", "headers"])
async def test_a_head_that_does_not_come_ends_its_connection(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.2)
    assert await said_to(await gateway(), sent) == b""


LARGE = {
    "a line that does not end": [HEAD, b"X-Y: " + b"y" * 100_000],
    "headers that do not end": [HEAD, *[b"X-Y: " + b"y" * 10_000 + b"\r\n"] * 8],
    "many bytes in one burst": [HEAD + b"X-Y: yyyyyyyyyy\r\n" * 10_000 + b"Content-Length: 2\r\n\r\n{}"],
    "a long path": [b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    "many headers in one burst": [HEAD + b"X:\r\n" * 300 + b"Content-Length: 2\r\n\r\n{}"],
    "many trailers": [HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n" + b"X: y\r\n" * 300 + b"\r\n"],
}


@pytest.mark.parametrize("parts", LARGE.values(), ids=LARGE)
async def test_a_head_that_is_too_large_is_refused(gateway: Gateway, parts: list[bytes]) -> None:
    said = await said_to(await gateway(), *parts)
    # Where the rest of a burst is not read any more, the answer may be lost.
    assert not said or said.startswith(b"HTTP/1.1 400 ")
    assert not said or b"more than 65536 bytes or 256 headers" in said


@pytest.mark.parametrize("came", [b'{"docs": ', b" " * 70_000], ids=["at all", "on"])
async def test_a_body_that_does_not_come_is_refused(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, came: bytes
) -> None:
    monkeypatch.setattr(http_module, "STEP_SECONDS", 0.3)
    monkeypatch.setattr(connection, "LINGER_SECONDS", 0.1)
    said = await said_to(await gateway(), framed(came, LIMIT))
    assert said.startswith(b"HTTP/1.1 408 ")
    assert b"DEADLINE_EXCEEDED" in said


async def test_a_body_that_comes_slowly_and_steadily_is_taken(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_module, "STEP_BYTES", 1000)
    monkeypatch.setattr(http_module, "STEP_SECONDS", 1.0)
    server = await gateway()
    reader, writer = await open_to(server)
    began = time.monotonic()
    writer.write(framed(b"", LIMIT))
    sent = 0
    while time.monotonic() < began + 1.5:  # longer than a body may do without getting on
        writer.write(b" " * 1000)
        sent += 1000
        await asyncio.sleep(0.05)
    writer.write(SMALL.rjust(LIMIT - sent))
    async with asyncio.timeout(20):
        assert (await reader.readline()).split()[1] in (b"503", b"504")


async def test_bodies_that_do_not_come_never_keep_others_out(gateway: Gateway) -> None:
    server = await gateway()
    held = [await open_to(server) for _ in range(40)]
    for _, writer in held:
        writer.write(framed(b"{", LIMIT))
        await writer.drain()
    for size in (0, LIMIT):
        assert (await ask(server, SMALL.rjust(size))).status_code in (503, 504)


async def test_bodies_that_get_on_least_give_way_to_others(gateway: Gateway) -> None:
    server = await gateway()
    answered: list[asyncio.Task[bytes]] = []
    for _ in range(8):  # of which three have room
        reader, writer = await open_to(server)
        writer.write(framed(b" " * (LIMIT - 1), LIMIT))
        answered.append(asyncio.create_task(reader.readline()))
    await until(lambda: sum(task.done() for task in answered) >= 5, "the others are answered")
    assert {task.result().split()[1] for task in answered if task.done()} == {b"429"}
    assert (await ask(server, SMALL.rjust(LIMIT))).status_code in (503, 504)
    assert (await ask(server)).status_code in (503, 504)
    for task in answered:
        task.cancel()


async def test_connections_that_wait_for_their_clients_give_way_to_others(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "CONNECTIONS", 4)
    server = await gateway(seconds=5, max_in_flight=2)
    working = asyncio.create_task(ask(server))
    await until(lambda: server.edge.in_flight == 1, "a request is in flight")
    held = [await open_to(server) for _ in range(20)]
    for _, writer in held:
        writer.write(framed(b"{", 100))
    async with asyncio.timeout(20):
        for reader, _ in held[:15]:
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
        assert server.edge.in_flight == 1
        answer = await ask(server, b"{")
        assert answer.status_code == 400
    assert (await working).status_code in (503, 504)


async def test_a_client_that_goes_while_it_sends_leaves_no_trace_in_the_log(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    server = await gateway()
    with caplog.at_level(logging.INFO):
        for sent in (
            HEAD,
            framed(b"{", 100),
            framed(b" " * 50_000, LIMIT),
            b"\x16\x03\x01\x00",
            b"GET / HTTP/9\r\n\r\n",
        ):
            _, writer = await open_to(server)
            writer.write(sent)
            await writer.drain()
            writer.transport.abort()
        assert (await ask(server)).status_code in (503, 504)
    found = [record for record in caplog.records if "lost" not in record.getMessage() and record.name != "httpx"]
    assert [record.getMessage() for record in found if record.levelno > logging.INFO or record.exc_info] == []


async def test_a_client_that_vanishes_takes_its_request_along(gateway: Gateway) -> None:
    server = await gateway(seconds=60)
    _, writer = await open_to(server)
    writer.write(framed(SMALL))
    await until(lambda: server.edge.in_flight == 1, "the request is in flight")
    writer.transport.abort()
    await until(lambda: server.edge.in_flight == 0, "it is dropped")


async def test_many_requests_in_one_burst_are_answered_in_order(gateway: Gateway) -> None:
    server = await gateway()
    reader, writer = await open_to(server)
    paths = [f"/unknown/{number}" for number in range(4000)]
    burst = "".join(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n" for path in paths).encode()
    tracemalloc.start()
    try:
        writer.write(burst)
        for path in paths:
            async with asyncio.timeout(20):
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                assert f" {path} " in json.loads(await reader.readexactly(length))["detail"]
        assert tracemalloc.get_traced_memory()[1] < 5_000_000  # half of what all of them take
    finally:
        tracemalloc.stop()


REFUSED: dict[str, tuple[Any, int, str]] = {
    "many Documents": ({"docs": [{}] * 4097}, 400, "the limit is 4096"),
    "many ids": ({"ids": [""] * 4097}, 400, "ids: has 4097 ids; the limit is 4096"),
    "wrong ids": ({"ids": [0] * 4000}, 400, "and 3950 more"),
    "empty ids": ({"ids": [""] * 4000}, 400, "ids[49]"),
    "unknown fields": ({"docs": [{}]} | {f"f{n}": 0 for n in range(4000)}, 400, "and 3950 more"),
    "more of them": ({"docs": [{}]} | {f"f{n}": 0 for n in range(5000)}, 400, "more than 4096 values"),
    "wrong queries": ({"docs": [{}], "queries": [0] * 4000}, 400, "and 3950 more"),
    "parameters": ({"docs": [{}], "parameters": {"a": [{}] * 5000}}, 400, "more than 4096 values"),
    "wrong Documents": ({"docs": [0] * 4000}, 400, "and 3950 more"),
    "lists": ({"docs": [{"tags": {"a": [[]] * 24_000}}]}, 413, "would take about"),
}


@pytest.mark.parametrize(("body", "status", "says"), REFUSED.values(), ids=REFUSED)
async def test_more_than_a_request_may_have_is_refused_with_a_short_problem(
    gateway: Gateway, body: dict[str, Any], status: int, says: str
) -> None:
    server = await gateway()
    async with httpx.AsyncClient(base_url=f"http://{server.http_address}", timeout=30) as http:
        answer = await http.post("/v1/delete" if "ids" in body else "/v1/search", json=body)
    assert answer.status_code == status
    assert says in answer.text
    assert len(answer.text) < 30_000


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "localhost.evil.example", "10.0.0.1", "[::2]:80"]
)
async def test_a_name_that_is_not_this_machines_is_refused_where_only_this_machine_can_be_meant(
    gateway: Gateway, host: str
) -> None:
    server = await gateway()
    answer = await ask(server, Host=host, Origin=f"http://{host}")
    assert answer.status_code == 421
    assert "--host 0.0.0.0" in answer.json()["detail"]
    with pytest.raises(websockets.InvalidStatus) as refused:
        await connect(
            f"ws://{server.http_address}/v1/stream",
            origin=websockets.Origin(f"http://{host}"),
            additional_headers={"Host": host},
        )
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "a.localhost", "127.0.0.1:8080", "127.1.2.3", "[::1]:1"])
async def test_this_machines_own_names_are_taken(gateway: Gateway, host: str) -> None:
    assert (await ask(await gateway(), Host=host)).status_code in (503, 504)


async def reflected(server: GatewayServer) -> bytes:
    """Return what gRPC reflection says of the services."""
    list_services = b"\x3a\x00"
    async with grpc.aio.insecure_channel(server.address) as channel:
        asked: Any = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")()
        await asked.write(list_services)
        said: bytes = await asked.read()
        asked.cancel()
    return said


async def test_descriptions_can_be_turned_off(gateway: Gateway) -> None:
    for wanted in (True, False):
        server = await gateway(docs=wanted, reflection=wanted)
        async with httpx.AsyncClient(base_url=f"http://{server.http_address}", timeout=30) as http:
            for path in ("/docs", "/openapi.json"):
                assert (await http.get(path)).status_code == (200 if wanted else 404)
            assert ("/docs" in (await http.get("/nothing")).json()["detail"]) is wanted
        if wanted:
            assert b"peavine.v1.Gateway" in await reflected(server)
        else:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await reflected(server)
            assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


@contextlib.asynccontextmanager
async def unread(server: GatewayServer) -> AsyncIterator[Callable[[], bool]]:
    """Ask for more than fits any buffer, read none of it, and give what tells whether the connection was reset."""
    host, _, port = server.http_address.rpartition(":")
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(raw, (host, int(port)))
        request = b"GET /docs/static/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
        await loop.sock_sendall(raw, request * 20)
        yield lambda: raw.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0


async def test_a_client_that_does_not_read_its_answers_loses_its_connection(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "READ_SECONDS", 0.2)
    async with unread(await gateway()) as is_reset:
        await until(is_reset, "the connection is reset")


async def test_answers_that_are_read_least_lately_give_way_to_others(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "READ_SECONDS", 60)
    server = await gateway()
    async with contextlib.AsyncExitStack() as stack:
        opened = {
            await stack.enter_async_context(unread(server)) for _ in range(8)
        }  # of which four have room, or fewer
        reset = set[Callable[[], bool]]()

        def some_are_reset() -> bool:
            reset.update(is_reset for is_reset in opened - reset if is_reset())
            return len(reset) >= 4

        await until(some_are_reset, "those for which there is no room are reset")
        assert len(reset) < len(opened)
        assert (await ask(server)).status_code in (503, 504)


# WebSockets


def stream(server: GatewayServer) -> connect:
    return connect(f"ws://{server.http_address}/v1/stream", max_size=None)


async def closed(opened: ClientConnection) -> tuple[int, str]:
    async with asyncio.timeout(20):
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                await opened.recv()
        await opened.wait_closed()
    assert opened.close_code is not None
    return opened.close_code, opened.close_reason or ""


async def test_sockets_on_which_nothing_comes_give_way_to_others(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await gateway()
    async with contextlib.AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(stream(server)) for _ in range(websocket.SOCKETS + 2)]
        for opened in sockets[:2]:
            assert await closed(opened) == (1013, websocket.CROWDED)
        await sockets[2].send('{"id": "1", "kind": "search", "docs": [{}]}')
        assert json.loads(await sockets[2].recv())["id"] == "1"
        last = await stack.enter_async_context(stream(server))
        assert (await closed(sockets[3]))[0] == 1013  # not the one that has asked meanwhile
        for opened in (sockets[2], last):
            await opened.send('{"id": "2", "kind": "search", "docs": [{}]}')
            assert json.loads(await opened.recv())["id"] == "2"


async def test_messages_that_get_on_least_give_way_to_others(gateway: Gateway) -> None:
    server = await gateway()
    unfinished = b"\x01\xff" + (LIMIT - 1).to_bytes(8, "big") + b"\0\0\0\0" + b" " * (LIMIT - 1)
    async with contextlib.AsyncExitStack() as stack:
        sockets = [
            await stack.enter_async_context(stream(server)) for _ in range(8)
        ]  # of which three have room, or fewer
        for opened in sockets:
            opened.transport.write(unfinished)
        await until(lambda: sum(opened.close_code == 1006 for opened in sockets) >= 5, "the others are closed")
        assert (await ask(server, SMALL.rjust(LIMIT))).status_code in (503, 504)


async def test_a_message_that_does_not_go_on_closes_its_socket(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "FRAME_SECONDS", 0.2)
    server = await gateway()
    for part in (b"\x01\x81\0\0\0\0{", b"\x81\xfe\x10\x00\0\0\0\0{"):  # an unfinished message; an unfinished frame
        async with stream(server) as opened:
            opened.transport.write(part)
            assert "did not go on within" in (await closed(opened))[1]
    async with stream(server) as opened:
        await asyncio.sleep(0.5)  # a socket may be silent for longer than a message
        await opened.send("{")
        assert "error" in json.loads(await opened.recv())


async def test_a_message_of_too_many_parts_closes_its_socket(gateway: Gateway) -> None:
    async with stream(await gateway()) as opened:
        with contextlib.suppress(websockets.ConnectionClosed, OSError):
            opened.transport.write(b"\x01\x81\0\0\0\0{" + b"\x00\x80\0\0\0\0" * 50_000)
        assert (await closed(opened))[0] == 1009


async def test_a_client_that_reads_no_pongs_is_not_read_from(gateway: Gateway) -> None:
    server = await gateway()
    upgrade = (
        "GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    reader, writer = await open_to(server)
    writer.write(upgrade.encode())
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    pings = b"\x89\xfd\0\0\0\0" + b"x" * 125

    async def flood() -> None:
        for _ in range(100):  # 100 MB
            writer.write(pings * 8000)
            async with asyncio.timeout(2):
                await writer.drain()

    with pytest.raises(TimeoutError):
        await flood()


async def test_bytes_that_are_no_text_are_answered(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    async with stream(await gateway()) as opened:
        await opened.send(b"\xff")
        opened.transport.write(b"\x81\x81\0\0\0\0\xff")
        for _ in range(2):
            assert "not JSON" in json.loads(await opened.recv())["error"]["detail"]
    assert not [record for record in caplog.records if record.exc_info]


# A gateway that stood still


def test_what_a_client_gave_up_while_the_gateway_stood_still_is_not_done(start_flow: Any) -> None:
    flow = start_flow({"name": "index", "uses": "_index", "storage": {"size": "1Gi"}})
    pid = flow.pids["gateway"]
    address = ("127.0.0.1", int(flow.url.rpartition(":")[2]))
    with httpx.Client(base_url=flow.url, timeout=30) as http, contextlib.ExitStack() as stack:

        def index(name: str) -> bytes:
            body = json.dumps({"docs": [{"id": name, "embedding": [1, 0]}]}).encode()
            return HEAD.replace(b"search", b"index") + b"Content-Length: %d\r\n\r\n" % len(body) + body

        def exchange(opened: socket.socket, request: bytes) -> None:
            opened.sendall(request)
            said = b""
            while b"docs" not in said:
                said += opened.recv(65536)

        kept = stack.enter_context(socket.create_connection(address))
        exchange(kept, index("before"))
        os.kill(pid, signal.SIGSTOP)
        try:
            kept.sendall(index("on a connection that was kept"))
            kept.close()
            for number in range(5):
                with socket.create_connection(address) as opened:
                    opened.sendall(index(f"on a new connection {number}"))
            lasting = stack.enter_context(socket.create_connection(address))
            lasting.sendall(index("by a client that waits"))
        finally:
            os.kill(pid, signal.SIGCONT)
        exchange(lasting, index("after"))  # whose answer comes after all before it were submitted
        answer = http.post("/v1/search", json={"docs": [{"embedding": [1, 0]}], "top_k": 20}).json()
    found = {match["id"] for match in answer["docs"][0]["matches"]}
    assert found == {"before", "by a client that waits", "after"}
