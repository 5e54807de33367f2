"""Reads over HTTP: a body becomes an Envelope of kind `read`, and its answer becomes JSON. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from peavine.documents import Document
from peavine.documents.plain import Arrays
from peavine.errors import InvalidRequest
from peavine.gateway.http.messages import Asking, answer, check_size, checked, named
from peavine.gateway.http.schema import CountBody, GetBody, ScrollBody, StatsBody
from peavine.v1 import pea_pb2
from peavine.wire import batch_to_bytes
from peavine.wire.header import header
from peavine.wire.reads import NOTHING_KEPT, page_bytes, statistics
from peavine.wire.report import report_of

__all__ = ["BODIES", "Operation", "reading", "written"]

Operation = Literal["get", "count", "scroll", "stats"]

BODIES: Final[Mapping[Operation, type[GetBody | CountBody | ScrollBody | StatsBody]]] = {
    "get": GetBody,
    "count": CountBody,
    "scroll": ScrollBody,
    "stats": StatsBody,
}


def reading(operation: Operation, data: Mapping[str, Any], max_documents: int, max_bytes: int) -> Asking:
    """Return the request that a body means, or raise InvalidRequest with all that is wrong."""
    check_size(data, max_documents)
    body = checked(BODIES[operation], data)
    docs: list[Document] = []
    arrays: Arrays = "none"
    asked: dict[str, Any] = {"operation": operation}
    if isinstance(body, GetBody | ScrollBody):
        arrays = body.arrays
        asked["embeddings"] = arrays != "none"
    if isinstance(body, GetBody):
        docs = named(list(dict.fromkeys(body.ids)))
    elif isinstance(body, ScrollBody):
        if body.limit > max_documents:
            raise InvalidRequest(f"limit: {body.limit} is more than the {max_documents} Documents of a request")
        asked |= {"limit": body.limit, "cursor": body.cursor, "max_bytes": page_bytes(max_bytes)}
    made = header("read", parameters=asked, timeout=body.timeout_seconds)
    return Asking(pea_pb2.Envelope(header=made, bodies=[batch_to_bytes(docs)]), arrays)


def written(operation: Operation) -> Callable[[pea_pb2.Envelope, Arrays], dict[str, Any]]:
    """Return what writes the answers to an operation as JSON."""

    def write(envelope: pea_pb2.Envelope, arrays: Arrays) -> dict[str, Any]:
        report = report_of(envelope.header)
        name = {"get": "found", "scroll": "cursor"}.get(operation, operation)
        if name not in report:
            raise InvalidRequest(NOTHING_KEPT)
        data = answer(envelope, arrays)
        data.pop("report")
        match operation:
            case "get":
                return data
            case "scroll":
                return {"docs": data.pop("docs"), "cursor": report["cursor"], **data}
            case "count":
                data.pop("docs")
                return {"count": report["count"], **data}
            case "stats":
                data.pop("docs")
                return statistics(report["stats"]) | data

    return write
