"""What is typed into a search box is understood, and never an error unless it is too much."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine.errors import InvalidRequest
from peavine.executors.keywords.analysis import Analysis
from peavine.executors.keywords.query import MAX_CLAUSES, MAX_PATTERNS, Clause, Phrase, Prefix, Similar, Word, parse


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("Red shoes", {Word("red"): 1, Word("shoes"): 1}),
        ("red red RED", {Word("red"): 3}),
        ('"red shoes" fast', {Phrase(("red", "shoes")): 1, Word("fast"): 1}),
        ('"red"', {Word("red"): 1}),
        ("sho*", {Prefix("sho"): 1}),
        ("light-wei*", {Word("light"): 1, Prefix("wei"): 1}),
        ("shoos~1 shose~2", {Similar("shoos", 1): 1, Similar("shose", 2): 1}),
        ("at~ shoe~ running~", {Word("at"): 1, Similar("shoe", 1): 1, Similar("running", 2): 1}),
        ("shoe~0", {Word("shoe"): 1}),
        ('* ~ "" "  ~1', {Word("1"): 1}),
        ('say "hello', {Word("say"): 1, Word("hello"): 1}),
        ("what? (is) C++", {Word("what"): 1, Word("is"): 1, Word("c"): 1}),
        ("", {}),
    ],
)
def test_clauses(text: str, clauses: dict[Clause, int]) -> None:
    assert parse(text, Analysis()) == clauses


def test_stop_words_leave_a_gap_inside_a_phrase_only() -> None:
    assert parse('the "state of the art"', Analysis("english")) == {Phrase(("state", "", "", "art")): 1}
    assert parse('"the art of"', Analysis("english")) == {Word("art"): 1}
    assert parse("the~ the*", Analysis("english")) == {Prefix("the"): 1}


@given(st.text(alphabet='ab *~"12-\u00e9', max_size=60))
def test_any_text_is_a_query(text: str) -> None:
    parse(text, Analysis())


def test_too_many_clauses_are_refused() -> None:
    parse(" ".join(f"w{n}" for n in range(MAX_CLAUSES)), Analysis())
    with pytest.raises(InvalidRequest, match="1,025 different words"):
        parse(" ".join(f"w{n}" for n in range(MAX_CLAUSES + 1)), Analysis())
    with pytest.raises(InvalidRequest, match="the limits are 1,024 and 16"):
        parse(" ".join(f"w{n}*" for n in range(MAX_PATTERNS + 1)), Analysis())
