import asyncio
import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from peavine import spec
from peavine.client import Answer, AsyncClient, Client
from peavine.documents import Document
from peavine.errors import DeadlineExceeded, ExecutorError, InvalidRequest, PeavineError, Unavailable
from peavine.local.layout import Listen
from peavine.local.runner import LocalFlow


@pytest.fixture
def client(obedient: LocalFlow) -> Iterator[Client]:
    with Client(obedient.host) as opened:
        yield opened


def failing(count: int) -> Iterator[str]:
    for number in range(count):
        yield f"text {number}"
    raise OSError("the disk is gone")


async def failing_later(count: int) -> AsyncIterator[str]:
    for text in failing(count):
        await asyncio.sleep(0)
        yield text


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def test_an_input_that_raises_ends_the_call_with_its_error_after_what_it_gave(client: Client) -> None:
    answered: list[str] = []

    def on_done(answer: Answer) -> None:
        answered.extend(doc.text or "" for doc in answer.docs)

    with pytest.raises(OSError, match="the disk is gone") as failed:
        client.index(failing(250), request_size=10, on_done=on_done, fields=["text"])
    assert sorted(answered) == sorted(f"text {number}" for number in range(250))
    assert "250 Documents of this call were answered" in failed.value.__notes__[0]


async def test_an_asynchronous_input_that_raises_does_too(obedient: LocalFlow) -> None:
    async with AsyncClient(obedient.host) as client:
        with pytest.raises(OSError, match="the disk is gone"):
            await client.index(failing_later(25), request_size=10)


def test_a_failed_answer_never_reaches_on_done(client: Client) -> None:
    told: dict[str, list[str]] = {"done": [], "error": [], "always": []}
    texts = ["fine", "fail at once", "also fine"]
    summary = client.index(
        [Document(id=str(place), text=text) for place, text in enumerate(texts)],
        request_size=1,
        on_done=lambda answer: told["done"].append(answer.docs[0].id),
        on_error=lambda answer: told["error"].append(f"{type(answer.error).__name__} {len(answer.docs)}"),
        on_always=lambda answer: told["always"].append(answer.id),
    )
    assert sorted(told["done"]) == ["0", "2"]
    assert told["error"] == ["ExecutorError 0"]
    assert len(told["always"]) == 3
    assert (summary.documents, summary.failed) == (2, 1)


def test_without_on_error_the_first_failure_ends_the_call_and_says_where(client: Client) -> None:
    sent = 0

    def inputs() -> Iterator[str]:
        nonlocal sent
        for number in range(100_000):
            sent += 1
            yield "fail at once" if number == 20 else "fine"

    with pytest.raises(ExecutorError, match="at once") as failed:
        client.search(inputs(), request_size=1, in_flight=16)
    assert (failed.value.pod, failed.value.executor) == ("obey", "Obedient")
    assert failed.value.pea
    assert sent < 1000


def test_a_callback_that_raises_ends_the_call(client: Client) -> None:
    def on_done(_: Answer) -> None:
        raise ZeroDivisionError("of mine")

    with pytest.raises(ZeroDivisionError, match="of mine"):
        client.index(["x"] * 1000, request_size=1, on_done=on_done)
    assert client.search("x")[0].text == "x"


def test_a_late_answer_is_an_error_that_names_the_pod(client: Client, tmp_path: Path) -> None:
    with pytest.raises(DeadlineExceeded, match="obey"):
        client.search(f"await {tmp_path / 'end'}", timeout=0.3)
    (tmp_path / "end").touch()


def test_a_parameter_that_no_pod_takes_is_refused(client: Client) -> None:
    with pytest.raises(InvalidRequest, match='no Pod takes "tpo_k"'):
        client.search("x", parameters={"tpo_k": 5})


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"top_k": 0}, "top_k: 0"),
        ({"request_size": 0}, "request_size: 0"),
        ({"in_flight": -1}, "in_flight: -1"),
        ({"timeout": -1}, "timeout: -1"),
        ({"top": 3}, "top: is not an option"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_sent(client: Client, options: Any, says: str) -> None:
    def inputs() -> Iterator[str]:
        raise AssertionError("was asked for items")
        yield

    with pytest.raises(InvalidRequest) as refused:
        client.search(inputs(), **options)
    assert says in str(refused.value)


def test_a_host_that_is_not_there_is_named_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Client(f"localhost:{port}", connect_timeout=0.5) as client:
        with pytest.raises(Unavailable, match=f"gateway at localhost:{port}.*nothing listens there.*peavine run"):
            client.search("x")
        with pytest.raises(Unavailable, match="cannot reach"):
            client.ping()


def test_what_answers_but_is_no_gateway_is_told(passing: LocalFlow) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        Client(f"localhost:{silent.getsockname()[1]}", connect_timeout=0.5) as client,
        pytest.raises(Unavailable, match="cannot reach"),
    ):
        client.search("x")
    with (
        Client(passing.url.removeprefix("http://"), connect_timeout=0.5) as client,
        pytest.raises(InvalidRequest, match=r"an HTTP server answers.*8081"),
    ):
        client.search("x")


class Service:
    """An address before a gateway, as a Service of Kubernetes is: it leads each connection where it leads now."""

    def __init__(self, gateway: str) -> None:
        self.gateway = gateway
        self.mode = "lead"
        """`lead` to the gateway; `swallow` what comes and say nothing, as one that lost its power; `end` at once."""
        self.came: list[float] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Service":
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.host = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self.end()

    async def end(self) -> None:
        """End the connections that there are."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came.append(time.monotonic())
        task = asyncio.create_task(self._serve(self.mode, reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, mode: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with AsyncExitStack() as stack:
            stack.callback(writer.close)
            if mode == "swallow":
                await reader.read()
            elif mode == "lead":
                back, out = await asyncio.open_connection(*self.gateway.split(":"))
                stack.callback(out.close)
                await asyncio.wait(
                    [asyncio.create_task(self._pass(reader, out)), asyncio.create_task(self._pass(back, writer))],
                    return_when=asyncio.FIRST_COMPLETED,
                )

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()


async def test_one_that_says_nothing_is_passed_over_for_another_behind_the_same_name(passing: LocalFlow) -> None:
    async with Service(passing.host) as service, AsyncClient(service.host) as client:
        service.mode = "swallow"
        asking = asyncio.create_task(client.search("x"))
        await asyncio.to_thread(wait_until, lambda: bool(service.came))
        service.mode = "lead"
        assert (await asking)[0].text == "x"
        assert len(service.came) == 2


async def test_requests_wait_within_their_time_for_a_gateway_that_comes_back(passing: LocalFlow) -> None:
    async with Service(passing.host) as service, AsyncClient(service.host, connect_timeout=0.2) as client:
        await client.search("x")
        service.mode, service.came = "end", []
        await service.end()
        asking = [asyncio.create_task(client.search(str(number))) for number in range(5)]
        await asyncio.to_thread(wait_until, lambda: bool(service.came) and service.came[-1] > service.came[0] + 0.5)
        service.mode = "lead"
        assert [doc.text for found in await asyncio.gather(*asking) for doc in found] == list("01234")


def test_more_than_the_gateway_takes_at_once_is_sent_again_until_it_is_answered(
    start_flow: Any, obedient: LocalFlow
) -> None:
    pods = [pod.manifest() for pod in obedient.flow.spec.pods]
    flow = start_flow(*pods, maxInFlight=2, timeoutSeconds=10)
    answers: dict[int, list[str]] = {}

    def ask(name: int) -> None:
        with Client(flow.host) as client:
            docs = (Document(id=f"{name}-{number}", text="sleep 0.01") for number in range(20))
            answers[name] = [doc.id for doc in client.search(docs, request_size=5)]

    threads = [threading.Thread(target=ask, args=(name,)) for name in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {name: [f"{name}-{number}" for number in range(20)] for name in range(3)}


def test_a_slow_flow_is_not_sent_more_than_it_can_answer_in_time(client: Client) -> None:
    # 40 requests of 0.1 s each, of which each may take 2 s: sent at once, half of them would be late.
    assert client.index(["sleep 0.1"] * 40, request_size=1, in_flight=40).documents == 40


def test_clients_that_vanish_leave_the_others_alone(obedient: LocalFlow) -> None:
    async def vanish() -> None:
        client = AsyncClient(obedient.host)
        asked = asyncio.create_task(client.search(["x"] * 500, request_size=1))
        await asyncio.sleep(0)
        await client.info()
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        await client.close()

    for _ in range(5):
        asyncio.run(vanish())
    with Client(obedient.host) as client:
        assert [doc.text for doc in client.search(["a", "b"])] == ["a", "b"]


def test_closing_a_client_ends_the_calls_of_its_other_threads(passing: LocalFlow) -> None:
    client = Client(passing.host)
    answered = threading.Event()
    failed: list[str] = []

    def ask() -> None:
        try:
            for _ in client.stream("search", itertools.repeat("x"), request_size=1):
                answered.set()
        except Unavailable as error:
            failed.append(str(error))

    asking = threading.Thread(target=ask)
    asking.start()
    assert answered.wait(20)
    client.close()
    asking.join(20)
    assert not asking.is_alive()
    assert "closed" in failed[0]


async def test_a_client_that_is_closed_while_it_connects_leaves_nothing_behind(passing: LocalFlow) -> None:
    client = AsyncClient(passing.host)
    asking = asyncio.create_task(client.search("x"))
    await asyncio.sleep(0)
    await client.close()
    with pytest.raises(Unavailable, match="the client is closed"):
        await asking
    assert asyncio.all_tasks() == {asyncio.current_task()}


ONE_AFTER_ANOTHER = """
import asyncio, itertools, sys
from peavine.client import AsyncClient, Client

async def main():
    async with AsyncClient(sys.argv[1]) as client:
        await client.search(["a", "b"], request_size=1)
        async for doc in client.stream("search", itertools.repeat("x", 100), request_size=1):
            break

for _ in range(5):
    asyncio.run(main())
for _ in range(5):
    with Client(sys.argv[1]) as client:
        client.search(["a", "b"], request_size=1)
        unfinished = client.stream("search", itertools.repeat("x"), request_size=1)
        next(unfinished)
"""


def test_programs_may_run_one_event_loop_after_another_and_hear_nothing_of_it(passing: LocalFlow) -> None:
    program = [sys.executable, "-W", "error", "-c", ONE_AFTER_ANOTHER, passing.host]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=180)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_gateway_that_goes_and_comes_back_loses_no_request(how: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    manifest = {"metadata": {"name": "again"}, "spec": {"pods": [{"name": "only"}], "timeoutSeconds": 30}}
    lines: list[str] = []
    listen = Listen(grpc_port=port)
    with LocalFlow(spec.parse(manifest), listen=listen, sink=lambda name, line: lines.append(f"{name} {line}")) as flow:
        first = flow.pids["gateway"]
        answered = 0

        def inputs() -> Iterator[Document]:
            for number in range(3000):
                if number == 1000:
                    os.kill(first, how)
                yield Document(id=str(number))

        with Client(flow.host, connect_timeout=30) as client:
            for number, doc in enumerate(client.stream("index", inputs(), request_size=3, in_flight=32)):
                assert doc.id == str(number)
                answered += 1
        assert answered == 3000
        wait_until(lambda: flow.pids["gateway"] != first)


def test_an_asynchronous_client_says_when_it_is_used_in_another_event_loop(passing: LocalFlow) -> None:
    client = AsyncClient(passing.host)

    async def ask_and_close() -> None:
        await client.search("x")
        with pytest.raises(PeavineError, match="belongs to the event loop in which it was first used"):
            await asyncio.to_thread(asyncio.run, client.search("x"))
        await client.close()

    asyncio.run(ask_and_close())
    with pytest.raises(PeavineError, match="make a client in each"):
        asyncio.run(client.search("x"))
    asyncio.run(client.close())


def test_clients_of_several_event_loops_leave_each_others_alone(passing: LocalFlow) -> None:
    reported: list[dict[str, Any]] = []

    async def ask_with_both() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
        async with AsyncClient(passing.host) as mine:
            with Client(passing.host) as other:
                for _ in range(50):
                    both = (mine.search("x"), asyncio.to_thread(other.search, "x"))
                    assert [docs[0].text for docs in await asyncio.gather(*both)] == ["x", "x"]
        asyncio.get_running_loop().call_exception_handler({"message": "of mine"})

    asyncio.run(ask_with_both())
    assert [context["message"] for context in reported] == ["of mine"]
