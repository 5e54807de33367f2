"""A filter can be written as text or as an object, and both are read to the same filter."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given

from peavine.errors import InvalidRequest
from peavine.filters import Filter, parse
from tests.unit.filters.spellings import FILTERS

SAME = [
    ("price < 60", {"price": {"$lt": 60}}),
    ("sold", {"sold": True}),
    ("not sold", {"$not": {"sold": {"$eq": True}}}),
    ('category in ("shoes", "boots")', {"category": {"$in": ["shoes", "boots"]}}),
    ("category not in ['shoes']", {"category": {"$nin": ["shoes"]}}),
    ('a = 1 AND b <> "x"', {"a": 1, "b": {"$ne": "x"}}),
    ("a == 1 or b == 2 and c == 3", {"$or": [{"a": 1}, {"$and": [{"b": 2}, {"c": 3}]}]}),
    ("(a == 1 or b == 2) and c == 3", {"$or": [{"a": 1}, {"b": 2}], "c": 3}),
    ("price >= -1.5e1 and price <= .5", {"price": {"$gte": -15, "$lte": 0.5}}),
    ("exists(size.width)", {"size.width": {"$exists": True}}),
    ("size.width == null", {"size.width": {"$exists": False}}),
    ("size.width != null", {"size.width": {"$ne": None}}),
    ('labels contains "new"', {"labels": {"$contains": "new"}}),
    ('title startswith "The"', {"title": {"$prefix": "The"}}),
    ("not (price > 5)", {"price": {"$not": {"$gt": 5}}}),
    ("added >= 2026-01-31", {"added": {"$gte": {"$date": "2026-01-31T00:00:00Z"}}}),
    ("added < 2026-01-31T12:30:00+02:00", {"added": {"$lt": datetime(2026, 1, 31, 10, 30, tzinfo=UTC)}}),
    ("`odd name` == 1 and `in` == 2 and `a``b` == 3", {"odd name": 1, "in": 2, "a`b": 3}),
    ("größe == 42", {"größe": 42}),
    (
        "where within 5 km of (52.5, 13.4)",
        {"where": {"$geoRadius": {"center": {"lat": 52.5, "lon": 13.4}, "radius": 5000}}},
    ),
    (
        "where within box((53, 13), (52, 14.5))",
        {"where": {"$geoBox": {"top_left": {"lat": 53, "lon": 13}, "bottom_right": {"lat": 52, "lon": 14.5}}}},
    ),
]


@pytest.mark.parametrize(("text", "plain"), SAME, ids=[text for text, _ in SAME])
def test_text_and_object_mean_the_same(text: str, plain: Any) -> None:
    assert parse(text) == parse(plain)


@given(FILTERS)
def test_a_filter_is_read_again_from_its_text_and_from_its_object(filter: Filter) -> None:
    assert parse(str(filter)) == filter
    assert parse(filter.to_object()) == filter
    assert parse(filter) is filter


WRONG = [
    ("", "is empty; leave the filter out"),
    ("price <", "expected a value: a number, a string in quotes, true, false, null or a datetime at character 8"),
    ("price < 60 and", "expected the name of a tag at character 15, found the end"),
    ("price < 60 category", "expected `and`, `or` or the end at character 12, found 'category'"),
    ("price ~ 60", "unexpected '~' at character 7"),
    ('title == "open', "a string without its closing quote at character 10"),
    ("in == 3", "in backticks where it is a word such as `in`"),
    ("a within 5 of (1, 2)", "a unit (m, km, mi)"),
    ("a within 5 km of (91, 2)", "(91, 2) is not a place: latitudes are -90 to 90"),
    ("a within box((1, 1), (2, 2))", "the first corner of a box is its top left"),
    ("a in 5", "a list of values in parentheses"),
    ("a < true", "true and false have no order"),
    ("a < null", "compare with null by == or !="),
    ("a == 1e999", "must be a finite number"),
    ("a == 2026-02-31", "2026-02-31 is not a datetime"),
    ("a startswith 5", "must be a string, not a number"),
    ({}, "filter: is empty"),
    ({"a": {}}, "filter.a: is empty"),
    ({"a": [1]}, "filter.a: compares with a list; use $in for one of several"),
    ({"a": {"$lx": 1}}, 'filter.a.$lx: unknown operator; did you mean "$lt"?'),
    ({"a": {"b": 1}}, 'filter.a.b: unknown operator; for a tag in an object write "a.b"'),
    ({"$xor": []}, 'filter.$xor: unknown operator; did you mean "$or"?'),
    ({"$and": []}, "filter.$and: must be a list of one filter or more"),
    ({"$or": [{"a": 1}, 5]}, "filter.$or[1]: must be an object, not a number"),
    ({"a..b": 1}, "is not the name of a tag"),
    ({"a": {"$in": "x"}}, "must be a list of values, not a string"),
    ({"a": {"$exists": 1}}, "must be true or false"),
    ({"a": {"$geoRadius": {"center": {"lat": 1, "lon": 2}}}}, '{"center": {"lat": .., "lon": ..}, "radius": METRES}'),
    ({"a": {"$gt": {"$date": "soon"}}}, "with a datetime in ISO 8601"),
    ({"a": "\ud800"}, "is not valid Unicode"),
    (5, "must be a string or an object, not a number"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "message"), WRONG, ids=[ascii(source) for source, _ in WRONG])
def test_what_cannot_be_read_is_refused_with_its_place_and_what_to_write(source: Any, message: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse(source)
    assert message in str(refused.value)


def test_all_problems_of_an_object_are_reported_together() -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse({"a": {"$lt": None}, "b": {"$and": []}, "$or": [{"c": {"$in": 5}}]})
    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == [
        "filter.a.$lt", "filter.b.$and", "filter.$or[0].c.$in",
    ]  # fmt: skip


def nested(depth: int, wrap: Callable[[Any], Any]) -> Any:
    plain: Any = {"a": 1}
    for _ in range(depth):
        plain = wrap(plain)
    return plain


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a == 1 or " * 300 + "a == 1", "too many conditions; the limit is 256"),
        ({"$or": [{"a": 1}] * 257}, "too many conditions; the limit is 256"),
        ("(" * 100_000, "too long; the limit is 65,536 characters"),
        ("(" * 5000 + "a" + ")" * 5000, "nested more than 16 deep"),
        ("not " * 17 + "a", "nested more than 16 deep"),
        (nested(17, lambda part: {"$not": part}), "nested more than 16 deep"),
        (nested(5000, lambda part: {"$and": [part]}), "nested more than 16 deep"),
        ({"a": nested(5000, lambda part: {"$not": part})}, "nested more than 16 deep"),
        ({"a": {"$in": [1] * 10_001}}, "too many values in lists; the limit is 10,000"),
        (f"a in ({', '.join('1' * 10_001)})", "too many values in lists; the limit is 10,000"),
        ({"a": "x" * 70_000}, "too long; the limit is 65,536 characters"),
    ],
    ids=[
        "conditions of a text",
        "conditions of an object",
        "characters of a text",
        "parentheses",
        "not",
        "$not",
        "$and",
        "$not of a field",
        "values of an object",
        "values of a text",
        "characters of an object",
    ],
)
def test_a_filter_is_bounded(source: Any, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message.replace("(", r"\(")):
        parse(source)


def test_what_is_as_large_as_allowed_can_travel_as_an_object() -> None:
    for text in ("not " * 16 + "a", " and ".join(["a == 1 or b == 2"] * 128), f"a in ({', '.join('1' * 10_000)})"):
        assert parse(parse(text).to_object()) == parse(text)
