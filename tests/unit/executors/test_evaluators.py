import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine.errors import InvalidRequest, ManifestError
from peavine.executors import RunningStatistics, load
from peavine.executors.evaluators.embedding import CosineEvaluator, EuclideanEvaluator, MinkowskiDistanceEvaluator
from peavine.executors.evaluators.ranking import (
    AveragePrecisionEvaluator,
    F1Evaluator,
    NDCGEvaluator,
    PrecisionEvaluator,
    RecallEvaluator,
    ReciprocalRankEvaluator,
)
from peavine.executors.evaluators.text import EditDistanceEvaluator, JaccardSimilarityEvaluator, TextLengthEvaluator

ALL = (
    PrecisionEvaluator,
    RecallEvaluator,
    F1Evaluator,
    ReciprocalRankEvaluator,
    AveragePrecisionEvaluator,
    NDCGEvaluator,
)
ids = st.lists(st.sampled_from("abcdefgh"), max_size=8)

# Worked by hand: results b x a y d; right are a, b, c.
RESULTS, RIGHT = list("bxayd"), list("abc")


@pytest.mark.parametrize(
    ("evaluator", "value"),
    [
        (PrecisionEvaluator(), 2 / 5),
        (PrecisionEvaluator(3), 2 / 3),
        (PrecisionEvaluator(10), 2 / 10),
        (RecallEvaluator(), 2 / 3),
        (RecallEvaluator(1), 1 / 3),
        (F1Evaluator(), 0.5),
        (F1Evaluator(3), 2 / 3),
        (ReciprocalRankEvaluator(), 1),
        (AveragePrecisionEvaluator(), (1 + 2 / 3) / 3),
        (AveragePrecisionEvaluator(2), 1 / 2),
        (NDCGEvaluator(), (1 + 0.5) / (1 + 1 / math.log2(3) + 0.5)),
        (NDCGEvaluator(2), 1 / (1 + 1 / math.log2(3))),
    ],
    ids=lambda value: getattr(value, "label", ""),
)  # fmt: skip
def test_a_ranking_is_measured(evaluator: PrecisionEvaluator, value: float) -> None:
    assert evaluator.evaluate(RESULTS, RIGHT) == pytest.approx(value)


@pytest.mark.parametrize("evaluator", ALL)
@given(actual=ids, desired=ids, at=st.none() | st.integers(1, 10))
def test_a_measure_is_from_0_to_1(
    evaluator: type[PrecisionEvaluator], actual: list[str], desired: list[str], at: int | None
) -> None:
    assert 0 <= evaluator(at).evaluate(actual, desired) <= 1


@pytest.mark.parametrize("evaluator", ALL)
@given(desired=st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=8, unique=True))
def test_a_perfect_ranking_has_1_and_a_wrong_one_0(evaluator: type[PrecisionEvaluator], desired: list[str]) -> None:
    assert evaluator().evaluate(desired, desired) == pytest.approx(1)
    assert evaluator().evaluate(["x"], desired) == evaluator().evaluate([], desired) == 0


def test_a_result_that_stands_twice_is_right_once() -> None:
    assert PrecisionEvaluator().evaluate(["a", "a"], ["a"]) == 0.5
    assert RecallEvaluator().evaluate(["a", "a"], ["a", "b"]) == 0.5


def test_the_label_says_how_many_results_count() -> None:
    evaluator = load("!PrecisionEvaluator {with: {eval_at: 5}}")
    assert isinstance(evaluator, PrecisionEvaluator)
    assert evaluator.label == "PrecisionEvaluator@5"
    assert RecallEvaluator().label == "RecallEvaluator"
    with pytest.raises(ManifestError, match=r"uses\.with\.eval_at: is 1 or more"):
        load("!PrecisionEvaluator {with: {eval_at: 0}}")


def test_texts_are_compared() -> None:
    assert TextLengthEvaluator().evaluate("abc", "a") == 2
    assert EditDistanceEvaluator().evaluate("kitten", "sitting") == 3
    assert JaccardSimilarityEvaluator().evaluate("a b c", "b c d") == 0.5
    assert JaccardSimilarityEvaluator().evaluate("", "") == 1


def test_embeddings_are_compared() -> None:
    a, b = np.array([3.0, 0]), np.array([0.0, 4])
    assert CosineEvaluator().evaluate(a, b) == pytest.approx(1)
    assert CosineEvaluator().evaluate(a, a * 2) == pytest.approx(0)
    assert CosineEvaluator().evaluate(a, a * 0) == 1
    assert EuclideanEvaluator().evaluate(a, b) == 5
    assert [MinkowskiDistanceEvaluator(order).evaluate(a, b) for order in (1, 2, math.inf)] == [7, 5, 4]
    with pytest.raises(InvalidRequest, match="2 numbers cannot be compared with 3"):
        EuclideanEvaluator().evaluate(a, np.ones(3))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50))
def test_running_statistics_are_those_of_all_numbers(numbers: Sequence[float]) -> None:
    statistics = RunningStatistics()
    for number in numbers:
        statistics.add(number)
    assert statistics.count == len(numbers)
    assert statistics.mean == pytest.approx(np.mean(numbers), abs=1e-6)
    assert statistics.variance == pytest.approx(np.var(numbers), rel=1e-6, abs=1e-4)


def test_each_evaluator_has_its_own_statistics() -> None:
    one, other = PrecisionEvaluator(), PrecisionEvaluator()
    one.statistics.add(1)
    assert (one.statistics.count, other.statistics.count, other.statistics.variance) == (1, 0, 0)
