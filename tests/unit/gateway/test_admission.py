"""How much a gateway works on at once."""

from __future__ import annotations

import pytest

from peavine.errors import Overloaded
from peavine.gateway.admission import Admission


def test_more_requests_than_the_bound_are_refused_until_one_is_answered() -> None:
    door = Admission(2, 1000)
    door.enter(1, 10)
    door.enter(1, 10)
    with pytest.raises(Overloaded, match="2 requests are in flight"):
        door.enter(1, 10)
    door.leave(1, 10, 0.1)
    door.enter(1, 10)


def test_more_bytes_than_the_bound_are_refused() -> None:
    door = Admission(100, 1000)
    door.enter(1, 600)
    with pytest.raises(Overloaded):
        door.enter(1, 600)


def test_what_is_larger_than_a_bound_is_let_in_when_it_is_alone() -> None:
    door = Admission(2, 1000)
    door.enter(64, 5000)
    with pytest.raises(Overloaded):
        door.enter(1, 1)
    door.leave(64, 5000, 0.1)
    door.enter(1, 1)


def test_who_is_refused_is_told_to_wait_about_as_long_as_requests_take() -> None:
    door = Admission(1, 1000)
    for seconds, shortest, longest in ((0.0, 0.05, 0.05), (1.0, 0.9, 1.0), (1000.0, 5.0, 5.0)):
        for _ in range(100):
            door.enter(1, 1)
            door.leave(1, 1, seconds)
        door.enter(1, 1)
        with pytest.raises(Overloaded) as raised:
            door.enter(1, 1)
        assert shortest <= raised.value.retry_after <= longest
        door.leave(1, 1, seconds)
