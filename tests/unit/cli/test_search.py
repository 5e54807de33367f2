"""What `peavine search` shows of Documents."""

from __future__ import annotations

import pytest

from peavine import Document
from peavine.cli.search import show


@pytest.mark.parametrize(
    ("match", "shown"),
    [
        (Document(id="a", text="red  \n shoes"), "red shoes"),
        (Document(id="a", text="see [/docs] [red]x"), "see [/docs] [red]x"),
        (Document(id="a", uri="file:///red.png"), "file:///red.png"),
        (Document(id="a", tags={"colour": "red"}), "colour: red"),
        (Document(id="a", chunks=[Document(text="a part of it")]), "a part of it"),
        (Document(id="only-this"), "only-this"),
    ],
    ids=["a text", "brackets", "an address", "tags", "the part that was found", "an id"],
)
def test_a_match_is_shown_by_what_it_is(match: Document, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    show([Document(text="shoes", matches=[match])])
    assert shown in capsys.readouterr().out
