"""Errors as HTTP says them: problem details (RFC 9457) with the codes of gRPC. One table, and no stack traces."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import grpc
from starlette.responses import JSONResponse

from peavine.errors import InvalidRequest, Problem
from peavine.v1 import pea_pb2
from peavine.wire.status import code_of, status_of

__all__ = ["HTTP", "MEDIA_TYPE", "InvalidBody", "ProblemResponse", "Refused", "problem", "response", "status"]

MEDIA_TYPE: Final = "application/problem+json"

HTTP: Final[Mapping[grpc.StatusCode, int]] = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.UNKNOWN: 500,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.DATA_LOSS: 500,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}
"""The HTTP status of each code, as in google/rpc/code.proto."""


class Refused(InvalidRequest):
    """What HTTP itself has a status for: a body that is too large, a media type that is not JSON, an unknown path."""

    def __init__(self, http: int, message: str, code: grpc.StatusCode = grpc.StatusCode.INVALID_ARGUMENT) -> None:
        self.http, self.code = http, code
        super().__init__(message)


class InvalidBody(InvalidRequest):
    """A body with one or more things wrong."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, problems)))


class ProblemResponse(JSONResponse):
    """A problem as an HTTP response."""

    media_type = MEDIA_TYPE


def status(error: BaseException, pea: str) -> pea_pb2.Status:
    """Return the status that a client gets of an error in the gateway `pea`."""
    status = status_of(error, pea=pea)
    if isinstance(error, Refused):
        status.code = error.code.value[0]
    return status


def problem(status: pea_pb2.Status, error: BaseException | None = None) -> dict[str, Any]:
    """Return the problem details of a status; of an error that is at hand too, all that was found."""
    code = code_of(status.code)
    http = error.http if isinstance(error, Refused) else HTTP[code]
    title = "Client Closed Request" if http == 499 else HTTPStatus(http).phrase
    details: dict[str, Any] = {"type": "about:blank", "title": title, "status": http, "code": code.name}
    details["detail"] = status.message
    for name in ("pod", "pea", "executor", "driver", "traceback", "retry_after"):
        if value := getattr(status, name):
            details[name] = value
    if isinstance(error, InvalidBody):
        details["problems"] = [{"path": found.path, "message": found.message} for found in error.problems]
    return details


def response(details: Mapping[str, Any]) -> ProblemResponse:
    """Return the HTTP response of a problem; where trying again may help it says when."""
    headers = {}
    if "retry_after" in details or details["status"] == 503:
        headers["Retry-After"] = str(max(1, math.ceil(details.get("retry_after", 1))))
    return ProblemResponse(details, status_code=details["status"], headers=headers)
