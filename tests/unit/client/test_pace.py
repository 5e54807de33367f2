from hypothesis import given
from hypothesis import strategies as st

from peavine.client.pace import Pace


def test_prompt_answers_double_what_is_out_with_each_round() -> None:
    pace = Pace(64)
    for expected in (2, 4, 8, 16):
        pace.answered(pace.requests, 0.01, 10)
        assert pace.requests == expected


def test_answers_that_eat_up_the_deadline_bring_it_down_to_one_request() -> None:
    pace = Pace(64)
    for _ in range(40):
        pace.answered(1, 0.01, 10)
    for _ in range(20):
        pace.answered(1, 9.0, 10)
    assert pace.requests == 1


def test_a_refusal_halves_what_is_out() -> None:
    pace = Pace(64)
    for _ in range(15):
        pace.answered(1, 0.01, 10)
    pace.refused()
    assert pace.requests == 8


@given(st.integers(0, 100), st.lists(st.tuples(st.integers(1, 64), st.floats(0, 100), st.floats(0.01, 100))))
def test_it_stays_between_one_and_what_the_server_takes(most: int, answers: list[tuple[int, float, float]]) -> None:
    pace = Pace(most)
    for requests, seconds, timeout in answers:
        pace.answered(requests, seconds, timeout)
        assert 1 <= pace.requests <= max(1, most)
