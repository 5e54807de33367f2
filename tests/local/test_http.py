import asyncio
import base64
import gzip
import json
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from peavine.gateway import http as http_module
from peavine.gateway import listener
from peavine.gateway.server import GatewayServer
from peavine.gateway.settings import GatewaySettings
from peavine.graph import Plan, Step
from peavine.local.runner import LocalFlow

KINDS = ("index", "search", "update", "delete", "train")


@pytest.fixture
def http(passing: LocalFlow) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=passing.url, timeout=30) as client:
        yield client


@pytest.fixture
def obeying(obedient: LocalFlow) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=obedient.url, timeout=30) as client:
        yield client


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said: dict[str, Any] = answer.json()
    assert said["status"] == status
    assert said["code"] == code
    assert "Traceback" not in answer.text
    return said


def wait_until(condition: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def in_flight(http: httpx.Client) -> float:
    lines = http.get("/metrics").text.splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("peavine_in_flight_requests ")))


@pytest.mark.parametrize("kind", KINDS)
def test_the_nth_document_answers_the_nth(http: httpx.Client, kind: str) -> None:
    docs = [{"id": name, "text": name.upper()} for name in ("a", "日本 语", "Straße/1?", "😀" * 64, "b" * 256)]
    answer = http.post(f"/v1/{kind}", json={"docs": docs})
    assert answer.status_code == 200, answer.text
    assert [doc["id"] for doc in answer.json()["docs"]] == [doc["id"] for doc in docs]


def test_an_answer_says_where_the_request_was(http: httpx.Client) -> None:
    routes = http.post("/v1/search", json={"docs": [{"text": "x"}]}).json()["routes"]
    assert [route["pod"] for route in routes] == ["first", "second", "third"]
    assert all(route["start"] <= route["end"] for route in routes)


def test_delete_takes_ids(http: httpx.Client) -> None:
    answer = http.post("/v1/delete", json={"ids": ["a", "ü"]})
    assert [doc["id"] for doc in answer.json()["docs"]] == ["a", "ü"]


@pytest.mark.parametrize("body", [{}, {"ids": []}, {"docs": []}])
def test_a_delete_that_names_nothing_is_refused(http: httpx.Client, body: dict[str, Any]) -> None:
    assert "ids" in problem(http.post("/v1/delete", json=body), 400, "INVALID_ARGUMENT")["detail"]


def test_arrays_come_as_lists_or_bytes_and_go_back_only_when_asked_for(http: httpx.Client) -> None:
    array = np.arange(6, dtype="<f4").reshape(2, 3)
    exact = {"data": base64.b64encode(array.tobytes()).decode(), "dtype": "<f4", "shape": [2, 3]}
    body: dict[str, Any] = {"docs": [{"id": "a", "tensor": exact, "embedding": [0.5, 1.5]}]}
    assert http.post("/v1/search", json=body).json()["docs"] == [{"id": "a"}]
    listed = http.post("/v1/search", json=body | {"arrays": "list"}).json()["docs"]
    assert listed == [{"id": "a", "tensor": array.tolist(), "embedding": [0.5, 1.5]}]
    assert http.post("/v1/search", json=body | {"arrays": "base64"}).json()["docs"][0]["tensor"] == exact


def test_groundtruths_are_one_for_each_document(http: httpx.Client) -> None:
    body = {"docs": [{"id": "a"}, {"id": "b"}], "groundtruths": [{"id": "a"}]}
    assert "groundtruths: 1" in problem(http.post("/v1/search", json=body), 400, "INVALID_ARGUMENT")["detail"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"docs": [{"id": "a"}', "line 1 column 21"),
        (b'{"docs": [{"weight": NaN}]}', "line 1 column"),
        (b"", "line 1 column 0"),
        (b"\xff\xfe", "line 1 column 1"),
        (b'[{"id": "a"}]', "not a JSON object"),
        (b'{"docs": ' + b"[" * 100_000, "recursion limit"),
    ],
)
def test_malformed_json_is_refused_with_its_place(http: httpx.Client, body: bytes, says: str) -> None:
    answer = http.post("/v1/search", content=body, headers={"Content-Type": "application/json"})
    assert says in problem(answer, 400, "INVALID_ARGUMENT")["detail"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"dcos": [{"text": "x"}]}, 'dcos: unknown field; did you mean "docs"?'),
        ({"docs": [{"text": "x"}, {"txet": "x"}]}, 'docs[1].txet: unknown field; did you mean "text"?'),
        ({"docs": [{"id": ""}]}, "docs[0].id: is empty"),
        ({"docs": [{"id": "x" * 257}]}, "docs[0].id: "),
        ({"docs": "x"}, "docs: "),
        ({"docs": [7]}, "docs[0]"),
        ({"docs": []}, "docs: "),
        ({"docs": [{"text": "x"}], "top_k": 0}, "top_k: "),
        ({"docs": [{"text": "x"}], "top_k": -1}, "top_k: "),
        ({"docs": [{"text": "x"}], "top_k": "5"}, "top_k: "),
        ({"docs": [{"text": "x"}], "parameters": {"top_k": 10**400}}, "parameters.top_k: 1000"),
        ({"docs": [{"text": "x"}], "timeout_seconds": 0}, "timeout_seconds: "),
        ({"docs": [{"text": "x"}], "parameters": {"tpo_k": 1}}, 'parameters.tpo_k: no Pod takes "tpo_k"'),
        ({"docs": [{"text": "x"}], "queries": [{"drivr": "X"}]}, "queries[0].drivr: unknown field"),
    ],
)
def test_a_wrong_body_is_refused_with_where_and_what_to_write(
    http: httpx.Client, body: dict[str, Any], says: str
) -> None:
    assert says in problem(http.post("/v1/search", json=body), 400, "INVALID_ARGUMENT")["detail"]


def test_all_that_is_wrong_is_told_at_once(http: httpx.Client) -> None:
    body = {"dcos": [], "docs": [{"text": "x"}], "top_k": 0, "timeout_seconds": -1}
    found = problem(http.post("/v1/search", json=body), 400, "INVALID_ARGUMENT")["problems"]
    assert {entry["path"] for entry in found} == {"dcos", "top_k", "timeout_seconds"}


def test_a_web_page_of_another_site_cannot_send_requests(http: httpx.Client) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = http.post("/v1/delete", content=b'{"ids": ["a"]}', headers={"Content-Type": kind})
        assert "Content-Type" in problem(answer, 415, "INVALID_ARGUMENT")["detail"]
    asking = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    answer = http.options("/v1/delete", headers=asking)
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_compressed_body_is_refused_and_not_unpacked(http: httpx.Client) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = http.post("/v1/search", content=gzip.compress(b" " * 10_000_000), headers=headers)
    assert "content-encoding" in problem(answer, 415, "INVALID_ARGUMENT")["detail"]


def test_a_body_over_the_limit_is_refused_before_it_is_read(start_flow: Any) -> None:
    flow = start_flow({"name": "first"}, maxMessageBytes=100_000)
    with httpx.Client(base_url=flow.url, timeout=30) as http:
        large = json.dumps({"docs": [{"text": "x" * 200_000}]}).encode()
        answer = http.post("/v1/index", content=large, headers={"Content-Type": "application/json"})
        assert "100000 are the most" in problem(answer, 413, "INVALID_ARGUMENT")["detail"]

        def parts() -> Iterator[bytes]:  # with no Content-Length
            for _ in range(1000):
                yield b" " * 1000

        answer = http.post("/v1/index", content=parts(), headers={"Content-Type": "application/json"})
        problem(answer, 413, "INVALID_ARGUMENT")
        assert http.post("/v1/index", json={"docs": [{"text": "x"}]}).status_code == 200


def test_a_late_answer_is_a_problem_that_names_the_pod(obeying: httpx.Client, tmp_path: Path) -> None:
    body = {"docs": [{"text": f"await {tmp_path / 'end'}"}], "timeout_seconds": 0.2}
    said = problem(obeying.post("/v1/search", json=body), 504, "DEADLINE_EXCEEDED")
    (tmp_path / "end").touch()
    assert "obey" in said["detail"]


def test_an_executors_error_names_it_and_shows_no_stack(obeying: httpx.Client) -> None:
    said = problem(obeying.post("/v1/index", json={"docs": [{"text": "fail it is Monday"}]}), 500, "INTERNAL")
    assert (said["pod"], said["executor"]) == ("obey", "Obedient")
    assert "it is Monday" in said["detail"]


async def test_too_much_at_once_is_refused_with_when_to_come_again(
    start_flow: Any, obedient: LocalFlow, tmp_path: Path
) -> None:
    pods = [pod.manifest() for pod in obedient.flow.spec.pods]
    flow = start_flow(*pods, maxInFlight=1, timeoutSeconds=60)
    async with httpx.AsyncClient(base_url=flow.url, timeout=30) as http:
        body = {"docs": [{"text": f"await {tmp_path / 'end'}"}]}
        asked = [asyncio.create_task(http.post("/v1/search", json=body)) for _ in range(4)]
        async with asyncio.timeout(30):
            refused = [await answer for _, answer in zip(range(3), asyncio.as_completed(asked), strict=False)]
        (tmp_path / "end").touch()
        answers = await asyncio.gather(*asked)
    assert sum(answer.status_code == 200 for answer in answers) == 1
    for answer in refused:
        assert problem(answer, 429, "RESOURCE_EXHAUSTED")["retry_after"] > 0
        assert int(answer.headers["retry-after"]) >= 1


def test_a_client_that_vanishes_takes_its_request_along(start_flow: Any, obedient: LocalFlow, tmp_path: Path) -> None:
    """The request would have a minute, and its Executor works for as long."""
    flow = start_flow(*(pod.manifest() for pod in obedient.flow.spec.pods), timeoutSeconds=60)
    obeying = httpx.Client(base_url=flow.url, timeout=30)
    host, port = obeying.base_url.host, obeying.base_url.port
    body = json.dumps({"docs": [{"text": f"await {tmp_path / 'end'}"}]}).encode()
    with socket.create_connection((host, port or 80)) as raw:
        lines = [
            "POST /v1/search HTTP/1.1",
            "Host: x",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
        ]
        raw.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        wait_until(lambda: in_flight(obeying) == 1)
    wait_until(lambda: in_flight(obeying) == 0)
    (tmp_path / "end").touch()
    obeying.close()


def test_the_status_tells_the_graph_and_what_is_ready(http: httpx.Client) -> None:
    said = http.get("/v1/status").json()
    assert said["flow"] == "flow"
    assert said["ready"] is True
    assert [(pod["name"], pod["needs"], pod["ready"]) for pod in said["pods"]] == [
        ("first", ["gateway"], 1),
        ("second", ["first"], 1),
        ("third", ["second"], 1),
    ]
    limits = said["limits"]
    assert [limits[f"{kind}timeout_seconds"] for kind in ("", "index_", "train_")] == [10, 60, 600]


def test_health_readiness_and_metrics_answer(http: httpx.Client) -> None:
    assert http.get("/healthz").json() == {"healthy": True}
    assert http.get("/readyz").json() == {"ready": True}
    assert http.post("/v1/search", json={"docs": [{"text": "x"}]}).status_code == 200
    assert 'peavine_requests_total{code="OK",kind="search"}' in http.get("/metrics").text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/search", 405, "UNIMPLEMENTED"),
        ("POST", "/v1/serach", 404, "NOT_FOUND"),
        ("GET", "/", 404, "NOT_FOUND"),
    ],
)
def test_what_is_not_served_is_a_problem_too(
    http: httpx.Client, method: str, path: str, status: int, code: str
) -> None:
    assert "/docs" in problem(http.request(method, path), status, code)["detail"]


def test_the_description_is_complete(http: httpx.Client) -> None:
    said = http.get("/openapi.json").json()
    assert {f"/v1/{kind}" for kind in KINDS} <= said["paths"].keys()
    schemas = said["components"]["schemas"]
    refs = [part.split('"')[0] for part in json.dumps(said).split('"#/components/schemas/')[1:]]
    assert set(refs) <= schemas.keys()
    for name, schema in schemas.items():
        assert schema.get("description") or not schema, name
        for field, described in schema.get("properties", {}).items():
            assert "description" in described, f"{name}.{field}"
    assert schemas["RequestBody"]["examples"]


def test_the_example_of_the_description_is_answered(http: httpx.Client, start_flow: Any) -> None:
    schemas = http.get("/openapi.json").json()["components"]["schemas"]
    indexing = start_flow({"name": "index", "uses": "_index"})
    example = schemas["RequestBody"]["examples"][0]
    example["docs"] = [doc | {"embedding": [1, 2, 3]} for doc in example["docs"]]
    assert httpx.post(f"{indexing.url}/v1/search", json=example, timeout=30).status_code == 200
    assert http.post("/v1/delete", json=schemas["DeleteBody"]["examples"][0]).status_code == 200


def test_the_docs_page_loads_nothing_from_elsewhere(http: httpx.Client) -> None:
    page = http.get("/docs").text
    sources = [part.split('"')[0] for marker in ('src="', 'href="') for part in page.split(marker)[1:]]
    assert len(sources) >= 3
    for source in sources:
        assert source.startswith("/")
        assert http.get(source).status_code == 200


@pytest.fixture
async def lonely(tmp_path: Path) -> AsyncIterator[str]:
    """Return the address of a gateway whose Pod is not there."""
    step = Step(pod="lost", needs=["gateway"], shards=[[f"unix:{tmp_path}/nothing.sock"]], timeout_seconds=0.5)
    plan = Plan(name="half", steps=[step], timeout_seconds=0.5, max_message_bytes=100_000, max_in_flight=8)
    addresses = tmp_path / "addresses"
    settings = GatewaySettings(plan=tmp_path / "unused", grpc_port=0, http_port=0, addresses=addresses)
    server = GatewayServer(settings, plan)
    await server.start()
    yield json.loads(addresses.read_text())["http"]
    await server.stop(1)


async def test_a_gateway_whose_pod_is_not_there_says_so(lonely: str) -> None:
    async with httpx.AsyncClient(base_url=f"http://{lonely}", timeout=30) as http:
        assert (await http.get("/healthz")).status_code == 200
        ready = await http.get("/readyz")
        assert "lost" in problem(ready, 503, "UNAVAILABLE")["detail"]
        assert ready.headers["retry-after"]
        assert (await http.get("/v1/status")).json()["ready"] is False
        answer = await http.post("/v1/search", json={"docs": [{"text": "x"}]})
        assert answer.status_code in (503, 504)
        assert "lost" in answer.json()["detail"]


async def said_to(address: str, *parts: bytes) -> bytes:
    """Send these parts, and nothing after them, and return all that comes until the gateway ends the connection."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for part in parts:
        writer.write(part)
        await writer.drain()
    async with asyncio.timeout(20):
        said = await reader.read()
    writer.close()
    return said


HEAD = b"POST /v1/search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize("sent", [b"", HEAD[:30], HEAD], ids=["nothing", "a line", "headers"])
async def test_a_head_that_does_not_come_ends_its_connection(
    lonely: str, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(listener, "HEAD_SECONDS", 0.2)
    assert await said_to(lonely, sent) == b""


async def test_a_head_without_an_end_is_refused(lonely: str) -> None:
    said = await said_to(lonely, HEAD, *[b"X-Y: " + b"y" * 10_000 + b"\r\n"] * 8)
    assert said.startswith(b"HTTP/1.1 400 ")


async def test_a_body_that_does_not_come_is_refused(lonely: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "BODY_SECONDS", 0.2)
    said = await said_to(lonely, HEAD + b"Connection: close\r\nContent-Length: 100\r\n\r\n", b'{"docs": ')
    assert said.startswith(b"HTTP/1.1 408 ")
    assert b"DEADLINE_EXCEEDED" in said
