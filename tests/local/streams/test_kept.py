"""An answer holds what its request asks for: it is cut at the last Pod, and nowhere before it."""

from __future__ import annotations

import time
from typing import Any

import grpc
import numpy as np
import pytest

from peavine import spec
from peavine.client import AsyncClient
from peavine.documents import Batch, Document
from peavine.v1 import pea_pb2
from peavine.wire import batch_from_bytes, encoded
from tests.local.streams.running import Running, Start, UnitStream, envelope

RNG = np.random.default_rng(5)
DOCS = [Document(id=f"d{n}", text=f"text {n}", tags={"n": n}, embedding=RNG.normal(size=4)) for n in range(40)]
QUERY = Document(id="q", text="asked", embedding=RNG.normal(size=4))
INDEX: dict[str, Any] = {"name": "index", "uses": "_index"}


async def ask(flow: Running, kind: str, docs: list[Document], columns: bool, *fields: str) -> Batch:
    asked = envelope("one", kind=kind)
    asked.bodies[0] = encoded(Batch(docs, docs), columns)
    del asked.header.fields[:]
    asked.header.fields.extend(fields)
    if kind == "search" and len(flow.flow.spec.pods) == 1:
        asked.header.parameters["fill_embedding"] = True
    method: Any = flow.channel.unary_unary(f"/peavine.v1.Gateway/{kind.capitalize()}")
    (body,) = pea_pb2.Envelope.FromString(await method(asked.SerializeToString())).bodies
    return batch_from_bytes(body)


@pytest.mark.parametrize("columns", [False, True], ids=["rows", "columns"])
@pytest.mark.parametrize("shards", [1, 3])
async def test_a_search_keeps_what_it_asks_for_and_an_index_ids(start: Start, shards: int, columns: bool) -> None:
    flow = await start(INDEX | {"shards": shards})
    answer = await ask(flow, "index", DOCS, columns)
    assert answer.docs == [Document(id=doc.id) for doc in DOCS]
    assert answer.groundtruths == []
    (whole,) = (await ask(flow, "search", [QUERY], columns, "*")).docs
    assert [match.text for match in whole.matches] == [f"text {match.id[1:]}" for match in whole.matches]
    assert whole.matches[0].embedding is not None
    assert whole.embedding is not None
    (light,) = (await ask(flow, "search", [QUERY], columns)).docs
    assert light.embedding is None
    assert light.text == "asked"
    (named,) = (await ask(flow, "search", [QUERY], columns, "tags", "embedding")).docs
    assert named.text is None
    assert np.array_equal(named.embedding, whole.embedding)  # type: ignore[arg-type]
    for found, match, tagged in zip(whole.matches, light.matches, named.matches, strict=True):
        assert (match.id, match.score, match.text, match.tags) == (found.id, found.score, found.text, found.tags)
        assert match.embedding is None
        assert (tagged.id, tagged.score, tagged.text, tagged.tags) == (found.id, found.score, None, found.tags)


async def test_a_manifest_says_what_a_search_is_answered_with(start: Start) -> None:
    flow = await start(INDEX, gateway=False)
    flow.flow = spec.parse({"metadata": {"name": "flow"}, "spec": {"pods": [INDEX], "gateway": {"fields": ["tags"]}}})
    await flow.start_gateway()
    assert (await ask(flow, "index", DOCS, True)).docs[0] == Document(id="d0")
    (found,) = (await ask(flow, "search", [QUERY], True)).docs
    assert [(match.text, match.tags) for match in found.matches][:1] == [(None, {"n": float(found.matches[0].id[1:])})]
    (asked,) = (await ask(flow, "search", [QUERY], True, "text")).docs
    assert (asked.matches[0].text, asked.matches[0].has_tags) == (f"text {asked.matches[0].id[1:]}", False)


@pytest.mark.parametrize("columns", [False, True], ids=["rows", "columns"])
async def test_an_executor_after_the_shards_sees_everything(start: Start, columns: bool) -> None:
    lookups = {"traversal_paths": ["m"], "lookups": {"text__in": ["text 1", "text 2"]}}
    filtering = {"class": "Executor", "requests": {"index": [], "search": [{"class": "FilterQL", "with": lookups}]}}
    flow = await start(INDEX | {"shards": 2, "head": {"after": filtering}})
    await ask(flow, "index", DOCS, columns)
    (found,) = (await ask(flow, "search", [QUERY], columns, "tags")).docs
    assert {(match.id, match.text) for match in found.matches} == {("d1", None), ("d2", None)}


async def test_a_flow_that_is_a_pod_of_another_keeps_everything_unless_it_is_the_last(start: Start) -> None:
    inner = await start({"name": "pass"})
    outer = await start({"name": "inner"}, INDEX, gateway=False)
    outer.targets["inner"] = [inner.gateway_address]
    await outer.start_gateway()
    assert (await ask(outer, "index", DOCS, True)).docs == [Document(id=doc.id) for doc in DOCS]
    (found,) = (await ask(outer, "search", [QUERY], True)).docs
    assert found.matches[0].text == f"text {found.matches[0].id[1:]}"
    last = await start({"name": "first"}, {"name": "inner"}, gateway=False)
    last.targets["inner"] = [inner.gateway_address]
    await last.start_gateway()
    assert (await ask(last, "index", DOCS, False)).docs == [Document(id=doc.id) for doc in DOCS]


async def test_a_pea_that_is_asked_directly_answers_with_everything(start: Start) -> None:
    flow = await start({"name": "pass"}, gateway=False)
    async with grpc.aio.insecure_channel(flow.targets["pass"][0]) as channel:
        stream = UnitStream(channel)
        assert (await stream.open()).final
        asked = envelope("one", *DOCS, kind="index")
        asked.header.deadline = time.time() + 60
        del asked.header.fields[:]
        await stream.ask(1, asked)
        _, unit = await stream.answer()
    assert batch_from_bytes(unit.items[0].bodies[0]).docs == DOCS


@pytest.mark.parametrize("documents", [1, 40], ids=["in a small body", "in a large body"])
async def test_a_pod_that_passes_requests_on_leaves_out_what_was_not_asked_for(start: Start, documents: int) -> None:
    flow = await start({"name": "first"}, {"name": "last"})
    docs = [Document(id=f"{n}", uri="uri", tensor=np.ones((28, 28), np.uint8)) for n in range(documents)]
    async with AsyncClient(flow.gateway_address) as client:
        found = await client.search(docs, request_size=documents)
        assert [(doc.id, doc.tensor, doc.uri) for doc in found] == [(doc.id, None, "uri") for doc in docs]
        whole = await client.search(docs, request_size=documents, fields=["tensor"])
        assert [np.asarray(doc.tensor).tolist() for doc in whole] == [np.ones((28, 28)).tolist()] * documents
        async for answer in client.answers("index", docs, request_size=documents):
            assert answer.docs == [Document(id=doc.id) for doc in docs]


async def test_an_unknown_field_is_refused(start: Start) -> None:
    flow = await start({"name": "first"}, {"name": "last"})
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await ask(flow, "search", [QUERY], False, "txt")
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert 'a Document has no field "txt"; did you mean "text"?' in (raised.value.details() or "")
