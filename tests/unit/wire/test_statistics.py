"""Shards' statistics are asked for, added up and sent out, and go no further."""

from __future__ import annotations

import pytest

from peavine.errors import ExecutorError
from peavine.v1 import pea_pb2
from peavine.wire import statistics
from peavine.wire.report import set_report
from peavine.wire.tags import read_struct

DRIVERS = ["KeywordSearchDriver"]


def answer(*texts: str | None) -> pea_pb2.Unit:
    unit = pea_pb2.Unit()
    for text in texts:
        item = unit.items.add()
        if text is None:
            item.header.status.code = 13
        else:
            set_report(item.header, {"statistics": {"words": text}})
    return unit


def question(count: int) -> pea_pb2.Unit:
    unit = pea_pb2.Unit()
    for _ in range(count):
        unit.items.add().header.queries.add(driver="KeywordSearchDriver", priority=1)
    return unit


def given(unit: pea_pb2.Unit) -> list[list[object]]:
    return [[read_struct(query.parameters).get("statistics") for query in item.header.queries] for item in unit.items]


def test_only_drivers_with_the_parameter_are_asked() -> None:
    accepts = {"search": frozenset({"top_k", "A.top_k", "statistics", "B.statistics", "A.statistics"})}
    assert statistics.asking(accepts, "search") == ["A", "B"]
    assert statistics.asking(accepts, "index") == []
    assert statistics.asking(None, "search") == []


def test_numbers_are_added_up_query_by_query_and_an_item_that_failed_is_left_alone() -> None:
    unit = question(2)
    statistics.give(unit, DRIVERS, [answer("1 2;3", None), answer("10 20;30", None)])
    assert given(unit) == [[None, {"words": "11 22;33"}], [None]]
    statistics.take_back(unit, DRIVERS)
    assert given(unit) == [[None], [None]]


def test_asking_can_be_taken_back() -> None:
    unit = question(1)
    statistics.ask(unit, DRIVERS)
    assert given(unit) == [[None, "ask"]]
    statistics.take_back(unit, DRIVERS)
    assert unit == question(1)


@pytest.mark.parametrize("other", ["1", "1 2 3", "1 2;3", "x y"])
def test_statistics_that_do_not_fit_together_are_an_error(other: str) -> None:
    with pytest.raises(ExecutorError, match="do not fit together"):
        statistics.give(question(1), DRIVERS, [answer("1 2"), answer(other)])
