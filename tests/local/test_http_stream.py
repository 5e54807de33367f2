import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect

from peavine.gateway.http.websocket import WINDOW
from peavine.local.runner import LocalFlow

LIMIT = 20


def url(flow: LocalFlow) -> str:
    return flow.url.replace("http://", "ws://") + "/v1/stream"


@pytest.fixture
async def stream(passing: LocalFlow) -> AsyncIterator[ClientConnection]:
    async with connect(url(passing)) as opened:
        yield opened


async def ask(stream: ClientConnection, **message: Any) -> None:
    await stream.send(json.dumps(message))


async def answer(stream: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(LIMIT):
        said: dict[str, Any] = json.loads(await stream.recv())
    return said


async def test_each_answer_bears_the_id_of_its_message(stream: ClientConnection) -> None:
    async def send() -> None:
        for number in range(300):
            kind = ("index", "search", "update", "train")[number % 4]
            await ask(stream, id=f"m{number}", kind=kind, docs=[{"id": f"d{number}"}])

    sending = asyncio.create_task(send())
    answers = [await answer(stream) for _ in range(300)]
    await sending
    assert sorted(said["id"] for said in answers) == sorted(f"m{number}" for number in range(300))
    assert all(said["docs"][0]["id"][1:] == said["id"][1:] for said in answers)


async def test_a_delete_by_ids_goes_over_the_stream_too(stream: ClientConnection) -> None:
    await ask(stream, id="1", kind="delete", ids=["a"])
    said = await answer(stream)
    assert (said["kind"], said["docs"]) == ("delete", [{"id": "a"}])


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ("{", "line 1 column 1"),
        ('{"kind": "search", "docs": [{"text": "x"}]}', "id: must be text"),
        ('{"id": "1", "docs": [{"text": "x"}]}', "kind: must be text"),
        ('{"id": "1", "kind": "serach", "docs": [{"text": "x"}]}', 'did you mean "search"'),
        ('{"id": "1", "kind": "search", "dcos": []}', 'did you mean "docs"'),
        ('{"id": "1", "kind": "search", "docs": [{"text": "x"}], "parameters": {"x": 1}}', 'no Pod takes "x"'),
    ],
)
async def test_a_wrong_message_is_answered_and_the_stream_goes_on(
    stream: ClientConnection, message: str, says: str
) -> None:
    await stream.send(message)
    said = await answer(stream)
    assert said["error"]["code"] == "INVALID_ARGUMENT"
    assert says in said["error"]["detail"]
    await ask(stream, id="2", kind="search", docs=[{"id": "a"}])
    assert (await answer(stream))["docs"] == [{"id": "a"}]


async def test_an_id_that_is_unanswered_is_not_taken_twice(obedient: LocalFlow) -> None:
    async with connect(url(obedient)) as stream:
        await ask(stream, id="1", kind="search", docs=[{"text": "sleep 0.3"}])
        await ask(stream, id="1", kind="search", docs=[{"text": "x"}])
        said = [await answer(stream), await answer(stream)]
    assert "unanswered already" in said[0]["error"]["detail"]
    assert said[1]["docs"][0]["text"] == "sleep 0.3"


async def test_one_requests_error_is_its_own(obedient: LocalFlow) -> None:
    async with connect(url(obedient)) as stream:
        await ask(stream, id="1", kind="index", docs=[{"text": "fail today"}])
        await ask(stream, id="2", kind="index", docs=[{"id": "a", "text": "x"}])
        said = {message["id"]: message for message in [await answer(stream), await answer(stream)]}
    assert (said["1"]["error"]["status"], said["1"]["error"]["pod"]) == (500, "obey")
    assert said["2"]["docs"][0]["id"] == "a"


async def test_a_page_of_another_site_cannot_open_it(passing: LocalFlow) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        await connect(url(passing), origin=websockets.Origin("http://evil.example"))
    assert refused.value.response.status_code == 403
    own = websockets.Origin(passing.url)
    async with connect(url(passing), origin=own) as stream:
        await ask(stream, id="1", kind="search", docs=[{"id": "a"}])
        assert (await answer(stream))["id"] == "1"


async def test_a_message_over_the_limit_closes_the_stream(start_flow: Any) -> None:
    flow = start_flow({"name": "first"}, maxMessageBytes=100_000)
    async with connect(url(flow)) as stream:
        await ask(stream, id="1", kind="index", docs=[{"text": "x" * 200_000}])
        with pytest.raises(websockets.ConnectionClosedError) as closed:
            await answer(stream)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


async def test_more_messages_than_fit_a_window_are_all_answered(obedient: LocalFlow) -> None:
    async with connect(url(obedient)) as stream:
        for number in range(4 * WINDOW):
            await ask(stream, id=f"m{number}", kind="search", docs=[{"text": "x"}])
        answers = {(await answer(stream))["id"] for _ in range(4 * WINDOW)}
    assert answers == {f"m{number}" for number in range(4 * WINDOW)}


async def test_no_more_than_a_window_is_read_before_it_is_answered(obedient: LocalFlow) -> None:
    sent = 0

    async def flood(stream: ClientConnection) -> None:
        nonlocal sent
        await ask(stream, id="slow", kind="search", docs=[{"text": "sleep 1.5"}])
        for number in range(1000):
            await ask(stream, id=f"m{number}", kind="search", docs=[{"text": "x" * 100_000}])
            sent += 1

    async with connect(url(obedient)) as stream:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await flood(stream)
        stream.transport.abort()
    assert sent < 500


async def test_a_client_that_vanishes_leaves_others_alone(passing: LocalFlow, stream: ClientConnection) -> None:
    gone = await connect(url(passing))
    for number in range(WINDOW):
        await ask(gone, id=str(number), kind="index", docs=[{"text": "x"}])
    gone.transport.abort()
    await ask(stream, id="1", kind="search", docs=[{"id": "a"}])
    assert (await answer(stream))["docs"] == [{"id": "a"}]
