"""Texts become the terms that people expect, in any script."""

from __future__ import annotations

import pytest

from peavine.errors import ManifestError
from peavine.executors.keywords.analysis import GAP, LANGUAGES, Analysis


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("The quick brown-fox, 42!", ["the", "quick", "brown", "fox", "42"]),
        ("Don't pay $1,000.50 at example.com.", ["don't", "pay", "1,000.50", "at", "example.com"]),
        ("don\u2019t", ["don't"]),
        ("Crème BRÛLÉE Ærø Łódź", ["creme", "brulee", "aero", "lodz"]),
        ("cre\u0300me", ["creme"]),
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("\uff26\uff35\uff2c\uff2c \uff57\uff49\uff44\uff54\uff48", ["full", "width"]),
        ("東京タワーへ", ["東", "京", "タワー", "へ"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("한국어 검색", ["한국어", "검색"]),
        ("ёлка Й", ["елка", "и"]),
        ("", []),
        (" \n\t--- ", []),
    ],
)
def test_words_are_cut_and_folded(text: str, terms: list[str]) -> None:
    assert Analysis().terms(text) == terms


@pytest.mark.parametrize(
    ("language", "text", "terms"),
    [
        ("english", "The runner was running", [GAP, "runner", GAP, "run"]),
        ("german", "Die Häuser und das Haus", [GAP, "haus", GAP, GAP, "haus"]),
        ("french", "Les chevaux continuaient", [GAP, "cheval", "continu"]),
        ("russian", "красивый красивая", ["красив", "красив"]),
    ],
)
def test_a_language_has_stems_and_stop_words(language: str, text: str, terms: list[str]) -> None:
    assert Analysis(language).terms(text) == terms


def test_stop_words_can_be_replaced() -> None:
    assert Analysis("english", ["Foxes"]).terms("the foxes") == ["the", GAP]
    assert Analysis("none", ["É"]).terms("e A") == [GAP, "a"]


def test_an_unknown_language_is_refused_with_the_nearest() -> None:
    with pytest.raises(ManifestError, match='did you mean "english"'):
        Analysis("englsh")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_can_be_used(language: str) -> None:
    assert len(Analysis(language).terms("x1 東")) == 2


def test_spans_are_where_the_words_stand() -> None:
    text = "Ein Café, bitte"
    assert [text[begin:end] for begin, end, _ in Analysis().spans(text)] == ["Ein", "Café", "bitte"]


def test_only_the_beginning_of_a_very_long_word_counts() -> None:
    assert Analysis().terms("a" * 100_000) == ["a" * 255]
