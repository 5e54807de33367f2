"""What a notebook shows of Documents."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from peavine import Document, Flow, Score
from peavine.documents.outline import MOST_ROWS


class Table(HTMLParser):
    """The cells of the tables of a page, and its pictures."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.pictures: list[str] = []
        self.elements: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "img":
            self.pictures.append(dict(attrs)["src"] or "")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def test_matches_are_a_table_that_says_what_their_numbers_mean() -> None:
    query = Document(id="q", text="red shoes")
    query.matches.append(Document(id="a", text="shoes", tags={"price": 20.0}, score=Score(0.25, ascending=True)))
    query.matches.append(Document(id="b", text="hat", score=Score(0.5, ascending=True)))
    table = Table(query._repr_html_())
    assert table.rows == [
        ["#", "distance", "id", "content", "tags"],
        ["1", "0.25", "a", "shoes", "price: 20"],
        ["2", "0.5", "b", "hat", ""],
    ]
    assert Table(query.matches._repr_html_()).rows == table.rows
    query.matches[:] = [Document(id="c", score=Score(0.5))]
    assert Table(query._repr_html_()).rows[0] == ["#", "similarity", "id", "content"]


@pytest.mark.parametrize("where", ["id", "text", "uri", "tags"])
def test_what_a_document_holds_never_becomes_part_of_the_page(where: str) -> None:
    evil = "<script>alert(1)</script>"
    doc = Document(tags={evil: evil}) if where == "tags" else Document(**{where: evil})  # type: ignore[arg-type]
    root = Document(id="r", matches=[doc])
    for page in (root._repr_html_(), root.matches._repr_html_(), doc._repr_html_()):
        assert Table(page).elements <= {"div", "b", "table", "tr", "td", "th"}


def test_pictures_are_shown() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    root = Document(id="r", tensor=pixels)
    root.chunks.append(Document(id="c", buffer=b"GIF89a", mime_type="image/gif"))
    root.chunks.append(Document(id="u", uri="data:image/png;base64,AAAA"))
    root.chunks.append(Document(id="t", tensor=np.zeros((3, 4), np.float32)))
    first, second, third = Table(root._repr_html_()).pictures
    assert base64.b64decode(first.partition(",")[2]).startswith(b"\x89PNG")
    assert second == f"data:image/gif;base64,{base64.b64encode(b'GIF89a').decode()}"
    assert third == "data:image/png;base64,AAAA"


def test_long_lists_and_texts_are_cut() -> None:
    root = Document(id="r", chunks=[Document(id=f"{n}", text="x" * 10_000) for n in range(1000)])
    page = root._repr_html_()
    assert len(page) < 10_000
    assert page.count("<tr>") == MOST_ROWS + 1
    assert "and 980 more" in page
    assert Document()._repr_html_()
    assert Document().matches._repr_html_() == ""


def test_a_flow_is_a_picture_of_its_graph() -> None:
    page = Flow("notes").add("encode", uses="HashingTextEncoder").add("index", uses="_index")._repr_html_()
    assert re.search(r"<svg .*encode.*index.*</svg>", page, re.DOTALL)
    assert "notes</b>, not running" in page
