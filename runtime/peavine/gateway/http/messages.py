"""Between JSON and the wire: a client's body becomes an Envelope, the answer's Envelope becomes JSON. No I/O."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import pydantic_core
from pydantic import BaseModel, ValidationError

from peavine.documents import Document
from peavine.documents.plain import Arrays
from peavine.documents.reading import MAX_PROBLEMS, from_dicts, size_of
from peavine.errors import InvalidRequest, Problem
from peavine.gateway.http.problems import InvalidBody, Refused
from peavine.gateway.http.schema import DeleteBody, RequestBody
from peavine.spec.manifest import problems_in
from peavine.v1 import pea_pb2
from peavine.wire import batch_from_bytes, batch_to_bytes
from peavine.wire.header import header
from peavine.wire.kept import ALL, LIGHT
from peavine.wire.report import report_of

__all__ = ["Asking", "answer", "answer_cost", "asking", "check_size", "checked", "json", "named", "read", "read_cost"]

BYTE_COST: Final = 12
"""Bytes of memory for each byte of JSON. Numbers take this many; strings and constants take fewer."""
CONTAINER_COST: Final = 200
"""Bytes of memory for each list and object besides."""
ANSWER_COST: Final = 16
"""Bytes of memory for each byte of an answer on the wire, as Documents, plain data and JSON."""
MAX_OPTIONS: Final = 4096
"""Values that everything in a body but its Documents may have, parameters and queries above all."""

_ARRAYS: Final = frozenset((ALL, "tensor", "embedding"))
"""What asks for arrays."""

B = TypeVar("B", bound=BaseModel)


class Asking:
    """A request from JSON, and how its answer is to be written."""

    __slots__ = ("arrays", "envelope")

    def __init__(self, envelope: pea_pb2.Envelope, arrays: Arrays) -> None:
        self.envelope, self.arrays = envelope, arrays


def json(data: Mapping[str, Any]) -> bytes:
    """Return plain data as JSON."""
    return pydantic_core.to_json(data)


def read_cost(raw: bytes | bytearray, room: int) -> int:
    """Return about how many bytes of memory reading this JSON takes. Raises Refused when it is more than `room`.

    It looks at no more than the number of brackets, those inside of text included, so a stranger's body costs little
    before it is known what it costs.
    """
    cost = BYTE_COST * len(raw) + CONTAINER_COST * (raw.count(b"{") + raw.count(b"["))
    if cost > room:
        raise Refused(
            413,
            f"reading this body would take about {cost >> 20} MiB of memory; the limit is {room >> 20} MiB; send "
            'arrays as {"data": base64, "dtype": "<f4", "shape": [..]}, or fewer Documents in a request',
        )
    return cost


def answer_cost(envelope: pea_pb2.Envelope) -> int:
    """Return about how many bytes of memory an answer takes on its way to JSON."""
    return ANSWER_COST * envelope.ByteSize()


def read(raw: bytes | bytearray) -> dict[str, Any]:
    """Return the JSON object in `raw`, or raise InvalidRequest that says where it is none."""
    # Nothing of it is garbage, and a collector that looks for some time and again takes most of the time.
    gc.disable()
    try:
        data = pydantic_core.from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidRequest(f"the body is not JSON: {error}") from None
    finally:
        gc.enable()
    if not isinstance(data, dict):
        raise InvalidRequest('the body is not a JSON object; send {"docs": [..]}')
    return data


def asking(kind: str, data: Mapping[str, Any], max_documents: int) -> Asking:
    """Return the request that a body means, or raise InvalidRequest with all that is wrong."""
    check_size(data, max_documents)
    body: RequestBody | DeleteBody
    if kind == "delete":
        body = checked(DeleteBody, data)
        docs = [*named(body.ids), *from_dicts(body.docs, max_documents=max_documents)]
        if not docs:
            raise InvalidRequest('the body names nothing to delete; send {"ids": ["doc-1", ..]}')
        truths: list[Document] = []
    else:
        body = checked(RequestBody, data)
        docs = from_dicts(body.docs, "docs", max_documents)
        truths = from_dicts(body.groundtruths, "groundtruths", max_documents)
        if truths and len(truths) != len(docs):
            raise InvalidRequest(f"groundtruths: {len(truths)}, and {len(docs)} docs; each has one, or none has")
    made = header(
        kind,
        top_k=body.top_k,
        filter=body.filter,
        parameters=body.parameters,
        queries=[query.model_dump() for query in body.queries],
        timeout=body.timeout_seconds,
        version=body.version,
        fields=body.fields,
    )
    arrays: Arrays = body.arrays or ("list" if _ARRAYS.intersection(body.fields) else "none")
    if arrays != "none" and not body.fields and kind == "search":
        made.fields.extend((*LIGHT, "tensor", "embedding"))
    return Asking(pea_pb2.Envelope(header=made, bodies=[batch_to_bytes(docs, truths)]), arrays)


def answer(envelope: pea_pb2.Envelope, arrays: Arrays) -> dict[str, Any]:
    """Return the JSON of an answer that bears no error."""
    said = envelope.header
    batch = batch_from_bytes(envelope.bodies[0]) if envelope.bodies else None
    data: dict[str, Any] = {"docs": [doc.to_dict(arrays) for doc in batch.docs] if batch else []}
    if said.HasField("coverage"):
        data["coverage"] = {"answered": said.coverage.answered, "total": said.coverage.total}
    if report := report_of(said):
        data["report"] = report
    data["routes"] = [_route(route) for route in said.routes]
    return data


def check_size(data: Mapping[str, Any], max_documents: int) -> None:
    """Refuse more of anything than a request may have, before it is looked at one by one."""
    ids = data.get("ids")
    if isinstance(ids, list) and len(ids) > max_documents:
        raise InvalidRequest(
            f"ids: has {len(ids)} ids; the limit is {max_documents} in a request; send several smaller requests, or "
            "raise spec.maxDocuments of the Flow"
        )
    options = {name: value for name, value in data.items() if name not in ("docs", "groundtruths", "ids")}
    if size_of(options, MAX_OPTIONS) > MAX_OPTIONS:
        raise InvalidRequest(
            f"parameters, queries and other fields have more than {MAX_OPTIONS} values; that is the limit"
        )


def checked(model: type[B], data: Mapping[str, Any]) -> B:
    """Return a body that fits the model, or raise InvalidBody with all that is wrong."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = problems_in(error, model, MAX_PROBLEMS)
        if (more := error.error_count() - len(problems)) > 0:
            problems.append(Problem("", f"... and {more} more"))
        raise InvalidBody(problems) from None


def named(ids: list[str]) -> list[Document]:
    """Return Documents with these ids, or raise InvalidBody with all that is wrong."""
    found, problems = [], []
    for place, name in enumerate(ids):
        try:
            found.append(Document(id=name))
        except InvalidRequest as error:
            problems.append(Problem(f"ids[{place}]", str(error).removeprefix("id: ")))
            if len(problems) == MAX_PROBLEMS:
                break
    if problems:
        raise InvalidBody(problems)
    return found


def _route(route: pea_pb2.Route) -> dict[str, Any]:
    data: dict[str, Any] = {"pod": route.pod, "pea": route.pea, "start": route.start, "end": route.end}
    if route.status.code:
        data["problem"] = route.status.message
    return data
