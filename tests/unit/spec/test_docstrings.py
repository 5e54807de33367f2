"""The schema of a manifest describes its fields in the words of their docstrings."""

from __future__ import annotations

from peavine.spec.model import Model


class Kept(Model):
    """What is kept."""

    first_name: str = ""
    """The name
    that comes first."""
    other: int = 0


class More(Kept):
    """What is kept, and more."""

    other: int = 1
    """Now it is described."""


def test_a_field_is_described_by_the_docstring_under_it() -> None:
    properties = Kept.model_json_schema()["properties"]
    assert properties["firstName"]["description"] == "The name\nthat comes first."
    assert "description" not in properties["other"]


def test_a_class_describes_the_fields_of_its_base_and_may_describe_them_anew() -> None:
    properties = More.model_json_schema()["properties"]
    assert properties["firstName"]["description"] == "The name\nthat comes first."
    assert properties["other"]["description"] == "Now it is described."
