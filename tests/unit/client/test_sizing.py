from hypothesis import given
from hypothesis import strategies as st

from peavine.client.sizing import Sizing


def test_prompt_answers_double_the_documents_of_a_request() -> None:
    sizing = Sizing()
    seen = []
    for _ in range(7):
        seen.append(sizing.documents)
        sizing.answered(sizing.documents, 0.01, 10)
    assert seen == [8, 16, 32, 64, 128, 256, 256]


def test_it_grows_once_with_each_round_however_many_requests_were_out() -> None:
    sizing = Sizing()
    for _ in range(20):
        sizing.answered(8, 0.01, 10)
    assert sizing.documents == 16


def test_it_settles_where_a_request_takes_about_a_second() -> None:
    for per_document in (0.003, 0.02, 0.2):
        sizing = Sizing()
        for _ in range(20):
            sizing.answered(sizing.documents, sizing.documents * per_document, 60)
        assert 0.4 <= sizing.documents * per_document <= 1.0


def test_a_document_that_takes_long_goes_alone() -> None:
    sizing = Sizing()
    for _ in range(3):
        sizing.answered(sizing.documents, sizing.documents * 5.0, 60)
    assert sizing.documents == 1


def test_a_short_deadline_makes_requests_shorter_than_a_second() -> None:
    sizing = Sizing()
    for _ in range(20):
        sizing.answered(sizing.documents, sizing.documents * 0.01, 0.8)
    assert sizing.documents * 0.01 <= 0.1


def test_a_request_without_documents_says_nothing() -> None:
    sizing = Sizing()
    sizing.answered(0, 500.0, 600)
    sizing.late(0)
    assert sizing.documents == 8


def test_a_late_request_halves_it() -> None:
    sizing = Sizing()
    sizing.late(8)
    assert sizing.documents == 4
    sizing.late(8)
    assert sizing.documents == 4
    sizing.late(1)
    assert sizing.documents == 1


@given(st.lists(st.tuples(st.integers(1, 300), st.floats(0, 1000), st.floats(0.001, 1000), st.booleans())))
def test_it_stays_within_its_bounds(answers: list[tuple[int, float, float, bool]]) -> None:
    sizing = Sizing()
    for documents, seconds, timeout, late in answers:
        sizing.answered(documents, seconds, timeout)
        if late:
            sizing.late(documents)
        assert 1 <= sizing.documents <= 256
