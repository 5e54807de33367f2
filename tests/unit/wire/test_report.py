"""What an answer says besides Documents: reports of shards are added up, those of steps and branches complement."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine.errors import InvalidRequest
from peavine.v1 import pea_pb2
from peavine.wire.join import join
from peavine.wire.merge import merge
from peavine.wire.report import MAX_REPORT_BYTES, added, filled, put_back, report_of, set_report, taken_out
from peavine.wire.split import assemble, portions
from peavine.wire.unit import parse, serialize

COUNTS = st.dictionaries(st.sampled_from("abc"), st.integers(0, 1000), max_size=3)


def answering(*reports: dict[str, Any], kind: pea_pb2.Kind.ValueType = pea_pb2.SEARCH) -> pea_pb2.Unit:
    """Return a unit whose items bear these reports."""
    unit = pea_pb2.Unit(kind=kind)
    for number, report in enumerate(reports):
        item = unit.items.add(header=pea_pb2.Header(id=f"r{number}"), bodies=[b""])
        set_report(item.header, report)
    return unit


@given(st.lists(COUNTS, min_size=1, max_size=4))
def test_counts_of_shards_add_at_any_depth(counts: list[dict[str, int]]) -> None:
    total = {name: sum(count.get(name, 0) for count in counts) for name in {name for each in counts for name in each}}
    assert added({"facets": {"colour": count}} for count in counts) == {"facets": {"colour": total}}


def test_lists_of_shards_join_and_of_anything_else_the_first_value_stands() -> None:
    first = {"shards": [0], "engine": "exact", "exact": True, "none": None}
    second = {"shards": [1], "engine": "graph", "exact": False, "none": 1, "own": "x"}
    joined = {"shards": [0, 1], "engine": "exact", "exact": True, "none": None, "own": "x"}
    assert added([first, second]) == joined


def test_what_differs_in_kind_is_not_added() -> None:
    assert added([{"a": 1}, {"a": "x"}]) == {"a": 1}
    assert added([{"a": [1]}, {"a": {"b": 1}}]) == {"a": [1]}


def test_a_later_step_fills_what_earlier_ones_did_not_report() -> None:
    assert filled([{"count": 3, "explain": {"a": 1}}, {"count": 4, "explain": {"b": 2}}]) == {
        "count": 3,
        "explain": {"a": 1, "b": 2},
    }


@given(COUNTS, st.lists(COUNTS, min_size=1, max_size=3))
def test_an_earlier_steps_report_is_kept_once_however_many_shards_there_are(
    earlier: dict[str, int], shards: list[dict[str, int]]
) -> None:
    unit = answering({"before": earlier, "both": {"before": 1}})
    taken = taken_out(unit)
    assert not unit.items[0].header.HasField("report")
    merged, failed = merge([answering({"after": each, "both": {"after": 1}}) for each in shards], len(shards), False)
    assert failed + put_back(merged, taken) == 0
    assert report_of(merged.items[0].header) == {
        "before": earlier,
        "after": added(shards),
        "both": {"before": 1, "after": len(shards)},
    }


def test_branches_that_share_a_report_do_not_repeat_it() -> None:
    rest, failed = join([serialize(answering({"a": 1, "b": 2})), serialize(answering({"a": 1, "c": 3}))], 1)
    assert failed == 0
    assert report_of(parse(rest).items[0].header) == {"a": 1, "b": 2, "c": 3}


def test_a_unit_sent_in_parts_keeps_the_reports_of_its_items() -> None:
    unit = answering({"a": 1}, {"a": 2})
    parts = portions(unit, 0, "pod", max_items=1)
    answers = {place: answering({"a": place + 1, "b": place}) for place in parts}
    assert assemble(unit, parts, answers) == 0
    assert [report_of(item.header) for item in unit.items] == [{"a": 1, "b": 0}, {"a": 2, "b": 1}]


def test_a_report_that_is_too_large_fails_its_own_request() -> None:
    half = {"text": ["x" * (MAX_REPORT_BYTES // 2)]}
    merged, failed = merge([answering(half, {"a": 1}), answering(half, {"a": 1})], 2, False)
    assert failed == 1
    assert "the limit is" in merged.items[0].header.status.message
    assert report_of(merged.items[1].header) == {"a": 2}
    with pytest.raises(InvalidRequest, match="report of the answer has"):
        set_report(pea_pb2.Header(), {"text": "x" * MAX_REPORT_BYTES})


def test_a_report_holds_plain_data_only() -> None:
    with pytest.raises(InvalidRequest, match=r"report\.a: "):
        set_report(pea_pb2.Header(), {"a": object()})
