"""What `peavine search` shows of Documents."""

from __future__ import annotations

import pytest

from peavine import Document, Score
from peavine.cli.search import show


@pytest.mark.parametrize(
    ("match", "shown"),
    [
        (Document(id="a", text="red  \n shoes"), "red shoes"),
        (Document(id="a", text="see [/docs] [red]x"), "see [/docs] [red]x"),
        (Document(id="a", uri="file:///red.png"), "file:///red.png"),
        (Document(id="a", tags={"colour": "red"}), "colour: red"),
        (Document(id="a", chunks=[Document(text="a part of it")]), "a part of it"),
        (
            Document(
                id="a",
                text="all of it",
                chunks=[Document(text="worse", score=Score(1)), Document(text="best", score=Score(2))],
            ),
            "best",
        ),
        (Document(id="a", text="hat", tags={"price": 9.0, "size": "M"}), "price: 9, size: M"),
        (Document(id="a", text="hat", tags={"a": "[red]x"}), "a: [red]x"),
        (Document(id="only-this"), "only-this"),
    ],
    ids=[
        "a text",
        "brackets",
        "an address",
        "tags",
        "a part of it",
        "the best part",
        "also tags",
        "brackets in tags",
        "an id",
    ],
)
def test_a_match_is_shown_by_what_it_is(match: Document, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    show([Document(text="shoes", matches=[match])])
    assert shown in capsys.readouterr().out


@pytest.mark.parametrize(
    ("directions", "title"),
    [((True, True), "distance"), ((False,), "similarity"), ((True, False), "score"), ((), "score")],
    ids=["smaller is better", "larger is better", "both", "no numbers"],
)
def test_the_number_says_whether_it_is_a_distance(
    directions: tuple[bool, ...], title: str, capsys: pytest.CaptureFixture[str]
) -> None:
    scored = [Document(id="a", score=Score(0.5, ascending=ascending)) for ascending in directions]
    show([Document(text="shoes", matches=scored or [Document(id="a")])])
    assert {"distance", "similarity", "score"} & set(capsys.readouterr().out.split()) == {title}
