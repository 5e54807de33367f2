"""What shares a call of the Executor is answered as if it had been alone."""

from __future__ import annotations

import time
from typing import Any

import grpc

from peavine.documents import Document
from peavine.wire import batch_from_bytes
from tests.local.streams.running import OBEY, Running, Start, UnitStream, envelope

COUNTING = """
import numpy as np
from peavine.executors import Encoder

class Counting(Encoder):
    def encode(self, content):
        return np.array([[len(content), int(text)] for text in content], np.float32)
"""
COUNT: dict[str, Any] = {
    "name": "count",
    "uses": "!Counting\nmetas: {py_modules: counting.py}\n",
    "files": {"counting.py": COUNTING},
}


async def encoded(flow: Running, count: int) -> dict[str, tuple[float, float]]:
    """Return what each of so many requests at once was given: the size of its batch, and its own number."""
    call = flow.call()
    for number in range(count):
        await call.write(envelope(f"{number}", Document(id=f"{number}", text=f"{number}")).SerializeToString())
    found = {}
    for _ in range(count):
        answer = envelope("").FromString(await call.read())
        (doc,) = batch_from_bytes(answer.bodies[0]).docs
        size, own = doc.embedding  # type: ignore[misc]
        found[answer.header.id] = (float(size), float(own))
    return found


async def test_merged_batches_equal_unmerged_ones(start: Start) -> None:
    merged = await start({**COUNT, "batching": {"maxSize": 256, "maxDelayMilliseconds": 50}})
    alone = await start({**COUNT, "batching": {"maxSize": 1}})
    together, single = await encoded(merged, 40), await encoded(alone, 40)
    assert {name: own for name, (_, own) in together.items()} == {name: own for name, (_, own) in single.items()}
    assert {size for size, _ in single.values()} == {1.0}
    assert max(size for size, _ in together.values()) > 10


async def test_no_call_has_more_documents_than_the_manifest_says(start: Start) -> None:
    flow = await start({**COUNT, "batching": {"maxSize": 4, "maxDelayMilliseconds": 20}})
    assert max(size for size, _ in (await encoded(flow, 30)).values()) <= 4


async def test_an_error_that_is_skipped_is_told_in_the_route_and_the_request_goes_on(start: Start) -> None:
    flow = await start({"name": "obey", **OBEY, "onError": "Skip"}, {"name": "after"})
    header, batch = await flow.ask("search", [Document(id="x", text="fail softly")])
    assert [doc.text for doc in batch.docs] == ["fail softly"]
    (problem,) = [route.status for route in header.routes if route.HasField("status")]
    assert "softly" in problem.message
    assert (problem.pod, problem.executor) == ("obey", "Obedient")


async def test_a_flow_can_be_used_as_a_pod_is(start: Start) -> None:
    inner = await start({"name": "obey", **OBEY})
    outer = await start({"name": "inner"}, {"name": "last"}, gateway=False)
    outer.targets["inner"] = [inner.gateway_address]
    await outer.start_gateway()
    header, batch = await outer.ask("search", [Document(id="x", text="hello")])
    assert [doc.text for doc in batch.docs] == ["hello, done"]
    assert [route.pod for route in header.routes] == ["obey", "last"]


async def test_several_threads_run_one_executor_where_the_pod_says_so(start: Start) -> None:
    meeting = "import threading\nfrom peavine.executors import Crafter\nclass Meeting(Crafter):\n"
    meeting += "    def post_init(self):\n        self.all = threading.Barrier(4)\n"
    meeting += "    def craft(self, text):\n        self.all.wait(20)\n        return {}\n"
    uses = {"uses": "!Meeting\nmetas: {py_modules: meeting.py}\n", "files": {"meeting.py": meeting}}
    flow = await start({"name": "meet", **uses, "concurrency": 4, "batching": {"maxSize": 1}}, gateway=False)
    async with grpc.aio.insecure_channel(flow.targets["meet"][0]) as channel:
        stream = UnitStream(channel)
        await stream.open()
        for number in range(8):
            one = envelope("x", Document(id="x", text="x"))
            one.header.deadline = time.time() + 30
            await stream.ask(number + 1, one)
        assert [(await stream.answer())[0].failed for _ in range(8)] == [0] * 8
