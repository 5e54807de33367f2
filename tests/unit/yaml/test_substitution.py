import time

import pytest

from peavine.errors import ManifestError
from peavine.yaml import Tagged, load, substitute

ENV = {"SIZE": "64", "NAME": "x y", "EMPTY": "", "LIST": "[1, 2]", "SECRET": "${HOME}"}


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("a: $SIZE", 64),
        ("a: ${SIZE}", 64),
        ("a: ${{ ENV.SIZE }}", 64),
        ('a: "${SIZE}"', "64"),
        ("a: ${SIZE}px", "64px"),
        ("a: ${NAME}-$NAME", "x y-x y"),
        ("a: $EMPTY", None),
        ("a: '$EMPTY'", ""),
        ("a: $LIST", "[1, 2]"),
        ("a: $SECRET", "${HOME}"),
        ("a: $$SIZE costs 5$ or $5", "$SIZE costs 5$ or $5"),
        ("{a: '${{ this.b }}', b: 5}", 5),
        ("{a: '${{this.b}}!', b: true}", "true!"),
        ("{a: '${{ root.c.d.1 }}', c: {d: [1, 2.5]}}", 2.5),
        ("{a: '${{ root.c.with.x }}', c: !Encoder {with: {x: '${{ this.y }}', y: null}}}", None),
    ],
)
def test_a_reference_becomes_what_it_names(text: str, data: object) -> None:
    replaced = substitute(load(text), ENV)["a"]
    assert replaced == data
    assert type(replaced) is type(data) or isinstance(data, str)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: $SIZ", 'a: `$SIZ`: the environment variable SIZ is not set; did you mean "SIZE"?'),
        ("a: [1, '${MISSING}']", "a[1]: `${MISSING}`: the environment variable MISSING is not set"),
        ("{a: '${{ this.bb }}', b: 1}", 'a: `${{ this.bb }}`: there is no "bb"'),
        ("{a: '${{ root.b.c }}', b: 1}", 'there is no "c"'),
        ("{a: '${{ root.b.7 }}', b: [1]}", 'there is no "7"'),
        ("{a: '${{ root.b }}', b: {c: 1}}", "is not a scalar"),
        ("a: ${{ root.__class__ }}", 'there is no "__class__"'),
        ("a: ${{ root.a.__class__.__mro__ }}", 'there is no "__class__"'),
        ("a: ${{ this.__init__ }}", 'there is no "__init__"'),
        ("a: '${{ 1 + 1 }}'", "is none of ENV.NAME"),
        ("a: ${{ SIZE }}", "write `${{ ENV.SIZE }}`"),
        ("a: '${open(1)}'", "is not the name of an environment variable"),
        ("a: ${{ this.a }}", "refers to itself"),
        ("{a: '${{ this.b }}', b: '${{ root.a }}'}", "refers to itself"),
    ],
)
def test_a_reference_to_nothing_is_an_error_with_its_path(text: str, said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        substitute(load(text), ENV)
    assert said in str(caught.value)


def test_all_references_to_nothing_are_told_at_once() -> None:
    with pytest.raises(ManifestError) as caught:
        substitute({"a": "$X", "b": Tagged("C", {"d": ["$Y"]})}, {})
    assert [problem.path for problem in caught.value.problems] == ["a", "b.d[0]"]


@pytest.mark.parametrize("seed", ["", "x"])
def test_references_that_double_cannot_fill_memory_or_time(seed: str) -> None:
    data = {"a0": seed} | {f"a{i}": f"${{{{ root.a{i - 1} }}}}" * 2 for i in range(1, 60)}
    with pytest.raises(ManifestError, match="longer than 1,000,000"):
        substitute(data, {})


def test_an_unfinished_reference_takes_no_longer_than_its_length() -> None:
    begin = time.process_time()
    text = "${{" + " " * 300_000
    assert substitute({"a": text}, {}) == {"a": text}
    assert time.process_time() - begin < 5  # a square of its length would take minutes


def test_a_chain_of_references_has_a_bound() -> None:
    data = {"a0": 1} | {f"a{i}": f"${{{{ root.a{i - 1} }}}}" for i in range(1, 1000)}
    with pytest.raises(ManifestError, match="more than 64 references"):
        substitute(data, {})


def test_keys_are_left_as_they_are() -> None:
    assert substitute({"$SIZE": 1}, ENV) == {"$SIZE": 1}
