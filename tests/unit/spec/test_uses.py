"""`uses` has one parser, and every form of it one meaning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine.spec.uses import BuiltIn, ClassName, File, Image, Text, Uses, parse_uses


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("_index", BuiltIn("_index")),
        (" _index\n", BuiltIn("_index")),
        ("_no_such_name", BuiltIn("_no_such_name")),
        ("_index.yml", File("_index.yml")),
        ("HashingTextEncoder", ClassName("HashingTextEncoder")),
        ("Mine2", ClassName("Mine2")),
        ("docker://registry.example.com/mine:1.2", Image("registry.example.com/mine:1.2")),
        ("docker://registry/x.yml", Image("registry/x.yml")),
        ("docker://", Image("")),
        ("!Mine {}", Text("!Mine {}")),
        ("\n  !Mine {}", Text("\n  !Mine {}")),
        ("# mine.yml", Text("# mine.yml")),
        ("---\n!Mine {}", Text("---\n!Mine {}")),
        ("{class: Mine}", Text("{class: Mine}")),
        ("class: Mine\nwith: {a: 1}", Text("class: Mine\nwith: {a: 1}")),
        ("mine.yml", File("mine.yml")),
        ("folder/mine.yaml", File("folder/mine.yaml")),
        ("/executor/mine.yml", File("/executor/mine.yml")),
        ("two words", File("two words")),
        ("", File("")),
    ],
)
def test_uses_means(text: str, means: Uses) -> None:
    assert parse_uses(text) == means


@given(st.text())
def test_every_text_means_something(text: str) -> None:
    assert isinstance(parse_uses(text), Uses)
