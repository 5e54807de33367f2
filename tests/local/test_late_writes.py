"""A write that its client gave up never replaces one that was acknowledged later, however late it arrives.

A gateway stands still, as one that is throttled, swapped out or cut off, with a write in its sockets or its memory.
Meanwhile a later write of the same Document goes through another gateway; then the first one goes on.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from peavine import Client, Document, spec
from peavine.errors import PeavineError
from peavine.local import Listen, LocalFlow
from peavine.v1 import gateway_pb2_grpc, pea_pb2
from peavine.wire import batch_to_bytes
from peavine.wire.header import header, kind_of

STARTING = 60.0
PATIENCE = 30.0
SHORT = 0.2
"""Seconds after which the client gives up."""
ROUNDS = 2

VECTOR = [1.0, 0.0]


@dataclass
class Gateway:
    """One of two gateways of a Flow."""

    pid: int
    grpc: str
    url: str

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Let it stand still."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)


@dataclass
class Two:
    """Two gateways of one Flow: one that stands still now and then, and another one."""

    first: Gateway
    second: Gateway

    def found(self) -> dict[str, str]:
        """Return the texts of all that is found through either gateway, by id; both have done what they had to."""
        answers = []
        for gateway in (self.first, self.first, self.second):
            with Client(host=gateway.grpc) as client:
                (query,) = client.search([Document(embedding=VECTOR)], top_k=100)
                answers.append({match.root_id or match.id: match.text or "" for match in query.matches})
        return answers[-1]


@pytest.fixture(scope="module", params=[1, 2], ids=["one shard", "two shards"])
def two(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    """A Flow with an index and two gateways."""
    folder = tmp_path_factory.mktemp("late")
    pod = {"name": "index", "uses": "_index", "executor": {"with": {"metric": "euclidean"}}, "shards": request.param}
    flow = LocalFlow(
        spec.parse({"metadata": {"name": "late"}, "spec": {"pods": [pod]}}), data=folder / "data", listen=Listen(),
        sink=lambda name, line: print(name, line, file=sys.stderr),
    )  # fmt: skip
    with flow:
        pid = flow.pids["gateway"]
        arguments = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        plan, addresses = arguments[arguments.index("--plan") + 1], folder / "addresses"
        command = ["gateway", "--plan", plan, "--host", "127.0.0.1", "--grpc-port", "0", "--http-port", "0"]
        other = subprocess.Popen([sys.executable, "-m", "peavine", *command, "--addresses", str(addresses)])
        try:
            until(lambda: addresses.exists() and addresses.read_text().endswith("}"), "the gateway listens")
            listening = json.loads(addresses.read_text())
            second = Gateway(other.pid, listening["grpc"], f"http://{listening['http']}")
            until(lambda: httpx.get(f"{second.url}/readyz").status_code == 200, "the gateway is ready")
            yield Two(Gateway(pid, flow.host, flow.url), second)
        finally:
            other.terminate()
            other.wait(STARTING)


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + STARTING
    while not condition():
        assert time.monotonic() < deadline, f"not in {STARTING:g} s: {what}"
        time.sleep(0.02)


def document(id: str, text: str) -> Document:
    return Document(id=id, text=text, embedding=VECTOR, chunks=[Document(id="0", text=text, embedding=VECTOR)])


def by_http(gateway: Gateway, kind: str, id: str, text: str, seconds: float) -> bool:
    body = {"ids": [id]} if kind == "delete" else {"docs": [document(id, text).to_dict()]}
    try:
        return httpx.post(f"{gateway.url}/v1/{kind}", json=body, timeout=seconds).status_code == 200
    except httpx.TimeoutException:
        return False


def envelope(kind: str, id: str, text: str) -> pea_pb2.Envelope:
    return pea_pb2.Envelope(header=header(kind), bodies=[batch_to_bytes([document(id, text)])])


def by_unary(gateway: Gateway, kind: str, id: str, text: str, seconds: float) -> bool:
    with grpc.insecure_channel(gateway.grpc, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        method: Any = channel.unary_unary(f"/peavine.v1.Gateway/{kind.capitalize()}")
        try:
            method(envelope(kind, id, text).SerializeToString(), timeout=seconds, wait_for_ready=True)
        except grpc.RpcError:
            return False
    return True


def by_call(gateway: Gateway, kind: str, id: str, text: str, seconds: float) -> bool:
    asked = envelope(kind, id, text)
    asked.header.id, asked.header.kind = "one", kind_of(kind)
    with grpc.insecure_channel(gateway.grpc, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        stub = gateway_pb2_grpc.GatewayStub(channel)
        request = pea_pb2.Request.FromString(asked.SerializeToString())
        try:
            (answer,) = stub.Call(iter([request]), timeout=seconds, wait_for_ready=True)
        except grpc.RpcError:
            return False
    return not answer.header.status.code


def by_client(gateway: Gateway, kind: str, id: str, text: str, seconds: float) -> bool:
    with Client(host=gateway.grpc) as client:
        try:
            getattr(client, kind)([id] if kind == "delete" else [document(id, text)], timeout=seconds)
        except PeavineError:
            return False
    return True


WAYS = [by_http, by_unary, by_call, by_client]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("late", ["index", "update", "delete"])
def test_a_write_that_was_given_up_counts_for_nothing_after_a_later_one(
    two: Two, way: Callable[..., bool], late: str
) -> None:
    later = "delete" if late == "index" else "index"
    for number in range(ROUNDS):
        id = f"{way.__name__}-{late}-{number}"
        assert by_http(two.second, "index", id, "first", PATIENCE)
        with two.first.stopped():
            assert not way(two.first, late, id, "late", SHORT)
            assert way(two.second, later, id, "later", PATIENCE)
        assert two.found().get(id) == (None if later == "delete" else "later")


@pytest.mark.parametrize("way", [by_http, by_unary, by_call])
def test_a_write_that_was_sent_again_elsewhere_counts_once(two: Two, way: Callable[..., bool]) -> None:
    for number in range(ROUNDS):
        id = f"{way.__name__}-again-{number}"
        with two.first.stopped():
            assert not way(two.first, "index", id, "first", SHORT)
            assert way(two.second, "index", id, "first", PATIENCE)
            assert way(two.second, "index", id, "second", PATIENCE)
        assert two.found()[id] == "second"


def test_a_write_on_an_open_stream_keeps_the_version_that_its_client_gave_it(two: Two) -> None:
    """The gateway has read the client's Hello, and stands still when the unit arrives."""
    for number in range(ROUNDS):
        id = f"open-{number}"
        with Client(host=two.first.grpc) as client:
            client.index([document(id, "first")])
            with two.first.stopped():
                with pytest.raises(PeavineError):
                    client.index([document(id, "late")], timeout=SHORT)
                assert by_client(two.second, "index", id, "later", PATIENCE)
            assert two.found()[id] == "later"
