"""Fields that an index declares: their types, the values that fit, the filters that can match."""

from typing import Any

import pytest
from hypothesis import given

from peavine.errors import InvalidRequest, ManifestError
from peavine.filters import Filter, check, fitting, matches, parse, parse_fields
from tests.unit.filters.spellings import FILTERS, TAGS

FIELDS = parse_fields({
    "price": "number", "category": "keyword", "title": "text", "added": "datetime", "where": "geo",
    "in_stock": "bool", "labels": ["keyword"], "size.width": "number",
})  # fmt: skip


def test_a_wrong_declaration_is_refused_with_all_problems() -> None:
    with pytest.raises(ManifestError) as refused:
        parse_fields({"price": "nmber", "labels": ["keyword", "text"], "a..b": "bool"})
    message = str(refused.value)
    assert "fields.price: unknown type 'nmber'; one of number, keyword, text, datetime, geo, bool" in message
    assert 'did you mean "number"?' in message
    assert "fields.labels: unknown type" in message
    assert "fields.a..b: is not the name of a tag" in message


def test_tags_that_fit_are_read_as_their_types() -> None:
    read = fitting(FIELDS, {"price": 5, "labels": ["a"], "added": "2026-01-01", "size": {"width": 2}, "other": {}})
    assert {name: str(value) for name, value in read.items()} == {
        "price": "5.0", "labels": "['a']", "added": "2026-01-01 00:00:00+00:00", "size.width": "2.0",
    }  # fmt: skip


def test_tags_that_do_not_fit_are_refused_with_their_paths() -> None:
    tags = {"price": "cheap", "labels": ["a", 3], "where": [52, 13], "size": {"width": True}, "title": None}
    with pytest.raises(InvalidRequest) as refused:
        fitting(FIELDS, tags)
    assert str(refused.value).splitlines() == [
        'tags.price: must be a number, not "cheap"',
        'tags.where: must be an object {"lat": .., "lon": ..} in degrees, not a list',
        "tags.labels[1]: must be a string, not a number",
        "tags.size.width: must be a number, not true or false",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('categry == "shoes"', "no field `categry`; did you mean `category`?"),
        ('price < "60"', '`price < "60"` never matches, because the field is of type number; give a number'),
        ("price contains 5", "`price` is of type number, which `contains` never matches; use ==, !=, <, <=, >, >=, in"),
        ('labels == "new"', "`labels` is of type [keyword], which `==` never matches; use contains, exists"),
        ("in_stock > 5", "`in_stock` is of type bool, which `>` never matches; use ==, !=, in, not in, exists"),
        ("where == 5", "`where` is of type geo, which `==` never matches; use within, exists"),
        ('added > "soon"', "give a datetime in ISO 8601"),
        ("category in (5)", "give a string in quotes"),
        ("category within 5 km of (1, 2)", "which `within` never matches"),
    ],
)
def test_a_filter_that_can_never_match_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check(parse(text), FIELDS)
    assert message in str(refused.value)


def test_all_that_can_never_match_is_reported_together() -> None:
    with pytest.raises(InvalidRequest) as refused:
        check(parse('categry == 1 and (price == "x" or not labels == "x")'), FIELDS)
    assert len(str(refused.value).splitlines()) == 3


def test_strings_are_datetimes_where_the_field_is() -> None:
    assert check(parse({"added": {"$gte": "2026-01-31"}}), FIELDS) == parse("added >= 2026-01-31")


def test_a_tag_that_is_not_declared_may_be_anything() -> None:
    filter = parse('brand == 5 and brand == "x" and not brand.name contains 3')
    assert check(filter, FIELDS) == filter


@given(FILTERS, TAGS)
def test_a_checked_filter_means_the_same_for_tags_that_fit(filter: Filter, tags: dict[str, Any]) -> None:
    try:
        checked = check(filter, FIELDS)
        fitting(FIELDS, tags)
    except InvalidRequest:
        return
    plain = parse(filter.to_object())
    texts_are_moments = str(checked) != str(plain)
    assert texts_are_moments or matches(checked, tags) is matches(filter, tags)
