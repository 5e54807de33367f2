"""What a client is told of an error, and what it raises then."""

from __future__ import annotations

import logging

import grpc
import pytest

from peavine import errors
from peavine.wire.status import CODES, code_of, error_of, status_of

CLASSES = [getattr(errors, name) for name in errors.__all__ if isinstance(getattr(errors, name), type)]
RAISED = [cls for cls in CLASSES if issubclass(cls, errors.PeavineError) and cls is not errors.PeavineError]


@pytest.mark.parametrize("cls", RAISED, ids=lambda cls: cls.__name__)
def test_every_class_of_error_has_a_code(cls: type[errors.PeavineError]) -> None:
    assert cls in CODES
    status = status_of(cls("what and where"))
    assert code_of(status.code) is CODES[cls]
    assert status.message == "what and where"


@pytest.mark.parametrize(
    "error",
    [
        errors.InvalidRequest("x"),
        errors.NotFound("x"),
        errors.DeadlineExceeded("x"),
        errors.Unavailable("x"),
        errors.Overloaded("x", retry_after=2.5),
        errors.StoreFull("x"),
        errors.StoreDamaged("x"),
        errors.ExecutorError("x", "Encoder", "EncodeDriver"),
        errors.VersionMismatch("x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_arrives_as_what_it_was(error: errors.PeavineError) -> None:
    arrived = error_of(status_of(error, "index", "index-0"))
    assert type(arrived) is type(error)
    assert "x" in str(arrived)
    assert "index" in str(arrived)
    if isinstance(error, errors.Overloaded):
        assert isinstance(arrived, errors.Overloaded)
        assert arrived.retry_after == 2.5


def test_an_error_that_nobody_foresaw_is_told_by_an_id_that_the_log_explains(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        status = status_of(KeyError("/etc/secret"), "index", "index-0")
    assert code_of(status.code) is grpc.StatusCode.INTERNAL
    assert "secret" not in status.message
    reference = status.message.split()[2].rstrip(";")
    assert reference in caplog.text
    assert "secret" in caplog.text


def test_the_stack_is_told_only_where_the_flow_says_so() -> None:
    error = errors.ExecutorError("x")
    error.__cause__ = ValueError("deep inside")
    assert status_of(error).traceback == ""
    assert "deep inside" in status_of(error, expose_traceback=True).traceback


def test_an_error_with_lone_surrogates_can_be_sent() -> None:
    error = errors.ExecutorError("cannot read caf\udce9.png", executor="caf\udce9")
    error.__cause__ = ValueError("caf\udce9.png")
    status = status_of(error, expose_traceback=True)
    assert status.message == r"cannot read caf\udce9.png"
    assert status.executor == r"caf\udce9"
    assert r"ValueError: caf\udce9.png" in status.traceback
