from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from peavine_operator.manifests.overlay import overlay

NAMES = st.text("abc", min_size=1, max_size=2)
VALUES = st.integers() | NAMES
TEMPLATES = st.recursive(VALUES, lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=8)


def test_mappings_are_merged() -> None:
    assert overlay({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}, "b": 4}) == {"a": {"x": 1, "y": 3}, "b": 4}


def test_lists_of_named_things_are_merged_by_name() -> None:
    rendered = [{"name": "pea", "image": "i"}, {"name": "x"}]
    assert overlay(rendered, [{"name": "pea", "tty": True}, {"name": "new"}]) == [
        {"name": "pea", "image": "i", "tty": True},
        {"name": "x"},
        {"name": "new"},
    ]


def test_other_lists_are_replaced() -> None:
    assert overlay({"args": ["a", "b"]}, {"args": ["c"]}) == {"args": ["c"]}


def test_null_takes_a_field_away() -> None:
    assert overlay({"lifecycle": {"preStop": {}}, "a": 1}, {"lifecycle": None}) == {"a": 1}


@given(TEMPLATES)
def test_nothing_over_a_template_is_the_template(template: object) -> None:
    assert overlay({"spec": template}, {}) == {"spec": template}


@given(st.dictionaries(NAMES, TEMPLATES, max_size=3), st.dictionaries(NAMES, TEMPLATES, max_size=3))
def test_what_a_user_says_is_so_however_often_it_is_said(rendered: dict[str, object], own: dict[str, object]) -> None:
    once = overlay(rendered, own)
    assert overlay(once, own) == once
