"""Which write of a Document stands, and whose a part is, whatever way it takes through a Flow."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from peavine.documents import Document
from peavine.v1 import pea_pb2
from tests.local.streams.running import Running, Start, UnitStream, envelope

WHOLE = {"f": ["0", "1"], "a": ["0", "1"], "b": ["0", "a"], "c": ["b"], "0": ["1"], "d": []}
"""Roots and the ids of their parts: the same ones again and again, and some that are those of roots."""


def index(shards: int) -> dict[str, Any]:
    return {"name": "index", "uses": "_index", "executor": {"with": {"metric": "euclidean"}}, "shards": shards}


def document(id: str, text: str = "first") -> Document:
    parts = [Document(id=part, text=f"{part} of {id}, {text}", embedding=[1, 0]) for part in WHOLE[id]]
    return Document(id=id, text=f"{id}, {text}", embedding=[0, 0], chunks=parts)


async def found(flow: Running) -> list[tuple[str, str, str | None]]:
    _, batch = await flow.ask("search", [Document(id="q", embedding=[0, 0])], top_k=100)
    return [(match.id, match.root_id, match.text) for match in batch.docs[0].matches]


def expected(**texts: str) -> list[tuple[str, str, str]]:
    roots = [(id, "", f"{id}, {texts[id]}") for id in texts]
    return roots + [(part, id, f"{part} of {id}, {texts[id]}") for id in texts for part in WHOLE[id]]


@pytest.mark.parametrize("shards", [1, 3])
async def test_parts_of_different_documents_may_share_ids(start: Start, shards: int) -> None:
    flow = await start(index(shards))
    await flow.ask("index", [document(id) for id in WHOLE])
    assert sorted(await found(flow)) == sorted(expected(**dict.fromkeys(WHOLE, "first")))
    await flow.ask("index", [document("a", "second")])
    await flow.ask("delete", [Document(id="0"), Document(id="1"), Document(id="f")])
    left = {id: "first" for id in WHOLE if id not in ("0", "f")} | {"a": "second"}
    assert sorted(await found(flow)) == sorted(expected(**left))


async def test_equals_are_in_the_same_order_however_many_shards_there_are(start: Start) -> None:
    answers = []
    for shards in (1, 2, 3):
        flow = await start(index(shards))
        await flow.ask("index", [document(id) for id in WHOLE])
        answers.append(await found(flow))
    assert answers[0] == answers[1] == answers[2]


async def written(flow: Running, address: str, *versions: int) -> list[pea_pb2.Unit]:
    """Index the same Document once with each of these versions, in one stream of units, and return the answers."""
    async with grpc.aio.insecure_channel(address) as channel:
        stream = UnitStream(channel)
        await stream.open()
        answers = []
        for number, version in enumerate(versions, 1):
            item = envelope(f"{number}", document("a", f"{number}"), kind="index")
            item.header.version, item.header.deadline = version, 1e12
            await stream.ask(number, item, sent=1.0)
            answers.append((await stream.answer())[1])
        return answers


@pytest.mark.parametrize("where", ["gateway", "head", "pea"])
async def test_a_write_that_arrives_after_a_newer_one_changes_nothing(start: Start, where: str) -> None:
    flow = await start(index(1 if where == "pea" else 2))
    address = flow.gateway_address if where == "gateway" else flow.targets["index"][0]
    assert flow.gateway is not None
    now = flow.gateway.edge.router.clock.now()
    answers = await written(flow, address, now - 5, now, now - 3, now)
    assert [answer.items[0].header.status.code for answer in answers] == [0, 0, 0, 0]
    assert (await found(flow))[0] == ("a", "", "a, 4")  # the same version again is the same write, sent again
    await written(flow, address, now - 1)
    assert (await found(flow))[0] == ("a", "", "a, 4")


async def test_a_version_of_another_time_is_refused(start: Start) -> None:
    flow = await start(index(2))
    assert flow.gateway is not None
    now = flow.gateway.edge.router.clock.now()
    ahead, behind = await written(flow, flow.gateway_address, now + 60_000_000, now - 7_200_000_000)
    assert "s ahead of the shard's clock; synchronize" in ahead.items[0].header.status.message
    assert "this write was issued 7,2" in behind.items[0].header.status.message
    assert await found(flow) == []


async def test_a_write_without_a_version_gets_one_where_it_arrives(start: Start) -> None:
    flow = await start(index(2))
    for text in ("first", "second", "third"):
        await flow.ask("index", [document("a", text)])
        assert (await found(flow))[0] == ("a", "", f"a, {text}")
