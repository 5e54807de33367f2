"""Flows in this process, over real gRPC, so that a test can look at both ends and stop one of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import grpc

from peavine import graph, spec
from peavine.documents import Batch, Document
from peavine.gateway import GatewayServer, GatewaySettings
from peavine.pea import PeaServer, PeaSettings
from peavine.serving import AGE_SECONDS
from peavine.v1 import pea_pb2
from peavine.wire import batch_from_bytes, batch_to_bytes
from peavine.wire.header import kind_of
from peavine.wire.hello import hello
from peavine.wire.unit import CONTROL, Stamped, parse, serialize, stamp, unstamp

UNUSED = Path("unused")

OBEDIENT = """
import time
from pathlib import Path
from peavine.executors import Crafter

class Obedient(Crafter):
    def craft(self, text):
        order, _, rest = (text or "").partition(" ")
        if order == "sleep":
            time.sleep(float(rest))
        if order == "await":
            give_up = time.monotonic() + 60
            while not Path(rest).exists() and time.monotonic() < give_up:
                time.sleep(0.01)
        if order == "fail":
            raise ValueError(rest)
        return {"text": f"{text}, done"}
"""
"""An Executor that does what a Document's text says: "sleep 0.5", "fail because of this", "await FILE" to be there."""

OBEY: dict[str, Any] = {
    "executor": {"class": "Obedient", "metas": {"py_modules": "obedient.py"}},
    "files": {"obedient.py": OBEDIENT},
}


def envelope(name: str, *docs: Document, kind: str = "search", timeout: float = 0) -> pea_pb2.Envelope:
    """Return a request that asks for everything back."""
    header = pea_pb2.Header(id=name, kind=kind_of(kind), timeout=timeout, fields=["*"])
    return pea_pb2.Envelope(header=header, bodies=[batch_to_bytes(docs)])


class UnitStream:
    """A client's side of Pea.Stream."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.call: Any = channel.stream_stream("/peavine.v1.Pea/Stream")()

    async def open(self, greeting: bytes | None = None) -> pea_pb2.Hello:
        """Say Hello and return the other side's."""
        await self.call.write(stamp(hello("test", "test") if greeting is None else greeting, CONTROL, 0, time.time()))
        raw = await self.call.read()
        assert raw is not grpc.aio.EOF
        return parse(unstamp(raw).rest).hello

    async def ask(self, number: int, *items: pea_pb2.Envelope, sent: float | None = None) -> None:
        """Send a unit."""
        unit = pea_pb2.Unit(kind=items[0].header.kind, items=items)
        await self.call.write(stamp(serialize(unit), number, 0, time.time() if sent is None else sent))

    async def answer(self) -> tuple[Stamped, pea_pb2.Unit]:
        """Return the next unit."""
        raw = await self.call.read()
        assert raw is not grpc.aio.EOF
        stamped = unstamp(raw)
        return stamped, parse(stamped.rest)


class Running:
    """A Flow that runs in this process."""

    def __init__(self, manifest: dict[str, Any], max_age: float = AGE_SECONDS) -> None:
        self.max_age = max_age
        self.flow = spec.parse(manifest)
        self.pods = {pod.metadata.name: pod for pod in graph.pods(self.flow)}
        self.peas: dict[str, PeaServer] = {}
        self.targets: dict[str, list[str]] = {}
        self.gateway: GatewayServer | None = None
        self.channel: grpc.aio.Channel

    async def start(self, gateway: bool = True) -> None:
        for name, pod in self.pods.items():
            shards = []
            for shard in range(pod.spec.shards):
                peas = [await self.pea(name, shard, replica) for replica in range(pod.spec.replicas or 1)]
                shards.append([pea.address for pea in peas])
            self.targets[name] = shards[0]
            if pod.spec.has_head:
                settings = PeaSettings(UNUSED, "127.0.0.1:0", name=f"{name}-head", max_age=self.max_age)
                head = PeaServer(settings, pod, graph.head_plan(pod, shards))
                self.peas[head.name] = head
                self.targets[name] = [await head.start()]
        if gateway:
            await self.start_gateway()

    async def pea(self, pod: str, shard: int = 0, replica: int = 0, listen: str = "127.0.0.1:0") -> PeaServer:
        """Start one Pea."""
        settings = PeaSettings(UNUSED, listen, shard=shard, name=f"{pod}-{shard}-{replica}", max_age=self.max_age)
        pea = PeaServer(settings, self.pods[pod])
        self.peas[pea.name] = pea
        await pea.start()
        return pea

    async def start_gateway(self) -> None:
        plan = graph.plan(self.flow, lambda pod: self.targets[pod.name])
        settings = GatewaySettings(UNUSED, grpc_port=0, http_port=None, max_age=self.max_age)
        self.gateway = GatewayServer(settings, plan)
        self.channel = grpc.aio.insecure_channel(await self.gateway.start())
        gateway = self.gateway
        await until(lambda: gateway.edge.serving, "the gateway is ready")

    @property
    def gateway_address(self) -> str:
        assert self.gateway is not None
        return self.gateway.address

    async def until(self, condition: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
        """Wait until it holds."""
        await until(condition, what, seconds)

    async def stop(self) -> None:
        if self.gateway is not None:
            await self.channel.close()
            await self.gateway.stop(0)
        for pea in self.peas.values():
            await pea.stop(0)

    async def stop_pea(self, name: str, grace: float = 0) -> None:
        """Stop one Pea; without grace as a crash would."""
        await self.peas.pop(name).stop(grace)

    async def ask(self, kind: str, docs: Sequence[Document], **parameters: Any) -> tuple[pea_pb2.Header, Batch]:
        """Send one request and return the answer. Raises AioRpcError."""
        asked = envelope("one", *docs, kind=kind)
        if parameters:
            asked.header.parameters.update(parameters)
        method: Any = self.channel.unary_unary(f"/peavine.v1.Gateway/{kind.capitalize()}")
        answered = pea_pb2.Envelope.FromString(await method(asked.SerializeToString()))
        return answered.header, batch_from_bytes(answered.bodies[0])

    def call(self) -> Any:
        """Open a Call stream of raw bytes."""
        return self.channel.stream_stream("/peavine.v1.Gateway/Call")()


async def until(condition: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    """Wait until it holds."""
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(0.01)


Start = Callable[..., Awaitable[Running]]
"""Starts a Flow of the Pods it is given; keyword arguments are fields of the Flow."""
