"""The clients that benchmarks measure with, one for each way in.

Each keeps `width` requests in flight until a time, and waits for all answers.
They return how many requests were answered, and the seconds that each of them, or each unit of them, took.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from peavine.v1 import pea_pb2
from peavine.wire.hello import hello
from peavine.wire.unit import CONTROL, serialize, stamp, unstamp
from served import Served

Found = tuple[int, list[float]]
Edge = Callable[[Served, bytes, int, float], Awaitable[Found]]
"""Takes what serves, the body of each request, how many are in flight, and until when, by time.perf_counter()."""


def envelope(number: int, body: bytes) -> pea_pb2.Envelope:
    header = pea_pb2.Header(id=f"r{number:015d}", kind=pea_pb2.SEARCH)
    return pea_pb2.Envelope(header=header, bodies=[body])


async def _unary(address: str, method: str, body: bytes, width: int, until: float) -> Found:
    times: list[float] = []
    async with grpc.aio.insecure_channel(address) as channel:
        ask: Any = channel.unary_unary(method)

        async def one() -> None:
            while (began := time.perf_counter()) < until:
                await ask(envelope(len(times), body).SerializeToString())
                times.append(time.perf_counter() - began)

        await asyncio.gather(*(one() for _ in range(width)))
    return len(times), times


async def raw(served: Served, body: bytes, width: int, until: float) -> Found:
    return await _unary(served.grpc, "/raw/Ask", body, width, until)


async def unary(served: Served, body: bytes, width: int, until: float) -> Found:
    return await _unary(served.grpc, "/peavine.v1.Gateway/Search", body, width, until)


async def call(served: Served, body: bytes, width: int, until: float) -> Found:
    times, begun = list[float](), dict[int, float]()
    async with grpc.aio.insecure_channel(served.grpc) as channel:
        stream: Any = channel.stream_stream("/peavine.v1.Gateway/Call")()

        async def ask(number: int) -> None:
            begun[number] = time.perf_counter()
            await stream.write(envelope(number, body).SerializeToString())

        for number in range(width):
            await ask(number)
        while begun:
            answer = pea_pb2.Envelope.FromString(await stream.read())
            assert not answer.header.HasField("status"), answer.header.status
            now = time.perf_counter()
            times.append(now - begun.pop(int(answer.header.id[1:])))
            if now < until:
                await ask(width + len(times))
        stream.cancel()
    return len(times), times


async def units(served: Served, body: bytes, width: int, until: float) -> Found:
    """Send units that are formed here, as the Python client does."""
    done, number, times = 0, 0, list[float]()
    async with grpc.aio.insecure_channel(served.grpc) as channel:
        stream: Any = channel.stream_stream("/peavine.v1.Pea/Stream")()
        await stream.write(stamp(hello("", "bench"), CONTROL, 0, time.time()))
        await stream.read()
        while (began := time.perf_counter()) < until:
            number += 1
            unit = pea_pb2.Unit(kind=pea_pb2.SEARCH, items=[envelope(done + place, body) for place in range(width)])
            await stream.write(stamp(serialize(unit), number, 0, time.time()))
            answer = unstamp(await stream.read())
            assert answer.number == number, answer
            assert not answer.failed, answer
            assert len(pea_pb2.Unit.FromString(answer.rest).items) == width
            times.append(time.perf_counter() - began)
            done += width
        stream.cancel()
    return done, times


async def http(served: Served, body: bytes, width: int, until: float) -> Found:
    """Send a Document as JSON on connections that are kept; `body` is not used."""
    content = json.dumps({"docs": [{"id": "0123456789abcdef", "text": "one small document, as JSON " * 3}]}).encode()
    head = (
        f"POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1:{served.http}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}"
    )
    request = head.encode() + b"\r\n\r\n" + content
    times: list[float] = []

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.http)
        try:
            while (began := time.perf_counter()) < until:
                writer.write(request)
                answer = await reader.readuntil(b"\r\n\r\n")
                assert answer.startswith(b"HTTP/1.1 200 "), answer
                length = answer.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length))
                times.append(time.perf_counter() - began)
        finally:
            writer.close()

    await asyncio.gather(*(one() for _ in range(width)))
    return len(times), times
