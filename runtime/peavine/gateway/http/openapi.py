"""What /openapi.json says: every path, message and field, with examples. Made from the models of `schema`."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from peavine.gateway.http.problems import MEDIA_TYPE
from peavine.gateway.http.schema import (
    AnswerBody,
    CountAnswer,
    CountBody,
    DeleteBody,
    FlowStatusBody,
    GetAnswer,
    GetBody,
    ProblemBody,
    RequestBody,
    ScrollAnswer,
    ScrollBody,
    SocketAnswer,
    SocketRequest,
    StatsAnswer,
)

__all__ = ["describe"]

REQUESTS: Final = {
    "index": ("Add Documents, or replace those of the same ids", "It is answered when they are stored durably."),
    "search": ("Find the best matches for each Document", "The n-th Document of the answer is the n-th asked."),
    "update": ("Replace Documents that exist", "Those that do not exist are left out."),
    "delete": ("Remove Documents with all their parts", "Ids that do not exist are left out."),
    "train": ("Let Executors that learn learn from these Documents", "What they learned is kept with their data."),
}
READS: Final = {
    "get": ("Return stored Documents by id", "Ids that do not exist are left out."),
    "count": ("Count the stored Documents", "Chunks are not counted."),
    "scroll": ("Return stored Documents page by page", "A Document that is there all the time comes exactly once."),
    "stats": ("What is stored, in numbers", "In all, and for each Pod and shard."),
}
PLAIN: Final = {
    "/v1/status": ("The graph, its Pods and their readiness", "FlowStatusBody"),
    "/healthz": ("Whether the process lives", None),
    "/readyz": ("Whether every Pod took work once, and the gateway is not about to end; 503 if not", None),
}
PROBLEM: Final = {
    "description": "What went wrong",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}},
}


def describe(app: FastAPI) -> None:
    """Let the application describe itself so."""
    made: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not made:
            made.update(_document(app))
        return made

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    models = (
        RequestBody, DeleteBody, AnswerBody, GetBody, GetAnswer, CountBody, CountAnswer, ScrollBody, ScrollAnswer,
        StatsAnswer, FlowStatusBody, ProblemBody, SocketRequest, SocketAnswer,
    )  # fmt: skip
    _, schemas = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    paths: dict[str, Any] = {}
    for kind, (summary, description) in REQUESTS.items():
        body = "DeleteBody" if kind == "delete" else "RequestBody"
        paths[f"/v1/{kind}"] = {
            "post": {
                "operationId": kind,
                "summary": summary,
                "description": description,
                "tags": ["Requests"],
                "requestBody": {"required": True, "content": _content(body)},
                "responses": {
                    "200": {"description": "The answer", "content": _content("AnswerBody")},
                    "default": PROBLEM,
                },
            }
        }
    for operation, (summary, description) in READS.items():
        model = operation.capitalize()
        described: dict[str, Any] = {
            "operationId": operation,
            "summary": summary,
            "description": description,
            "tags": ["Reads"],
            "responses": {
                "200": {"description": "The answer", "content": _content(f"{model}Answer")},
                "default": PROBLEM,
            },
        }
        if operation == "stats":
            paths["/v1/stats"] = {"get": described}
        else:
            described["requestBody"] = {"required": True, "content": _content(f"{model}Body")}
            paths[f"/v1/{operation}"] = {"post": described}
    for path, (summary, schema) in PLAIN.items():
        answer: dict[str, Any] = {"description": summary, "content": _content(schema)}
        paths[path] = _get(path, summary, answer)
    return {
        "openapi": "3.1.0",
        "info": {"title": app.title, "version": app.version, "description": app.description},
        "paths": paths,
        "components": {"schemas": schemas["$defs"]},
    }


def _get(path: str, summary: str, answer: dict[str, Any]) -> dict[str, Any]:
    operation = path.rpartition("/")[2]
    responses = {"200": answer, "default": PROBLEM}
    return {"get": {"operationId": operation, "summary": summary, "tags": ["State"], "responses": responses}}


def _content(schema: str | None) -> dict[str, Any]:
    return {
        "application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"} if schema else {"type": "object"}}
    }
