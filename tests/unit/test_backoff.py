from hypothesis import given
from hypothesis import strategies as st

from peavine.backoff import Backoff


def test_delays_double_from_the_first_to_the_longest() -> None:
    backoff = Backoff(0.5, 3.0)
    for failures, limit in ((1, 0.5), (2, 1.0), (3, 2.0), (4, 3.0), (5, 3.0)):
        assert limit / 2 <= backoff.delay(failures) <= limit


@given(st.integers(1, 10**9))
def test_delays_stay_within_the_limit_after_any_number_of_failures(failures: int) -> None:
    assert 0.025 <= Backoff(0.05, 1.0).delay(failures) <= 1.0


def test_delays_differ_so_that_many_do_not_come_again_at_once() -> None:
    backoff = Backoff(1.0, 1.0)
    assert len({backoff.delay(1) for _ in range(100)}) > 50
