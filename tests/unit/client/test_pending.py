import asyncio

from hypothesis import given
from hypothesis import strategies as st

from peavine.client.pending import Pending, take
from peavine.v1 import pea_pb2
from peavine.wire.unit import MAX_BYTES, MAX_ITEMS


def made(requests: list[tuple[str, int]]) -> list[Pending]:
    loop = asyncio.new_event_loop()
    futures = [loop.create_future() for _ in requests]
    loop.close()
    return [
        Pending(kind, pea_pb2.Envelope(), size, 1, None, future)
        for (kind, size), future in zip(requests, futures, strict=True)
    ]


@given(st.lists(st.tuples(st.sampled_from(["index", "search"]), st.integers(1, 100_000)), max_size=200))
def test_units_keep_the_order_and_the_bounds_and_lose_nothing(requests: list[tuple[str, int]]) -> None:
    pending = made(requests)
    waiting, sent = list(pending), []
    while waiting:
        unit = take(waiting, MAX_ITEMS, partial=True)
        assert 1 <= len(unit) <= MAX_ITEMS
        assert len({request.kind for request in unit}) == 1
        assert len(unit) == 1 or sum(request.size for request in unit) <= MAX_BYTES
        sent += unit
    assert sent == pending


def test_without_partial_a_unit_waits_until_it_is_full() -> None:
    waiting = made([("search", 100)] * (MAX_ITEMS - 1))
    assert take(waiting, MAX_ITEMS, partial=False) == []
    waiting += made([("search", 100)])
    assert len(take(waiting, MAX_ITEMS, partial=False)) == MAX_ITEMS


def test_what_may_be_out_bounds_a_unit_and_makes_it_full() -> None:
    waiting = made([("search", 100)] * 5)
    assert len(take(waiting, 3, partial=False)) == 3
    assert len(waiting) == 2


def test_a_large_request_is_full_by_itself() -> None:
    waiting = made([("index", MAX_BYTES + 1)])
    assert len(take(waiting, MAX_ITEMS, partial=False)) == 1


def test_another_kind_ends_a_unit() -> None:
    waiting = made([("index", 10), ("search", 10)])
    assert [request.kind for request in take(waiting, MAX_ITEMS, partial=False)] == ["index"]
