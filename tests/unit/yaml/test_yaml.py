import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine.errors import ManifestError
from peavine.yaml import Tagged, dump, escape, load, substitute

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
texts = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    [
        "on",
        "no",
        "007",
        "1.0",
        "1e3",
        "<<",
        "~",
        "",
        "null",
        "- a",
        "a: b",
        "#",
        "2020-01-01",
        "\x85",
        "a\rb",
        "\u2028\n",
        "12:30",
        "$A",
        "${{ this.x }}",
        "a\n b\n",
        "\n",
    ]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
keys = texts | st.lists(texts, max_size=3).map(tuple)
plain = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(keys, inner, max_size=4)
        | st.builds(Tagged, names, inner.filter(lambda value: not isinstance(value, Tagged)))
    ),
    max_leaves=12,
)


@given(plain)
def test_what_is_dumped_loads_as_it_was(data: object) -> None:
    assert load(dump(data)) == data


def test_quotes_around_a_reference_stay() -> None:
    written = load('{number: $SIZE, text: "$SIZE"}')
    assert substitute(load(dump(written)), {"SIZE": "3"}) == {"number": 3, "text": "3"}


@given(plain)
def test_escaped_data_passes_substitution_as_it_was(data: object) -> None:
    assert substitute(load(dump(escape(data))), {}) == data


@given(st.text(max_size=200))
def test_any_text_loads_or_is_refused_with_a_problem(text: str) -> None:
    with suppress(ManifestError):
        assert repr(load(text)) == repr(load(text))


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("on: 1\nyes: 2\noff: 3\n~: 4", {"on": 1, "yes": 2, "off": 3, "~": 4}),
        ("[{a: on, b: no, c: true}]", [{"a": True, "b": False, "c": True}]),
        ("{[SearchRequest, IndexRequest]: []}", {("SearchRequest", "IndexRequest"): []}),
        ("""['007', "1.0", "[x, y]", ""]""", ["007", "1.0", "[x, y]", ""]),
        ("[010, 0x10, 0o10, 1e-3, 1_000, 12:30, 2020-01-01]", [10, 16, 8, 0.001, "1_000", "12:30", "2020-01-01"]),
        ("[.inf, -.inf, +1, -2, 1., .5]", [math.inf, -math.inf, 1, -2, 1.0, 0.5]),
        ("{a: [!A, !B], b: !C}", {"a": [Tagged("A"), Tagged("B")], "b": Tagged("C")}),
        ("!Encoder {with: {a: 1}}", Tagged("Encoder", {"with": {"a": 1}})),
        (
            "- !Driver\n- !Driver {}\n- !Name x\n- !Name 5\n- !Name '5'",
            [Tagged("Driver"), Tagged("Driver", {}), Tagged("Name", "x"), Tagged("Name", 5), Tagged("Name", "5")],
        ),
        ("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}", {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}}),
        (
            "a: &a {x: 1}\nb: &b {x: 2, z: 2}\nc: {<<: [*a, *b]}",
            {"a": {"x": 1}, "b": {"x": 2, "z": 2}, "c": {"x": 1, "z": 2}},
        ),
        ("a: &a [1]\nb: *a", {"a": [1], "b": [1]}),
        ("!!str 5", "5"),
        ("", None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_text_becomes_plain_data(text: str, data: object) -> None:
    assert load(text) == data


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("!!python/object/apply:os.system ['touch /tmp/x']", "!!python/object/apply:os.system"),
        ("a: !!python/name:os.system", "a: line 1: the tag"),
        ("a: !!binary aGVsbG8=", "!!binary"),
        ("!<tag:yaml.org,2002:python/none> {}", "!!python/none"),
        ("a: !a/../b {}", "not a class name"),
        ("a: !!int x", "a: line 1: invalid literal"),
        ("a: 1\nb: 2\na: 3", "a: line 3: is given twice"),
        ("a: *b", "line 1, column 4: found undefined alias 'b'"),
        ("a: &a [*a]", "*a stands within its own anchor"),
        ("{a: b", "line 1, column 6"),
        ("a: 1\n---\nb: 2", "found another document"),
        ("? {a: b}\n: c", "a key is a scalar"),
        ("a: {<<: 5}", "`<<` takes a mapping"),
        ("[" * 65 + "]" * 65, "nested deeper than 64"),
        ("x" * (2 * 1024 * 1024 + 1), "larger than 2 MiB"),
        ("a: \x00", "is not YAML"),
        ("9" * 5000, "a number of 5,000 characters; at most 1,000"),
        ("0x" + "f" * 5000, "a number of 5,002 characters"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_text_is_refused_and_said_why(text: str, said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        load(text)
    assert said in str(caught.value)


def test_all_problems_of_a_text_are_told_at_once() -> None:
    with pytest.raises(ManifestError) as caught:
        load("a: 1\na: 2\nb: !!set {x}\nc: [!!python/tuple [1]]", "pods.yml")
    assert [problem.path for problem in caught.value.problems] == ["a", "b", "c[0]"]
    assert "pods.yml: c[0]: line 4" in str(caught.value)


def test_aliases_of_aliases_cannot_fill_the_memory() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10))
    with pytest.raises(ManifestError, match="more than 200000 nodes"):
        load(bomb)


def test_aliases_cannot_nest_deeper_than_text_can() -> None:
    text = "a0: &a0 " + "[" * 40 + "]" * 40 + "\na1: " + "[" * 40 + "*a0" + "]" * 40
    with pytest.raises(ManifestError, match="nested deeper"):
        load(text)


def test_what_is_no_plain_data_is_not_dumped() -> None:
    with pytest.raises(TypeError, match="set is not plain data"):
        dump({"a": {1, 2}})
