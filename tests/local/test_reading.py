"""What a Flow keeps can be looked at in Python and over HTTP, with shards as without."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import numpy as np
import pytest

from peavine import AsyncClient, Client
from peavine.documents import Document
from peavine.errors import InvalidRequest
from peavine.local.runner import LocalFlow
from tests.local.conftest import StartFlow

DOCS = [
    Document(
        id=f"d{n:02d}", text=f"text {n}", embedding=np.array([n, 1], np.float32), tags={"number": n, "even": not n % 2}
    )
    for n in range(25)
]
for doc in DOCS[::5]:
    doc.chunks.append(Document(id="part", text=f"part of {doc.id}", embedding=np.array([0, 1], np.float32)))


@pytest.fixture(scope="module", params=[1, 3], ids=["one shard", "three shards"])
def index(start_flow: StartFlow, request: pytest.FixtureRequest) -> LocalFlow:
    """Return a Flow that keeps DOCS, with a Pod before the Indexer and one after it."""
    pods: list[dict[str, Any]] = [{"name": "before"}, {"name": "index", "uses": "_index", "shards": request.param}]
    flow = start_flow(*pods, {"name": "after"})
    with Client(flow.host) as client:
        client.index(DOCS, progress=False)
    return flow


def plain(docs: list[Document]) -> list[dict[str, Any]]:
    return [doc.to_dict(arrays="base64") for doc in docs]


def test_documents_are_got_by_id_in_the_order_asked_for(index: LocalFlow) -> None:
    with Client(index.host) as client:
        found = client.get(["d20", "none", "d03", "d20"], embeddings=True)
        assert plain(found) == plain([DOCS[20], DOCS[3]])
        assert [doc.embedding for doc in client.get("d03")] == [None]
        assert client.get([]) == []


def test_documents_are_counted_and_described(index: LocalFlow) -> None:
    with Client(index.host) as client:
        assert client.count() == len(DOCS)
        stats = client.stats()
    assert (stats["documents"], stats["chunks"], stats["vectors"]) == (25, 5, 30)
    assert stats["pods"]["index"]["tags"] == {"number": {"number": 25}, "even": {"boolean": 25}}
    assert stats["bytes"] > 0 < stats["last_write"]


@pytest.mark.parametrize("page_size", [1, 7, 100])
def test_a_scroll_gives_every_document_in_the_order_of_ids(index: LocalFlow, page_size: int) -> None:
    with Client(index.host) as client:
        assert plain(list(client.scroll(page_size=page_size, embeddings=True))) == plain(DOCS)
        assert [doc.id for doc in client.scroll(cursor="d20", page_size=page_size)] == [f"d{n}" for n in range(21, 25)]


async def test_an_asynchronous_client_reads_the_same(index: LocalFlow) -> None:
    async with AsyncClient(index.host) as client:
        found, count = await asyncio.gather(client.get(["d01"]), client.count())
        assert ([doc.text for doc in found], count) == (["text 1"], 25)
        assert [doc.id async for doc in client.scroll(page_size=9)] == [doc.id for doc in DOCS]
        assert (await client.stats())["documents"] == 25


def test_an_option_that_reads_do_not_have_is_refused(index: LocalFlow) -> None:
    with Client(index.host) as client, pytest.raises(InvalidRequest, match="top_k"):
        client.count(top_k=3)  # type: ignore[call-arg]


def test_http_gets_counts_scrolls_and_describes(index: LocalFlow) -> None:
    with httpx.Client(base_url=index.url, trust_env=False) as http:
        got = http.post("/v1/get", json={"ids": ["d20", "none", "d03"], "arrays": "list"}).json()
        assert [(doc["id"], doc["embedding"]) for doc in got["docs"]] == [("d20", [20.0, 1.0]), ("d03", [3.0, 1.0])]
        assert got["docs"][0]["chunks"][0]["text"] == "part of d20"
        assert http.post("/v1/count", json={}).json()["count"] == 25
        seen, cursor = [], ""
        while True:
            page = http.post("/v1/scroll", json={"limit": 10, "cursor": cursor}).json()
            seen += [doc["id"] for doc in page["docs"]]
            if not (cursor := page["cursor"]):
                break
        assert seen == [doc.id for doc in DOCS]
        assert http.get("/v1/stats").json()["documents"] == 25


@pytest.mark.parametrize(
    ("path", "body", "wrong"),
    [
        ("get", {"ids": []}, "ids"),
        ("get", {"ids": [""]}, "ids[0]"),
        ("get", {"ids": ["a"], "top_k": 3}, "top_k"),
        ("scroll", {"limit": 0}, "limit"),
        ("scroll", {"limit": 10**6}, "limit"),
        ("count", {"ids": ["a"]}, "ids"),
    ],
    ids=str,
)
def test_http_refuses_what_a_read_does_not_have(index: LocalFlow, path: str, body: dict[str, Any], wrong: str) -> None:
    response = httpx.post(f"{index.url}/v1/{path}", json=body, trust_env=False)
    assert response.status_code == 400
    assert wrong in response.text


def test_a_flow_that_keeps_no_documents_says_so(passing: LocalFlow) -> None:
    with Client(passing.host) as client, pytest.raises(InvalidRequest, match="operation"):
        client.count()
