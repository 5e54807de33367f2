"""A Pod of several shards answers as one, and says so when it cannot."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import numpy as np
import pytest

from peavine.documents import Document
from tests.local.streams.running import Running, Start

RNG = np.random.default_rng(7)
VECTORS = RNG.normal(size=(200, 8)).astype(np.float32)
VECTORS[100:150] = VECTORS[50:100]  # equal distances are in the order of the ids, whatever shard has them
DOCS = [Document(id=f"d{place:03d}", text=f"text {place}", embedding=vector) for place, vector in enumerate(VECTORS)]
QUERIES = [Document(id=f"q{place}", embedding=vector) for place, vector in enumerate(RNG.normal(size=(5, 8)))]


def index(shards: int, **fields: Any) -> dict[str, Any]:
    return {"name": "index", "uses": "_index", "shards": shards, **fields}


async def filled(start: Start, shards: int, within: float = 10, **fields: Any) -> Running:
    flow = await start(index(shards, **fields), timeoutSeconds=within)
    _, batch = await flow.ask("index", DOCS)
    assert [doc.id for doc in batch.docs] == [doc.id for doc in DOCS]
    return flow


async def found(flow: Running, **parameters: Any) -> list[list[tuple[str, str | None, float]]]:
    _, batch = await flow.ask("search", QUERIES, **parameters)
    return [[(match.id, match.text, match.score.value) for match in doc.matches if match.score] for doc in batch.docs]


@pytest.mark.parametrize("parameters", [{}, {"top_k": 1}, {"top_k": 7}, {"top_k": 1000}], ids=str)
async def test_search_through_shards_equals_search_without(start: Start, parameters: dict[str, Any]) -> None:
    several, one = await filled(start, 3), await filled(start, 1)
    assert await found(several, **parameters) == await found(one, **parameters)


async def test_the_answer_says_how_many_shards_it_rests_on(start: Start) -> None:
    flow = await filled(start, 3)
    header, _ = await flow.ask("search", QUERIES)
    assert (header.coverage.answered, header.coverage.total) == (3, 3)
    assert sorted({route.pea for route in header.routes}) == ["index-0-0", "index-1-0", "index-2-0", "index-head"]


async def test_what_is_deleted_is_gone_from_its_shard(start: Start) -> None:
    flow = await filled(start, 3)
    await flow.ask("delete", DOCS[:150])
    assert {match[0] for matches in await found(flow, top_k=1000) for match in matches} == {d.id for d in DOCS[150:]}


async def test_a_search_fails_when_a_shard_is_missing_and_says_which(start: Start) -> None:
    flow = await filled(start, 3, 2)
    await flow.stop_pea("index-1-0")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await flow.ask("search", QUERIES)
    assert raised.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    assert "index" in (raised.value.details() or "")


async def test_a_search_waits_for_a_shard_that_comes_back(start: Start) -> None:
    flow = await filled(start, 2)
    address = flow.peas["index-1-0"].address
    await flow.stop_pea("index-1-0")
    await flow.pea("index", shard=1, listen=address)
    assert len(await found(flow)) == len(QUERIES)


async def test_a_partial_answer_comes_at_once_and_says_that_it_is_one(start: Start) -> None:
    flow = await filled(start, 3, 600, onMissingShard="Partial")
    await flow.stop_pea("index-1-0")
    async with asyncio.timeout(60):
        header, batch = await flow.ask("search", QUERIES, top_k=5)
    assert (header.coverage.answered, header.coverage.total) == (2, 3)
    assert [len(doc.matches) for doc in batch.docs] == [5] * len(QUERIES)


async def test_other_owners_are_still_written_to_while_a_shard_is_missing(start: Start) -> None:
    from peavine.wire.split import owner

    flow = await filled(start, 3)
    await flow.stop_pea("index-1-0")
    mine = [doc for doc in DOCS if owner(doc.id, 3) != 1]
    _, batch = await flow.ask("index", mine)
    assert [doc.id for doc in batch.docs] == [doc.id for doc in mine]


async def test_a_wrong_request_is_not_a_missing_shard(start: Start) -> None:
    flow = await filled(start, 2, onMissingShard="Partial")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await flow.ask("search", [Document(id="q", embedding=[1.0, 2.0])])
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "dimension" in (raised.value.details() or "")


async def test_executors_before_and_after_the_shards_run_in_the_head(start: Start) -> None:
    before = {"class": "RandomProjection", "with": {"output_dim": 4}}
    flow = await start(index(2, head={"before": before, "after": {"class": "_merge"}}), timeoutSeconds=5)
    images = [Document(id=f"i{place}", tensor=vector) for place, vector in enumerate(VECTORS[:20])]
    await flow.ask("index", images)
    _, batch = await flow.ask("search", images[:3], top_k=2)
    assert [doc.matches[0].id for doc in batch.docs] == ["i0", "i1", "i2"]
    assert [len(doc.matches) for doc in batch.docs] == [2, 2, 2]
