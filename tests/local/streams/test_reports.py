"""A Driver answers more than Documents: its report comes back to the client, through shards and later steps."""

from __future__ import annotations

from typing import Any

from peavine import AsyncClient
from peavine.documents import Document
from peavine.v1 import pea_pb2
from peavine.wire import batch_to_bytes
from peavine.wire.report import report_of
from tests.local.streams.running import Start

COUNTING = """
from peavine.drivers import Driver
from peavine.executors import Executor

class CountDriver(Driver):
    name: str = "count"

    def run(self, tasks, executor, kind):
        for task in tasks:
            shard = executor.shard.shard if executor.shard else 0
            task.report[self.name] = {"documents": len(task.batch.docs), "shards": [shard], "by": self.name}

class Counting(Executor):
    pass
"""


def counting(name: str, needs: list[str] | None = None, **fields: Any) -> dict[str, Any]:
    driver = {"class": "CountDriver", "with": {"name": name}}
    executor = {"class": "Counting", "metas": {"py_modules": "counting.py"}, "requests": {"search": [driver]}}
    pod = {"name": name, "executor": executor, "files": {"counting.py": COUNTING}, **fields}
    return pod if needs is None else {**pod, "needs": needs}


async def test_reports_of_steps_shards_and_branches_come_back_together(start: Start) -> None:
    flow = await start(
        counting("first"),
        counting("left", ["first"]),
        counting("right", ["first"], shards=2, polling={"search": "All"}),
        {"name": "last", "needs": ["left", "right"]},
    )
    header, _ = await flow.ask("search", [Document(id="a"), Document(id="b")])
    report = report_of(header)
    assert report["first"] == {"documents": 2, "shards": [0], "by": "first"}
    assert report["left"] == {"documents": 2, "shards": [0], "by": "left"}
    assert report["right"] == {"documents": 4, "shards": [0, 1], "by": "right"}


async def test_a_report_reaches_a_client(start: Start) -> None:
    flow = await start(counting("first"))
    async with AsyncClient(flow.gateway_address) as client:
        answers = [answer async for answer in client.answers("search", [Document(id="a")])]
    assert [answer.report for answer in answers] == [{"first": {"documents": 1, "shards": [0], "by": "first"}}]


async def test_a_client_cannot_send_a_report(start: Start) -> None:
    flow = await start({"name": "passing"})
    asked = pea_pb2.Envelope(header=pea_pb2.Header(id="r", kind=pea_pb2.SEARCH), bodies=[batch_to_bytes([Document()])])
    asked.header.report["count"] = 7
    call: Any = flow.channel.unary_unary("/peavine.v1.Gateway/Search")
    answer = pea_pb2.Envelope.FromString(await call(asked.SerializeToString()))
    assert not answer.header.HasField("report")
