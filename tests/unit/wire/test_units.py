"""The 23 bytes that a unit begins with, and what may be put at its end."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine.errors import InvalidRequest
from peavine.v1 import pea_pb2
from peavine.wire.unit import parse, routes_field, serialize, stamp, unstamp

NUMBERS = st.integers(0, 2**64 - 1)
FAILED = st.integers(0, 2**32 - 1)
CLOCKS = st.floats(0, 4e9)
ITEMS = st.lists(st.tuples(st.text(max_size=8), st.binary(max_size=64)), max_size=5)


def unit(items: list[tuple[str, bytes]]) -> pea_pb2.Unit:
    made = pea_pb2.Unit(kind=pea_pb2.SEARCH)
    for name, body in items:
        made.items.add(header=pea_pb2.Header(id=name), bodies=[body])
    return made


@given(NUMBERS, FAILED, CLOCKS, ITEMS)
def test_a_stamped_unit_is_the_protobuf_message_that_the_contract_describes(
    number: int, failed: int, sent: float, items: list[tuple[str, bytes]]
) -> None:
    read = pea_pb2.Unit.FromString(stamp(serialize(unit(items)), number, failed, sent))
    assert (read.number, read.failed, read.sent) == (number, failed, sent)
    assert [(item.header.id, *item.bodies) for item in read.items] == items


@given(NUMBERS, FAILED, CLOCKS, st.binary(max_size=200))
def test_the_stamp_comes_off_as_it_was_put_on(number: int, failed: int, sent: float, rest: bytes) -> None:
    assert unstamp(stamp(rest, number, failed, sent)) == (number, failed, sent, rest)


@given(NUMBERS, NUMBERS, ITEMS)
def test_a_router_rewrites_the_stamp_and_leaves_the_rest(one: int, two: int, items: list[tuple[str, bytes]]) -> None:
    rest = unstamp(stamp(serialize(unit(items)), one, 0, 1.0)).rest
    assert parse(unstamp(stamp(rest, two, 3, 2.0)).rest) == unit(items)


@given(ITEMS, st.lists(st.text(max_size=8), max_size=4))
def test_routes_are_added_without_reading_the_unit(items: list[tuple[str, bytes]], pods: list[str]) -> None:
    rest = serialize(unit(items))
    for pod in pods:
        rest += routes_field(pea_pb2.Route(pod=pod, start=1.5))
    read = parse(rest)
    assert [route.pod for route in read.routes] == pods
    assert len(read.items) == len(items)


def test_what_a_message_says_of_its_own_stamp_does_not_count() -> None:
    forged = unit([("a", b"x")])
    forged.number, forged.failed, forged.sent = 7, 1, 9.0
    assert unstamp(stamp(serialize(forged), 3, 0, 1.0)).number == 3
    assert pea_pb2.Unit.FromString(stamp(serialize(forged), 3, 0, 1.0)).number == 3


@pytest.mark.parametrize(
    "raw",
    [b"", b"\x09", b"GET / HTTP/1.1\r\nHost: x\r\n", pea_pb2.Unit(number=1, kind=pea_pb2.SEARCH).SerializeToString()],
    ids=["nothing", "a stump", "another protocol", "a unit without its stamp"],
)
def test_what_does_not_begin_as_a_unit_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidRequest):
        unstamp(raw)


@given(st.binary(max_size=100))
def test_any_bytes_are_either_read_or_refused(raw: bytes) -> None:
    try:
        stamped = unstamp(raw)
        assert math.isnan(stamped.sent) or stamp(stamped.rest, stamped.number, stamped.failed, stamped.sent) == raw
        parse(stamped.rest)
    except InvalidRequest:
        pass
