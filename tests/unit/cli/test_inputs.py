"""Which Documents the files and folders of a command line are."""

from __future__ import annotations

import operator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from peavine.cli.inputs import Documents, Reading
from peavine.documents import Document
from peavine.errors import InvalidRequest, NotFound


def _documents(*names: str | Path, **reading: object) -> list[Document]:
    found = list(Documents([str(name) for name in names], Reading(**reading)))  # type: ignore[arg-type]
    assert all(isinstance(item, Document) for item in found)
    return found  # type: ignore[return-value]


def test_a_folder_is_its_texts_pages_and_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "hidden.md").write_text("hidden")
    (tmp_path / "a.md").write_text("# A\n\npage")
    (tmp_path / "b.txt").write_text("two\nlines")
    (tmp_path / "c.html").write_text("<title>C</title><p>seen")
    (tmp_path / "d.csv").write_text("id,text\nrow,cell\n")
    (tmp_path / "e.bin").write_bytes(b"?")
    Image.new("RGB", (3, 2)).save(tmp_path / "deep" / "f.png")
    found = {Path(doc.id).name: doc.text for doc in _documents(tmp_path)}
    assert found == {
        "a.md": "# A\n\npage",
        "b.txt": "two\nlines",
        "c.html": "seen",
        "row": "cell",
    }
    told = capsys.readouterr().err
    assert f"left out {tmp_path / 'e.bin'}: its name does not show what it is" in told
    assert f"left out {tmp_path / 'deep' / 'f.png'}: a picture among texts" in told


def test_a_folder_of_pictures_is_its_pictures_in_the_size_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    Image.new("RGB", (3, 2)).save(tmp_path / "deep" / "a.png")
    Image.new("RGB", (9, 9)).save(tmp_path / "b.jpg")
    assert [np.asarray(doc.tensor).shape for doc in _documents(tmp_path, pixels=(4, 5))] == [(4, 5, 3)] * 2


def test_a_folder_without_documents_is_refused_and_a_form_takes_all_its_files(tmp_path: Path) -> None:
    (tmp_path / "notes.log").write_text("words")
    with pytest.raises(NotFound, match="has no texts, web pages, pictures or tables; specify with --form"):
        Documents([str(tmp_path)], Reading())
    assert [doc.text for doc in _documents(tmp_path, form="text")] == ["words"]


def test_a_list_that_is_named_is_its_lines(tmp_path: Path) -> None:
    (tmp_path / "titles.txt").write_text("one\ntwo\n")
    assert [doc.text for doc in _documents(tmp_path / "titles.txt")] == ["one", "two"]
    assert [doc.text for doc in _documents(f"{tmp_path}/*.txt", form="text")] == ["one\ntwo\n"]


def test_columns_and_keys_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sku,title,price\n7,hat,9.5\n")
    (tmp_path / "b.tsv").write_text("sku\ttitle\tprice\n8\tscarf\t3\n")
    (tmp_path / "c.jsonl").write_text('{"sku": 9, "title": "glove", "price": 2}\n')
    found = _documents(tmp_path, text="title", id="sku")
    assert [(doc.id, doc.text, doc.tags) for doc in found] == [
        ("7", "hat", {"price": 9.5}),
        ("8", "scarf", {"price": 3}),
        ("9", "glove", {"price": 2}),
    ]


def test_a_column_that_is_missing_is_named_with_the_option_that_names_another(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sku,title\n7,hat\n")
    with pytest.raises(InvalidRequest, match=r'no column "text".*it has: sku, title;.*--text COLUMN'):
        _documents(tmp_path / "a.csv")


def test_how_many_documents_are_left_is_estimated_from_the_bytes(tmp_path: Path) -> None:
    line = '{"text": "%05d"}\n'
    (tmp_path / "a.jsonl").write_text("".join(line % number for number in range(40_000)))
    (tmp_path / "b.jsonl").write_text("".join(line % number for number in range(40_000)))
    documents = Documents([str(tmp_path)], Reading())
    for _ in range(20_000):
        next(documents)
    assert 50_000 < operator.length_hint(documents) < 62_000
    assert len(list(documents)) == 60_000
    assert operator.length_hint(documents) == 0


def test_no_more_documents_are_expected_than_are_taken(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n' * 10_000)
    documents = Documents([str(tmp_path / "a.jsonl")], Reading(size=10))
    next(documents)
    assert operator.length_hint(documents) == 9
