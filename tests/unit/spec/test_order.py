from hypothesis import given
from hypothesis import strategies as st

from peavine.spec.order import ordered


def test_pods_keep_the_order_of_the_manifest_where_they_may() -> None:
    needs = {"join": ["a", "b"], "a": ["gateway"], "c": ["gateway"], "b": ["a"]}
    assert ordered(needs) == ["a", "c", "b", "join"]


def test_a_cycle_and_what_needs_it_is_left_out() -> None:
    assert ordered({"a": ["gateway"], "b": ["c"], "c": ["b", "a"], "d": ["c"]}) == ["a"]


@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), unique=True)))
def test_each_comes_after_all_that_it_needs(needs: dict[str, list[str]]) -> None:
    order = ordered(needs)
    for place, name in enumerate(order):
        assert {need for need in needs[name] if need in needs} <= set(order[:place])
