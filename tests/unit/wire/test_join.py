"""Answers of several branches become one unit for the Pod that joins them."""

from __future__ import annotations

import pytest

from peavine.errors import ExecutorError
from peavine.v1 import pea_pb2
from peavine.wire.join import fail, join, lesser
from peavine.wire.unit import parse, serialize


def branch(pod: str, *bodies: bytes | None) -> bytes:
    """Return what a branch answered; None is an item that failed there."""
    unit = pea_pb2.Unit(kind=pea_pb2.SEARCH)
    unit.routes.add(pod="before", start=1.0, end=2.0)
    unit.routes.add(pod=pod, start=3.0, end=4.0)
    for number, body in enumerate(bodies):
        item = unit.items.add(header=pea_pb2.Header(id=f"r{number}"))
        if body is None:
            item.header.status.code, item.header.status.message = 13, f"{pod} failed"
        else:
            item.bodies.append(body)
    return serialize(unit)


def test_bodies_stand_side_by_side_in_the_order_of_needs() -> None:
    rest, failed = join([branch("b", b"1", b"2"), branch("c", b"3", b"4")], 2)
    assert failed == 0
    assert [(item.header.id, list(item.bodies)) for item in parse(rest).items] == [
        ("r0", [b"1", b"3"]),
        ("r1", [b"2", b"4"]),
    ]


def test_what_was_before_the_branches_parted_is_told_once() -> None:
    rest, _ = join([branch("c", b"1"), branch("b", b"2")], 1)
    assert [route.pod for route in parse(rest).routes] == ["before", "c", "b"]


def test_what_failed_in_one_branch_has_failed() -> None:
    rest, failed = join([branch("b", b"1", b"2"), branch("c", b"3", None)], 2)
    assert failed == 1
    good, bad = parse(rest).items
    assert list(good.bodies) == [b"1", b"3"]
    assert bad.header.status.message == "c failed"
    assert not bad.bodies


def test_branches_that_answer_different_numbers_of_items_are_not_mixed_up() -> None:
    with pytest.raises(ExecutorError, match="1 requests were answered with 2"):
        join([branch("b", b"1"), branch("c", b"2", b"3")], 1)


def test_an_answer_rests_on_no_more_than_its_weakest_part() -> None:
    half, whole = pea_pb2.Coverage(answered=1, total=2), pea_pb2.Coverage(answered=5, total=5)
    assert lesser(pea_pb2.Header(coverage=whole), half) == half
    assert lesser(pea_pb2.Header(coverage=half), whole) == half
    assert lesser(pea_pb2.Header(), whole) == whole


def test_an_item_keeps_its_own_error_when_the_whole_unit_fails() -> None:
    status = pea_pb2.Status(code=4, message="too late")
    rest, failed = fail(parse(branch("b", b"1", None)), status)
    assert failed == 2
    assert [item.header.status.message for item in parse(rest).items] == ["too late", "b failed"]
    assert not any(item.bodies for item in parse(rest).items)
