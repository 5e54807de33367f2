"""Between JSON and the wire: a client's body becomes an Envelope, the answer's Envelope becomes JSON. No I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import pydantic_core
from pydantic import ValidationError

from peavine.documents import Document
from peavine.documents.plain import Arrays
from peavine.documents.reading import from_dicts
from peavine.errors import InvalidRequest, Problem
from peavine.gateway.problems import InvalidBody
from peavine.gateway.schema import DeleteBody, RequestBody
from peavine.spec.manifest import problems_in
from peavine.v1 import pea_pb2
from peavine.wire import batch_from_bytes, batch_to_bytes
from peavine.wire.header import header

__all__ = ["Asking", "answer", "asking", "json", "read", "sized"]

THREAD_BYTES: Final = 65536
"""What is larger is turned into Documents and back on a thread, so that the event loop stays free."""

T = TypeVar("T")
B = TypeVar("B", RequestBody, DeleteBody)


class Asking:
    """A request from JSON, and how its answer is to be written."""

    __slots__ = ("arrays", "envelope")

    def __init__(self, envelope: pea_pb2.Envelope, arrays: Arrays) -> None:
        self.envelope, self.arrays = envelope, arrays


async def sized(size: int, work: Callable[[], T]) -> T:
    """Return what `work` does with so many bytes."""
    return await asyncio.to_thread(work) if size > THREAD_BYTES else work()


def json(data: Mapping[str, Any]) -> bytes:
    """Return plain data as JSON."""
    return pydantic_core.to_json(data)


def read(raw: bytes) -> dict[str, Any]:
    """Return the JSON object in `raw`, or raise InvalidRequest that says where it is none."""
    try:
        data = pydantic_core.from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidRequest(f"the body is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise InvalidRequest('the body is not a JSON object; send {"docs": [..]}')
    return data


def asking(kind: str, data: Mapping[str, Any]) -> Asking:
    """Return the request that a body means, or raise InvalidRequest with all that is wrong."""
    body: RequestBody | DeleteBody
    if kind == "delete":
        body = _checked(DeleteBody, data)
        docs = [*_named(body.ids), *from_dicts(body.docs)]
        if not docs:
            raise InvalidRequest('the body names nothing to delete; send {"ids": ["doc-1", ..]}')
        truths: list[Document] = []
    else:
        body = _checked(RequestBody, data)
        docs, truths = from_dicts(body.docs), from_dicts(body.groundtruths, "groundtruths")
        if truths and len(truths) != len(docs):
            raise InvalidRequest(f"groundtruths: {len(truths)}, and {len(docs)} docs; each has one, or none has")
    made = header(
        kind,
        top_k=body.top_k,
        parameters=body.parameters,
        queries=[query.model_dump() for query in body.queries],
        timeout=body.timeout_seconds,
        version=body.version,
    )
    return Asking(pea_pb2.Envelope(header=made, bodies=[batch_to_bytes(docs, truths)]), body.arrays)


def answer(envelope: pea_pb2.Envelope, arrays: Arrays) -> dict[str, Any]:
    """Return the JSON of an answer that bears no error."""
    said = envelope.header
    batch = batch_from_bytes(envelope.bodies[0]) if envelope.bodies else None
    data: dict[str, Any] = {"docs": [doc.to_dict(arrays) for doc in batch.docs] if batch else []}
    if said.HasField("coverage"):
        data["coverage"] = {"answered": said.coverage.answered, "total": said.coverage.total}
    data["routes"] = [_route(route) for route in said.routes]
    return data


def _checked(model: type[B], data: Mapping[str, Any]) -> B:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise InvalidBody(problems_in(error, model)) from None


def _named(ids: list[str]) -> list[Document]:
    found, problems = [], []
    for place, name in enumerate(ids):
        try:
            found.append(Document(id=name))
        except InvalidRequest as error:
            problems.append(Problem(f"ids[{place}]", str(error).removeprefix("id: ")))
    if problems:
        raise InvalidBody(problems)
    return found


def _route(route: pea_pb2.Route) -> dict[str, Any]:
    data: dict[str, Any] = {"pod": route.pod, "pea": route.pea, "start": route.start, "end": route.end}
    if route.status.code:
        data["problem"] = route.status.message
    return data
