import asyncio
import base64
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

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


def test_an_answer_has_the_fields_that_are_asked_for(http: httpx.Client) -> None:
    doc = {"id": "a", "text": "red", "tags": {"n": 1.0}, "embedding": [0.5, 1.5]}
    body: dict[str, Any] = {"docs": [doc]}

    def answered(kind: str, **asked: Any) -> dict[str, Any]:
        return http.post(f"/v1/{kind}", json=body | asked).json()["docs"][0]  # type: ignore[no-any-return]

    assert answered("search") == {"id": "a", "text": "red", "tags": {"n": 1.0}}
    assert answered("search", fields=["tags"]) == {"id": "a", "tags": {"n": 1.0}}
    assert answered("search", fields=["embedding"]) == {"id": "a", "embedding": [0.5, 1.5]}
    assert answered("search", fields=["*"]) == doc
    assert answered("search", fields=["*"], arrays="none") == {"id": "a", "text": "red", "tags": {"n": 1.0}}
    assert answered("index") == {"id": "a"}
    assert answered("index", fields=["text"]) == {"id": "a", "text": "red"}
    said = problem(http.post("/v1/search", json=body | {"fields": ["txt"]}), 400, "INVALID_ARGUMENT")
    assert 'a Document has no field "txt"; did you mean "text"?' in said["detail"]


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
        assert "(the limit is 100000)" in problem(answer, 413, "INVALID_ARGUMENT")["detail"]

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
    assert limits["max_documents"] == 4096


def test_health_and_readiness_answer(http: httpx.Client) -> None:
    assert http.get("/healthz").json() == {"healthy": True}
    assert http.get("/readyz").json() == {"ready": True}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/search", 405, "UNIMPLEMENTED"),
        ("POST", "/v1/serach", 404, "NOT_FOUND"),
        ("GET", "/", 404, "NOT_FOUND"),
        ("GET", "/metrics", 404, "NOT_FOUND"),  # they have a port of their own
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
