"""What filters mean for the tags of one Document."""

from typing import Any

import pytest
from hypothesis import given

from peavine.filters import Filter, Not, matches, parse
from tests.unit.filters.spellings import FILTERS, TAGS

BERLIN, POTSDAM = {"lat": 52.52, "lon": 13.405}, {"lat": 52.39, "lon": 13.065}
TRUE = [
    ("price < 60", {"price": 59.5}),
    ("price == 1", {"price": 1.0}),
    ("not sold", {}),
    ("not sold", {"sold": False}),
    ("price != 5", {}),
    ("price not in (5)", {"price": "5"}),
    ('"b" == "b"'.replace('"b" ==', "name =="), {"name": "b"}),
    ('name >= "b"', {"name": "bo"}),
    ("size.width <= 5", {"size": {"width": 5}}),
    ("exists(a)", {"a": False}),
    ("a == null", {"a": None}),
    ('labels contains "new"', {"labels": ["old", "new"]}),
    ('title contains "hobb"', {"title": "The hobbit"}),
    ('title startswith "The"', {"title": "The hobbit"}),
    ("labels contains 5", {"labels": [5.0]}),
    ("added > 2026-01-01", {"added": "2026-01-01T00:00:01Z"}),
    ("added == 2026-01-01T01:00:00+01:00", {"added": "2026-01-01"}),
    ("added in (2026-01-01)", {"added": "2026-01-01T00:00:00.000Z"}),
    ("where within 30 km of (52.52, 13.405)", {"where": POTSDAM}),
    ("where within 13000 mi of (-52.52, -166.595)", {"where": BERLIN}),
    ("where within box((53, 13), (52, 14))", {"where": BERLIN}),
    ("where within box((10, 170), (-10, -170))", {"where": {"lat": 0, "lon": 180}}),
    ("where within 0 m of (52.52, 13.405)", {"where": BERLIN}),
]
FALSE = [
    ("price < 60", {}),
    ("price < 60", {"price": None}),
    ("price < 60", {"price": "5"}),
    ("price < 60", {"price": True}),
    ("price == 1", {"price": True}),
    ("sold == true", {"sold": 1}),
    ("sold in (true)", {"sold": 1}),
    ("not (price < 60)", {"price": 5}),
    ("exists(a.b)", {"a": 5}),
    ("exists(a)", {"a": None}),
    ('labels == "new"', {"labels": ["new"]}),
    ("labels contains 1", {"labels": [True]}),
    ("title contains 5", {"title": "5"}),
    ("added > 2026-01-01", {"added": "soon"}),
    ("added > 2026-01-01", {"added": 5e12}),
    ("where within 25 km of (52.52, 13.405)", {"where": POTSDAM}),
    ("where within 9 km of (0, 0)", {"where": {"lat": 0}}),
    ("where within 9 km of (0, 0)", {"where": [0, 0]}),
    ("where within box((10, 170), (-10, -170))", {"where": {"lat": 0, "lon": 0}}),
]


@pytest.mark.parametrize(("text", "tags"), TRUE, ids=[f"{text} for {tags}" for text, tags in TRUE])
def test_a_filter_holds(text: str, tags: dict[str, Any]) -> None:
    assert matches(parse(text), tags)


@pytest.mark.parametrize(("text", "tags"), FALSE, ids=[f"{text} for {tags}" for text, tags in FALSE])
def test_a_filter_does_not_hold(text: str, tags: dict[str, Any]) -> None:
    assert not matches(parse(text), tags)


@given(FILTERS, TAGS)
def test_not_turns_every_filter_round(filter: Filter, tags: dict[str, Any]) -> None:
    assert matches(Not(filter), tags) is not matches(filter, tags)
