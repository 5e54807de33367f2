"""What the edge refuses, and what it takes out of a client's header."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine.errors import DeadlineExceeded, InvalidRequest
from peavine.gateway.checks import check, sanitize, seconds
from peavine.v1 import pea_pb2

ACCEPTS = {"search": frozenset({"top_k", "VectorSearchDriver.top_k"}), "index": frozenset[str]()}


def request(body: bytes = b"\x0a\x00", **parameters: Any) -> pea_pb2.Envelope:
    envelope = pea_pb2.Envelope(header=pea_pb2.Header(id="r", kind=pea_pb2.SEARCH), bodies=[body])
    if parameters:
        envelope.header.parameters.update(parameters)
    return envelope


def refusal(envelope: pea_pb2.Envelope, max_bytes: int = 1000) -> str:
    with pytest.raises(InvalidRequest) as raised:
        check(envelope, max_bytes, ACCEPTS)
    return str(raised.value)


def test_a_client_cannot_say_what_only_we_may_say() -> None:
    envelope = request()
    envelope.header.routes.add(pod="index")
    envelope.header.status.code = 13
    envelope.header.coverage.answered = 3
    envelope.header.top_k = 9
    sanitize(envelope)
    assert envelope == request()


def test_a_body_in_pieces_is_one_body_as_protobuf_has_it() -> None:
    envelope = request(b"\x0a\x00")
    envelope.bodies.append(b"\x0a\x01a")
    sanitize(envelope)
    assert list(envelope.bodies) == [b"\x0a\x00\x0a\x01a"]


def test_what_is_in_order_passes() -> None:
    check(request(), 1000, ACCEPTS)
    check(request(top_k=5), 1000, ACCEPTS)
    check(request(anything=5), 1000, None)


def test_an_unknown_parameter_is_refused_with_the_one_that_was_meant() -> None:
    assert 'did you mean "top_k"?' in refusal(request(topk=5))


def test_a_parameter_of_another_kind_is_refused_with_what_is_known() -> None:
    envelope = request(top_k=5)
    envelope.header.kind = pea_pb2.INDEX
    assert "parameters.top_k" in refusal(envelope)
    assert "known: none" in refusal(envelope)


def test_an_unknown_argument_of_a_driver_is_refused_where_it_stands() -> None:
    envelope = request()
    query = envelope.header.queries.add(driver="VectorSearchDriver")
    query.parameters.update({"top_z": 1})
    assert refusal(envelope).startswith("queries[0].parameters.top_z: ")


@pytest.mark.parametrize("top_k", [0, -1, 1.5, "ten"])
def test_a_top_k_that_is_no_whole_number_above_zero_is_refused(top_k: object) -> None:
    assert "top_k" in refusal(request(top_k=top_k))


def test_a_top_k_without_a_value_is_refused() -> None:
    envelope = request()
    envelope.header.parameters.fields["top_k"].SetInParent()
    assert refusal(envelope) == "top_k: None is not a whole number above 0"


def test_an_empty_request_is_refused() -> None:
    assert "no Documents" in refusal(request(b""))
    assert "no Documents" in refusal(pea_pb2.Envelope(header=request().header))


def test_a_request_over_the_limit_is_refused_with_both_sizes() -> None:
    assert "has 1001 bytes (the limit is 1000)" in refusal(request(b"x" * 1001))


def test_a_request_of_no_kind_is_refused() -> None:
    envelope = request()
    envelope.header.kind = pea_pb2.KIND_UNSPECIFIED
    assert "kind" in refusal(envelope)


def test_a_long_id_is_refused() -> None:
    envelope = request()
    envelope.header.id = "é" * 129
    assert "258 bytes" in refusal(envelope)


@given(st.floats(0, 1e6), st.floats(0.001, 1e4))
def test_nobody_gets_more_time_than_the_flow_has(timeout: float, most: float) -> None:
    assert 0 < seconds(pea_pb2.Header(timeout=timeout), None, most) <= most


@pytest.mark.parametrize("timeout", [-1.0, math.nan, math.inf])
def test_a_timeout_that_is_no_number_of_seconds_is_refused(timeout: float) -> None:
    with pytest.raises(InvalidRequest, match="timeout"):
        seconds(pea_pb2.Header(timeout=timeout), None, 10)


def test_a_deadline_is_read_by_the_clock_it_came_with() -> None:
    assert seconds(pea_pb2.Header(deadline=103.0), 100.0, 10) == 3.0
    assert seconds(pea_pb2.Header(deadline=103.0), None, 10) == 10
    with pytest.raises(DeadlineExceeded, match=r"2\.00 s before"):
        seconds(pea_pb2.Header(deadline=98.0), 100.0, 10)
