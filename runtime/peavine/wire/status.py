"""Errors as the wire says them: one table from our classes to gRPC's codes, and back. No I/O but the log.

RESOURCE_EXHAUSTED with a `retry_after` of 0 will not pass by itself (a full disk): trying again does not help.
"""

from __future__ import annotations

import logging
import secrets
import traceback
from typing import Final

import grpc

from peavine import errors
from peavine.v1 import pea_pb2

__all__ = ["CODES", "code_of", "error_of", "status_of"]

_log = logging.getLogger(__name__)

CODES: Final[dict[type[errors.PeavineError], grpc.StatusCode]] = {
    errors.DeadlineExceeded: grpc.StatusCode.DEADLINE_EXCEEDED,
    errors.ExecutorError: grpc.StatusCode.INTERNAL,
    errors.InvalidRequest: grpc.StatusCode.INVALID_ARGUMENT,
    errors.ManifestError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.Overloaded: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.StartError: grpc.StatusCode.UNAVAILABLE,
    errors.StoreDamaged: grpc.StatusCode.DATA_LOSS,
    errors.StoreFull: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.StoreMisplaced: grpc.StatusCode.FAILED_PRECONDITION,
    errors.StoreTaken: grpc.StatusCode.UNAVAILABLE,
    errors.StoreTooNew: grpc.StatusCode.FAILED_PRECONDITION,
    errors.StoreError: grpc.StatusCode.INTERNAL,
    errors.Unavailable: grpc.StatusCode.UNAVAILABLE,
    errors.VersionMismatch: grpc.StatusCode.FAILED_PRECONDITION,
}
"""The code of each class; a class that is not here has that of the nearest one above it, else INTERNAL."""

_BY_NUMBER: Final = {code.value[0]: code for code in grpc.StatusCode}
_CLASSES: Final[dict[grpc.StatusCode, type[errors.PeavineError]]] = {
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.DeadlineExceeded,
    grpc.StatusCode.INVALID_ARGUMENT: errors.InvalidRequest,
    grpc.StatusCode.NOT_FOUND: errors.NotFound,
    grpc.StatusCode.DATA_LOSS: errors.StoreDamaged,
    grpc.StatusCode.FAILED_PRECONDITION: errors.VersionMismatch,
    grpc.StatusCode.UNAVAILABLE: errors.Unavailable,
}


def code_of(number: int) -> grpc.StatusCode:
    """Return gRPC's code of that number; UNKNOWN where there is none."""
    return _BY_NUMBER.get(number, grpc.StatusCode.UNKNOWN)


def status_of(error: BaseException, pod: str = "", pea: str = "", expose_traceback: bool = False) -> pea_pb2.Status:
    """Return what a client is told of an error.

    Of an error that peavine did not raise on purpose it is told an id, and the log has the rest under that id.
    """
    kind = next((CODES[above] for above in type(error).__mro__ if above in CODES), grpc.StatusCode.INTERNAL)
    status = pea_pb2.Status(code=kind.value[0], pod=pod, pea=pea)
    if isinstance(error, errors.PeavineError):
        status.message = errors.printable(str(error)) or type(error).__name__
    else:
        reference = secrets.token_hex(4)
        status.message = f"internal error {reference}; the log of {pea or 'the server'} says more under this id"
        _log.error("internal error %s", reference, exc_info=error)
    if isinstance(error, errors.Overloaded):
        status.retry_after = error.retry_after
    if isinstance(error, errors.ExecutorError):
        status.executor, status.driver = errors.printable(error.executor), error.driver
    if expose_traceback:
        status.traceback = errors.printable("".join(traceback.format_exception(error.__cause__ or error)))
    return status


def error_of(status: pea_pb2.Status) -> errors.PeavineError:
    """Return the error that a status tells, to be raised at the client; the message says where it happened."""
    where = " ".join(part for part in (status.pod and f"Pod {status.pod}", status.executor) if part)
    message = f"{status.message} ({where})" if where and status.pod not in status.message else status.message
    code = code_of(status.code)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        if status.retry_after:
            return errors.Overloaded(message, status.retry_after)
        return errors.StoreFull(message)
    if code in _CLASSES:
        return _CLASSES[code](message)
    return errors.ExecutorError(message, status.executor, status.driver)
