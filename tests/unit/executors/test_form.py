"""An Executor as an object and as YAML with tags are the same Executor."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine import yaml
from peavine.errors import ManifestError
from peavine.executors import load
from peavine.executors.loading.form import from_object, to_object, unquoted
from peavine.spec import KINDS

NAMES = st.from_regex(r"[A-Z][a-z]{0,3}", fullmatch=True)
TEXTS = st.text("ab $\n", max_size=4).filter(lambda text: "$" not in text)
VALUES = st.recursive(
    TEXTS | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False, width=16),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
ARGUMENTS = st.dictionaries(TEXTS, VALUES, max_size=2)
DRIVERS = NAMES | st.fixed_dictionaries(
    {"class": NAMES, "with": st.dictionaries(TEXTS, VALUES, min_size=1, max_size=2)}
)
OBJECTS = st.recursive(
    st.fixed_dictionaries(
        {"class": NAMES},
        optional={
            "with": ARGUMENTS,
            "metas": ARGUMENTS,
            "requests": st.dictionaries(st.sampled_from(KINDS), st.lists(DRIVERS, max_size=2), max_size=2),
        },
    ),
    lambda inner: st.fixed_dictionaries({"class": NAMES, "components": st.lists(inner, max_size=2)}),
    max_leaves=4,
)


@given(OBJECTS)
def test_an_object_comes_back_from_the_yaml_that_says_the_same(said: dict[str, Any]) -> None:
    node, problems = from_object(said, "executor")
    assert problems == []
    assert to_object(yaml.load(yaml.dump(node))) == to_object(node) == said


@pytest.mark.parametrize(
    "said",
    [
        "!RandomProjection {with: {output_dim: 8}}",
        "class: RandomProjection\nwith: {output_dim: 8}",
        {"class": "RandomProjection", "with": {"output_dim": 8}},
        {"class": "RandomProjection", "with": {"output_dim": "$DIM"}},
        {"class": "RandomProjection", "with": {"output_dim": "${{ this.seed }}", "seed": 8}},
    ],
)
def test_every_form_makes_the_same_executor(said: Any) -> None:
    assert load(said, env={"DIM": "8"}).config().value["with"]["output_dim"] == 8


def test_an_object_can_go_over_a_built_in_name() -> None:
    with load({"class": "_index", "with": {"metric": "euclidean"}, "metas": {"name": "mine"}}) as index:
        assert (index.name, index.config().tag) == ("mine", "CompoundIndexer")
        assert index.config().value["with"] == {"metric": "euclidean"}


@pytest.mark.parametrize(
    "config",
    [
        {"class": "_index", "requests": {"search": ["KVSearchDriver"]}},
        "class: _index\nrequests: {search: [KVSearchDriver]}",
        "!_index {requests: {on: {search: [!KVSearchDriver {}]}}}",
    ],
    ids=str,
)
def test_drivers_can_go_over_those_of_a_built_in_name(config: Any) -> None:
    with load(config) as index:
        drivers = index.requests_on or {}
        assert [(kind, [driver.tag for driver in listed]) for kind, listed in drivers.items()] == [
            ("search", ["KVSearchDriver"])
        ]


def test_a_yaml_file_holds_an_object_or_a_tag(tmp_path: Path) -> None:
    (tmp_path / "object.yml").write_text("class: Sentencizer\nwith: {max_sent_len: 9}\n")
    (tmp_path / "tag.yml").write_text("!Sentencizer\nwith: {max_sent_len: 9}\n")
    found = [load(name, folder=tmp_path).config() for name in ("object.yml", "tag.yml")]
    assert found[0] == found[1]


def test_quotes_decide_in_yaml_and_not_in_an_object() -> None:
    quoted = yaml.load('!A {with: {size: "$SIZE", text: "a $SIZE"}}')
    assert to_object(quoted) is None
    plain = yaml.load("!A {with: {size: $SIZE, text: a $SIZE}}")
    made = to_object(plain)
    assert made == {"class": "A", "with": {"size": "$SIZE", "text": "a $SIZE"}}
    node, _ = from_object(unquoted(made), "")
    assert yaml.substitute(node, {"SIZE": "3"}) == yaml.substitute(plain, {"SIZE": "3"})


def driven(driver: Any) -> dict[str, Any]:
    return {"class": "Sentencizer", "requests": {"index": [driver]}}


@pytest.mark.parametrize(
    ("said", "path", "message"),
    [
        ({"class": "Nothing"}, "executor", "no class is named Nothing"),
        ({"class": "_nothing"}, "executor", 'no built-in is named "_nothing"'),
        ({"with": {}}, "executor", "an Executor is named by its class"),
        ({"class": "Sentencizer", "wiht": {}}, "executor.wiht", 'did you mean "with"?'),
        ({"class": "Sentencizer", "with": {"x": "$NOT_SET"}}, "executor.with.x", "NOT_SET is not set"),
        ({"class": "Sentencizer", "requests": {"on": {}}}, "executor.requests.on", "leave out `on` here"),
        (driven({"with": {}}), "executor.requests.index[0]", "is named by its class"),
        (
            driven({"class": "SegmentDriver", "top_k": 3}),
            "executor.requests.index[0].top_k",
            "arguments of a Driver go under `with`",
        ),
        ({"class": "CompoundExecutor", "components": [{"class": "A"}]}, "executor.components[0]", "no class is named"),
        (5, "uses", "should be text"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_object_is_reported_with_its_path(said: Any, path: str, message: str) -> None:
    with pytest.raises(ManifestError) as caught:
        load(said, env={})
    (problem,) = caught.value.problems
    assert problem.path == path
    assert message in problem.message
