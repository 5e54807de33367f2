from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine_operator.drift import drift

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abname", max_size=4), inner, max_size=3),
    max_leaves=10,
)


@given(JSON)
def test_nothing_differs_from_itself(value: Any) -> None:
    assert drift(value, value) == []


@given(st.dictionaries(st.text("ab", max_size=3), JSON, max_size=3), JSON)
def test_what_others_add_is_no_difference(rendered: dict[str, Any], more: Any) -> None:
    assert drift(rendered, {**rendered, "of somebody else": more}) == []


@pytest.mark.parametrize(
    ("rendered", "live", "found"),
    [
        pytest.param({"a": {"b": 1}}, {"a": {"b": 2}}, "a.b is 2 instead of 1", id="a value"),
        pytest.param({"a": {"b": 1}}, {"a": {}}, "a.b is absent instead of 1", id="a field taken away"),
        pytest.param({"a": ["x"]}, {"a": ["x", "y"]}, "a has 2 items instead of 1", id="a longer list"),
        pytest.param(
            {"c": [{"name": "pea", "image": "new"}]},
            {"c": [{"name": "other"}, {"name": "pea", "image": "old"}]},
            "c[pea].image is 'old' instead of 'new'",
            id="a thing with a name",
        ),
        pytest.param({"c": [{"name": "pea"}]}, {"c": []}, "c[pea] is absent", id="a thing that is gone"),
        pytest.param({"a": {"b": 1}}, {"a": 3}, "a is 3", id="another type"),
        pytest.param(
            {"selector": {"a": "1"}},
            {"selector": {"a": "1", "b": "2"}},
            "selector.b is '2' and should be absent",
            id="a label more in a selector",
        ),
        pytest.param(
            {"template": {"nodeSelector": {"a": "1"}}},
            {"template": {"nodeSelector": {"a": "1", "b": "2"}}},
            "template.nodeSelector.b is '2' and should be absent",
            id="a label more for nodes",
        ),
        pytest.param(
            {"tolerations": [{"key": "a"}]},
            {"tolerations": [{"key": "a", "tolerationSeconds": 3}]},
            "tolerations[0].tolerationSeconds is 3 and should be absent",
            id="a field more in a toleration",
        ),
        pytest.param({"partition": 0, "paused": False}, {"partition": 3}, "partition is 3 instead of 0", id="a switch"),
    ],
)
def test_a_difference_is_told_with_its_place(rendered: Any, live: Any, found: str) -> None:
    assert drift(rendered, live) == [found]


@pytest.mark.parametrize(
    ("rendered", "live"),
    [
        pytest.param({"requests": {"cpu": "1000m"}}, {"requests": {"cpu": "1"}}, id="one processor"),
        pytest.param({"limits": {"memory": "1024Mi"}}, {"limits": {"memory": "1Gi"}}, id="a gibibyte"),
        pytest.param({"requests": {"cpu": "0.5"}}, {"requests": {"cpu": "500m"}}, id="half a processor"),
    ],
)
def test_the_same_amount_in_other_words_is_no_difference(rendered: Any, live: Any) -> None:
    assert drift({"resources": rendered}, {"resources": live}) == []


def test_an_empty_value_that_the_api_server_leaves_out_is_no_difference() -> None:
    assert drift({"env": [], "emptyDir": {}, "value": ""}, {}) == []


def test_every_difference_is_found_and_what_says_more_than_labels_comes_first() -> None:
    rendered = {"metadata": {"x": 1}, "spec": {"y": 1, "z": [{"name": "a", "image": "one"}]}}
    live = {"metadata": {"x": 2}, "spec": {"y": 3, "z": [{"name": "a", "image": "two"}]}}
    assert drift(rendered, live) == [
        "spec.y is 3 instead of 1",
        "spec.z[a].image is 'two' instead of 'one'",
        "metadata.x is 2 instead of 1",
    ]


def test_nothing_may_be_added_below_a_field_that_has_one_owner() -> None:
    rendered, live = {"spec": {"uses": "_pass"}}, {"spec": {"uses": "_pass", "files": {"a.py": ""}}}
    assert drift(rendered, live) == []
    assert drift(rendered, live, frozenset({"spec"})) == ["spec.files is {'a.py': ''} and should be absent"]
