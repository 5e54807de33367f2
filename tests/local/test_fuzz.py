"""Nearly valid input fails by name, in a parser and in a Flow, and the Flow serves others meanwhile.

FUZZ_SECONDS is how long it goes on (`make fuzz`: five minutes) and FUZZ_SEED where it begins. The seed is printed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np

from peavine.client import AsyncClient
from peavine.documents import Document
from peavine.errors import PeavineError
from peavine.local.runner import LocalFlow
from tests.fuzz import samples
from tests.fuzz.mutation import mutated
from tests.fuzz.parsers import PARSERS

SECONDS = float(os.environ.get("FUZZ_SECONDS", "60"))
SEED = int(os.environ.get("FUZZ_SEED", str(random.randrange(2**32))))
SLOW_SECONDS = 5.0
"""Of processor time, for one input."""
ENCODE = {"name": "encode", "uses": "!RandomProjection {with: {input_dim: 4, output_dim: 16}}"}
INDEX = {"name": "index", "uses": "_index", "shards": 2, "storage": {"size": "1Gi"}}


def test_a_parser_raises_nothing_but_errors_that_say_what_is_wrong() -> None:
    chance = random.Random(SEED)
    count, until = 0, time.monotonic() + SECONDS / 3
    while time.monotonic() < until:
        for name, (parser, valid) in PARSERS.items():
            raw = mutated(chance, valid)
            count += 1
            began = time.thread_time()
            with contextlib.suppress(PeavineError):
                try:
                    parser(raw)
                except PeavineError:
                    raise
                except BaseException as error:
                    raise AssertionError(f"FUZZ_SEED={SEED}, input {count}, {name}: {raw!r}") from error
            assert time.thread_time() - began < SLOW_SECONDS, f"FUZZ_SEED={SEED}, input {count}, {name}: {raw!r}"
    print(f"FUZZ_SEED={SEED}: {count} inputs")


async def test_a_flow_that_is_sent_nearly_valid_input_serves_others_and_loses_no_process(
    start_flow: Callable[..., LocalFlow],
) -> None:
    flow = start_flow(ENCODE, INDEX, maxMessageBytes=1048576)
    pids = flow.pids
    sockets = {name: address for name, pid in pids.items() if (address := socket_of(pid))}
    assert {"encode-0-0", "index-head", "index-0-0"} <= sockets.keys()
    until = time.monotonic() + 2 * SECONDS / 3
    last: dict[str, bytes] = {}
    async with AsyncClient(flow.host) as client:
        query = Document(tensor=np.ones(4, np.float32))
        await client.index([Document(id="first", tensor=np.ones(4, np.float32))], progress=False)
        attackers = [
            asyncio.create_task(attack(name, address, until, last))
            for name, address in [("gateway", flow.host), *sockets.items()]
        ]
        attackers.append(asyncio.create_task(attack_http(flow.url, until, last)))
        served = 0
        while time.monotonic() < until:
            try:
                await client.search(query, top_k=1, progress=False)
            except PeavineError as error:
                raise AssertionError(f"FUZZ_SEED={SEED}, after {served}; the last inputs: {last}") from error
            served += 1
            await asyncio.wait(attackers, timeout=0.02, return_when=asyncio.FIRST_EXCEPTION)
        counts = await asyncio.gather(*attackers)
    assert served
    assert flow.pids == pids, f"FUZZ_SEED={SEED}; the last inputs: {last}"
    print(f"FUZZ_SEED={SEED}: {sum(counts)} inputs, {served} searches")


def socket_of(pid: int) -> str | None:
    """Return where a Pea on this machine listens."""
    words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    return words[words.index("--listen") + 1] if "--listen" in words else None


async def attack(name: str, address: str, until: float, last: dict[str, bytes]) -> int:
    """Send mutated requests and units to one process; return how many."""
    chance, count = random.Random(f"{SEED} {name}"), 0
    while time.monotonic() < until:
        async with grpc.aio.insecure_channel(address) as channel:
            for _ in range(50):
                way = chance.randrange(3)
                with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError, TimeoutError):
                    async with asyncio.timeout(20):
                        if name == "gateway" and way == 0:
                            kind = chance.choice(("Search", "Index", "Update", "Delete", "Train"))
                            raw = last[name] = mutated(chance, samples.REQUESTS)
                            ask: Any = channel.unary_unary(f"/peavine.v1.Gateway/{kind}")
                            await ask(raw, timeout=5)
                            count += 1
                        elif name == "gateway" and way == 1:
                            count += await converse(channel, "Gateway/Call", chance, samples.REQUESTS, last, name)
                        else:
                            count += await converse(channel, "Pea/Stream", chance, samples.STAMPED, last, name)
                if time.monotonic() > until:
                    break
    return count


async def converse(
    channel: grpc.aio.Channel, method: str, chance: random.Random, valid: list[bytes], last: dict[str, bytes], name: str
) -> int:
    """Send a few messages on a stream and read what comes until it ends; return how many were sent."""
    call: Any = channel.stream_stream(f"/peavine.v1.{method}")(timeout=5)
    sent = 0
    if method == "Pea/Stream":
        await call.write(samples.HELLOS[0] if chance.random() < 0.9 else mutated(chance, samples.HELLOS))
    for number in range(1, chance.randrange(2, 12)):
        raw = bytearray(mutated(chance, valid))
        if method == "Pea/Stream" and chance.random() < 0.9:
            raw[1:9] = number.to_bytes(8, "little")  # or the stream ends here
        last[name] = bytes(raw)
        await call.write(last[name])
        sent += 1
    await call.done_writing()
    while await call.read() is not grpc.aio.EOF:
        pass
    return sent


async def attack_http(url: str, until: float, last: dict[str, bytes]) -> int:
    """Send mutated JSON; return how many."""
    chance, count = random.Random(f"{SEED} http"), 0
    async with httpx.AsyncClient(base_url=url, timeout=20) as http:
        while time.monotonic() < until:
            kind = chance.choice(("search", "index", "update", "delete"))
            raw = last["http"] = mutated(chance, samples.JSON)
            answer = await http.post(f"/v1/{kind}", content=raw, headers={"content-type": "application/json"})
            assert answer.status_code != 500, f"FUZZ_SEED={SEED}, {kind}: {raw!r}: {answer.text}"
            count += 1
    return count
