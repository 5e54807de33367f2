import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from peavine.client import Answer, AsyncClient, Client, sources
from peavine.documents import Document
from peavine.errors import InvalidRequest, Unavailable
from peavine.local.runner import LocalFlow

KINDS = ("index", "search", "update", "delete", "train")


@pytest.fixture
def client(passing: LocalFlow) -> Iterator[Client]:
    with Client(passing.host) as opened:
        yield opened


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("request_size", [1, 7, 100])
def test_documents_come_back_in_the_order_of_the_inputs(client: Client, kind: str, request_size: int) -> None:
    names = [f"{number} ü日😀" for number in range(150)]
    found = list(client.stream(kind, (Document(id=name, text=name) for name in names), request_size=request_size))
    assert [doc.id for doc in found] == names
    assert [doc.text for doc in found] == (names if kind == "search" else [None] * len(names))


def test_a_search_gives_documents_and_the_other_calls_what_was_done(client: Client) -> None:
    assert [doc.text for doc in client.search(["a", "b"])] == ["a", "b"]
    for call in (client.index, client.update):
        summary = call(["a", "b", "c"], request_size=2)
        assert (summary.documents, summary.requests, summary.failed) == (3, 2, 0)
    assert client.delete(["id-1", "id-2"]).documents == 2


def test_everything_of_a_document_survives_the_way(client: Client) -> None:
    sent = Document(
        id="a",
        tensor=np.arange(6, dtype="<f2").reshape(2, 3),
        embedding=np.array([0.5, 1.5]),
        tags={"n": 1.5, "list": [None, True, "x"]},
        chunks=[Document(id="b", text="part", weight=0.0)],
    )
    assert client.search(sent, fields=["*"]) == [sent]


def test_a_call_gives_the_fields_that_it_asks_for(client: Client) -> None:
    sent = Document(id="a", tensor=np.ones(3), tags={"n": 1}, uri="here", chunks=[Document(id="b", text="part")])
    assert client.search(sent) == [Document(id="a", tags={"n": 1}, uri="here", chunks=sent.chunks)]
    assert client.search(sent, fields=["uri"]) == [Document(id="a", uri="here")]
    assert list(client.stream("index", sent, fields=["tags"])) == [Document(id="a", tags={"n": 1})]
    assert list(client.stream("index", sent)) == [Document(id="a")]
    with pytest.raises(InvalidRequest, match='a Document has no field "txt"; did you mean "text"'):
        client.search(sent, fields=["txt"])
    with pytest.raises(InvalidRequest, match="give a list of names"):
        client.search(sent, fields="text")


def test_three_clients_at_once_get_their_own_answers(passing: LocalFlow) -> None:
    def ask(name: str) -> list[str]:
        with Client(passing.host) as client:
            docs = (Document(id=f"{name}-{number}", text=name) for number in range(200))
            return [doc.id for doc in client.search(docs, request_size=3)]

    with ThreadPoolExecutor(3) as threads:
        answers = dict(zip("abc", threads.map(ask, "abc"), strict=True))
    for name, found in answers.items():
        assert found == [f"{name}-{number}" for number in range(200)]


def test_threads_may_share_a_client(client: Client) -> None:
    def ask(name: str) -> list[str]:
        return [doc.id for doc in client.search((Document(id=f"{name}-{n}") for n in range(100)), request_size=3)]

    with ThreadPoolExecutor(4) as threads:
        for name, found in zip("abcd", threads.map(ask, "abcd"), strict=True):
            assert found == [f"{name}-{number}" for number in range(100)]


def test_every_source_can_be_sent(client: Client, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\ntwo\n", encoding="utf-8")
    (tmp_path / "a.csv").write_text("id,text\n1,x\n", encoding="utf-8")
    (tmp_path / "a.jsonl").write_text('{"id": "j"}\n', encoding="utf-8")
    assert len(client.search(sources.lines(tmp_path / "a.txt"))) == 2
    assert [doc.id for doc in client.search(sources.csv(tmp_path / "a.csv"))] == ["1"]
    assert [doc.id for doc in client.search(sources.jsonl(tmp_path / "a.jsonl"))] == ["j"]
    assert len(client.search(sources.files(f"{tmp_path}/*"))) == 3
    assert len(client.search(sources.arrays(np.zeros((4, 2)), axis=1))) == 2


def test_groundtruths_reach_the_flow_and_come_back(client: Client) -> None:
    pairs = [(Document(id="q"), Document(id="t"))]
    (answer,) = client.answers("search", pairs, fields=["*"])
    assert [doc.id for doc in answer.groundtruths] == ["t"]


def test_an_answer_tells_its_route(client: Client) -> None:
    (answer,) = client.answers("search", ["x"])
    assert [route.pod for route in answer.routes] == ["first", "second", "third"]
    assert all(0 <= route.end - route.start < 10 for route in answer.routes)


def test_an_iterator_is_read_no_further_than_what_may_be_in_flight(client: Client) -> None:
    read = 0

    def endless() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            yield "x"

    found = client.stream("search", endless(), request_size=1, in_flight=8)
    for _ in range(100):
        next(found)
    assert read < 100 + 8 + 2 * 64
    found.close()  # type: ignore[attr-defined]
    assert client.search("x")[0].text == "x"


def test_iterators_and_callbacks_run_in_the_thread_that_calls(client: Client) -> None:
    threads = set()

    def inputs() -> Iterator[str]:
        for _ in range(10):
            threads.add(threading.get_ident())
            yield "x"

    client.index(inputs(), request_size=2, on_always=lambda _: threads.add(threading.get_ident()))
    assert threads == {threading.get_ident()}


def test_a_client_can_be_used_inside_a_running_loop(passing: LocalFlow) -> None:
    async def notebook_cell() -> list[Document]:
        with Client(passing.host) as client:
            return client.search(["a"])

    assert asyncio.run(notebook_cell())[0].text == "a"


async def test_the_asynchronous_client_does_the_same(passing: LocalFlow) -> None:
    async def inputs() -> AsyncIterator[str]:
        for number in range(50):
            await asyncio.sleep(0)
            yield str(number)

    async with AsyncClient(passing.host) as client:
        assert [doc.text for doc in await client.search(inputs(), request_size=7)] == [str(n) for n in range(50)]
        assert (await client.index(["a"] * 5)).documents == 5
        assert [doc.text async for doc in client.stream("search", ["a", "b"])] == ["a", "b"]
        assert (await client.info()).flow == "flow"
        assert await client.ping() < 5


async def test_asynchronous_callbacks_are_awaited(passing: LocalFlow) -> None:
    seen: list[int] = []

    async def on_done(answer: Answer) -> None:
        await asyncio.sleep(0)
        seen.append(answer.documents)

    async with AsyncClient(passing.host) as client:
        await client.index(["a"] * 5, request_size=2, on_done=on_done)
    assert sorted(seen) == [1, 2, 2]


async def test_many_calls_at_once_share_one_connection(passing: LocalFlow) -> None:
    async with AsyncClient(passing.host) as client:
        found = await asyncio.gather(*(client.search(str(number)) for number in range(200)))
    assert [docs[0].text for docs in found] == [str(number) for number in range(200)]


def test_info_tells_the_graph_and_the_limits(client: Client) -> None:
    info = client.info()
    assert [(pod.name, list(pod.needs), pod.ready) for pod in info.pods] == [
        ("first", ["gateway"], 1),
        ("second", ["first"], 1),
        ("third", ["second"], 1),
    ]
    assert (info.timeout, info.max_message_bytes, info.max_documents) == (10, 16 * 1024 * 1024, 4096)


def test_no_inputs_are_no_requests(client: Client) -> None:
    assert client.search([]) == []
    assert client.index(iter([])).requests == 0


def test_closing_leaves_no_threads(passing: LocalFlow) -> None:
    with Client(passing.host) as client:
        client.search("x")
        assert "peavine-client" in {thread.name for thread in threading.enumerate()}
    assert "peavine-client" not in {thread.name for thread in threading.enumerate()}
    client.close()
    calls: list[Callable[[], Any]] = [
        client.ping,
        lambda: client.search("x"),
        lambda: list(client.stream("search", "x")),
    ]
    for call in calls:
        with pytest.raises(Unavailable, match="the client is closed"):
            call()


def test_more_than_a_message_holds_goes_as_several_requests(start_flow: Any) -> None:
    flow = start_flow({"name": "first"}, maxMessageBytes=100_000)
    with Client(flow.host) as client:
        docs = [Document(id=str(number), text="x" * 30_000) for number in range(20)]
        assert [doc.id for doc in client.search(docs)] == [doc.id for doc in docs]
        assert client.index(docs).requests > 1
        with pytest.raises(InvalidRequest, match="Document 'large' has"):
            client.index([*docs, Document(id="large", text="x" * 200_000)])


def test_a_progress_bar_is_shown_when_asked_for(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    client.index(["x"] * 250, progress=True)
    said = capsys.readouterr()
    assert "250/250" in said.err
    assert "documents/s" in said.err
    client.index(["x"] * 250)
    assert capsys.readouterr().err == ""
