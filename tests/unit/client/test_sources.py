import io
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from peavine.client import sources
from peavine.documents import Document
from peavine.errors import InvalidRequest, NotFound
from peavine.wire import batch_to_bytes


def test_files_give_their_bytes_their_path_and_their_type(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.png").write_bytes(b"\x89PNG")
    (tmp_path / "two.txt").write_text("zwei", encoding="utf-8")
    docs = list(sources.files(str(tmp_path / "**" / "*.*")))
    assert [(doc.buffer, doc.uri, doc.mime_type) for doc in docs] == [
        (b"\x89PNG", str(tmp_path / "a" / "one.png"), "image/png"),
        (b"zwei", str(tmp_path / "two.txt"), "text/plain"),
    ]


def test_a_file_that_two_patterns_match_is_given_once(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("x", encoding="utf-8")
    assert len(list(sources.files([f"{tmp_path}/*.txt", f"{tmp_path}/one.*", tmp_path / "one.txt"], text=True))) == 1


def test_a_pattern_that_matches_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no file matches"):
        list(sources.files(str(tmp_path / "*.jpg")))
    with pytest.raises(NotFound, match=f'it is a folder: "{tmp_path}/\\*" are its files'):
        list(sources.files(tmp_path))


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "one.bin").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidRequest, match=r"one\.bin: is not UTF-8"):
        list(sources.files(tmp_path / "one.bin", text=True))


def test_lines_leave_out_blank_ones_and_line_ends() -> None:
    assert [doc.text for doc in sources.lines(["a\n", "\n", "  \r\n", "b\r\n", "c"])] == ["a", "b", "c"]


def test_json_lines_give_documents_and_pairs(tmp_path: Path) -> None:
    path = tmp_path / "docs.jsonl"
    pair = '{"document": {"id": "b", "text": "x"}, "groundtruth": {"id": "b", "text": "y"}}'
    path.write_text('{"id": "a", "tags": {"n": 1}}\n\n' + pair + "\n", encoding="utf-8")
    first, second = sources.jsonl(path)
    assert isinstance(first, Document)
    assert (first.id, first.tags) == ("a", {"n": 1})
    assert second == (Document(id="b", text="x"), Document(id="b", text="y"))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"id": "a"', ":2: is not JSON"),
        ("[1]", ":2: should be a JSON object (given: [1])"),
        ('{"id": ""}', ":2: "),
        ('{"txet": "a"}', "text"),
    ],
)
def test_a_wrong_json_line_is_named_by_file_and_line(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "docs.jsonl"
    path.write_text('{"id": "a"}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(InvalidRequest) as refused:
        list(sources.jsonl(path))
    assert str(refused.value).startswith(f"{path}:2: ")
    assert says in str(refused.value)


def test_csv_rows_give_text_id_and_tags(tmp_path: Path) -> None:
    path = tmp_path / "docs.csv"
    path.write_text('id,title,colour\n1,"shoes, red",red\n2,hat,blue\n', encoding="utf-8")
    docs = list(sources.csv(path, text="title"))
    assert [(doc.id, doc.text, doc.tags) for doc in docs] == [
        ("1", "shoes, red", {"colour": "red"}),
        ("2", "hat", {"colour": "blue"}),
    ]


def test_csv_cells_keep_their_types_and_codes_stay_text() -> None:
    row = "1,59.9,-3,true,007,12E4,4006381333931,1234567890123456,,-,nan\n"
    (doc,) = sources.csv(["text,a,b,c,d,e,f,g,h,i,j\n", row])
    assert doc.text == "1"
    assert doc.tags == {
        "a": 59.9, "b": -3, "c": True, "d": "007", "e": "12E4", "f": 4006381333931, "g": "1234567890123456", "i": "-",
        "j": "nan",
    }  # fmt: skip


def test_a_row_without_an_id_has_the_same_id_each_time() -> None:
    rows = ["title,price\n", "shoes,1\n", "shoes,2\n"]
    first, again = ([doc.id for doc in sources.csv(rows, text="title")] for _ in range(2))
    assert first == again
    assert len(set(first)) == 2
    assert [doc.id for doc in sources.lines(["a"])] == [doc.id for doc in sources.lines(["a"])]
    for line in ('{"text": "a"}', '{"document": {"text": "a"}, "groundtruth": {"text": "b"}}'):
        assert next(sources.jsonl([line])) == next(sources.jsonl([line]))


def test_json_lines_of_ones_own_become_text_id_and_tags() -> None:
    line = '{"sku": 7, "title": "hat", "price": 9.5, "sizes": [1, 2]}'
    (doc,) = sources.jsonl([line], text="title", id="sku")
    assert isinstance(doc, Document)
    assert (doc.id, doc.text, doc.tags) == ("7", "hat", {"price": 9.5, "sizes": [1, 2]})


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"titel": "hat"}', 'line:1: no key "title"; did you mean "titel"?; it has: titel'),
        ('{"title": 3}', "line:1: title: should be text (given: 3)"),
        ('{"title": "hat", "id": [1]}', "line:1: id: should be text or a whole number (given: [1])"),
    ],
)
def test_a_record_that_cannot_be_a_document_is_named(line: str, says: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        list(sources.jsonl([line], text="title"))
    assert str(refused.value).startswith(says)


def test_a_web_page_is_what_its_reader_sees(tmp_path: Path) -> None:
    page = """<!doctype html><html><head><title>Red &amp;
        blue</title><style>p {}</style><script>if (a < b) {}</script></head><body>
        <h1>Shoes</h1><p>Warm <b>boots</b>,<br>made of&nbsp;felt.</p><ul><li>one<li>two</ul><svg><text>no</text></svg>
        <table><tr><td>38</td><td>red</td></tr></table></body></html>"""
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    (doc,) = sources.html(tmp_path / "page.html")
    assert doc.text == "Shoes\n\nWarm boots, made of felt.\n\none\n\ntwo\n\n38 red"
    assert (doc.tags, doc.mime_type, doc.id) == ({"title": "Red & blue"}, "text/html", str(tmp_path / "page.html"))


def test_a_web_page_may_leave_out_the_end_of_its_head_and_its_body(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<html><head><title>Hats</title><style>p {}</style><p>A straw hat.")
    (doc,) = sources.html(tmp_path / "page.html")
    assert (doc.text, doc.tags) == ("A straw hat.", {"title": "Hats"})


@pytest.mark.parametrize(
    "declaration",
    ['<meta charset="windows-1252">', "<meta charset=nonsense>", "<meta charset=hex>", "<meta charset=undefined>", ""],
)
def test_a_web_page_is_read_in_the_encoding_that_it_declares(tmp_path: Path, declaration: str) -> None:
    encoding = "windows-1252" if "1252" in declaration else "utf-8"
    (tmp_path / "page.htm").write_bytes(f"{declaration}<p>caf\u00e9".encode(encoding))
    (doc,) = sources.html(str(tmp_path / "*.htm"))
    assert doc.text == "caf\u00e9"


def test_a_web_page_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_bytes(b"<p>\xff\xfe")
    with pytest.raises(InvalidRequest, match=r"page\.html: is not utf-8 text"):
        list(sources.html(tmp_path / "page.html"))


def test_pictures_of_any_size_become_arrays_of_one_shape(tmp_path: Path) -> None:
    Image.new("RGB", (40, 20), (255, 0, 0)).save(tmp_path / "red.png")
    Image.new("L", (5, 9), 128).save(tmp_path / "grey.jpg")
    grey, red = sources.images(f"{tmp_path}/*.*", shape=(8, 16))
    for doc, colour in ((grey, [128, 128, 128]), (red, [255, 0, 0])):
        pixels = np.asarray(doc.tensor)
        assert (pixels.shape, pixels.dtype.name) == ((8, 16, 3), "uint8")
        assert np.abs(pixels.astype(int) - colour).max() <= 1
    assert (red.id, red.mime_type) == (str(tmp_path / "red.png"), "image/png")


def test_without_pillow_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    (tmp_path / "red.png").write_bytes(b"red")
    with pytest.raises(InvalidRequest, match="pip install pillow"):
        list(sources.images(tmp_path / "red.png"))


def test_what_is_not_a_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "red.png").write_bytes(b"red")
    with pytest.raises(InvalidRequest, match=r"red\.png: is not a picture that can be read"):
        list(sources.images(tmp_path / "red.png"))


def test_a_csv_without_the_column_is_told_which_it_has() -> None:
    with pytest.raises(InvalidRequest, match='no column "titel"; did you mean "title"'):
        list(sources.csv(io.StringIO("id,title\n1,x\n"), text="titel"))


@pytest.mark.parametrize("row", ["1", "1,x,y"])
def test_a_csv_row_of_another_length_is_named(row: str) -> None:
    with pytest.raises(InvalidRequest, match="csv:2: should have 2 columns"):
        list(sources.csv(["id,text\n", row + "\n"]))


@pytest.mark.parametrize(
    ("read", "content", "says"),
    [
        (sources.lines, b"fine\n\xff\n", "is not UTF-8 text"),
        (sources.jsonl, b"\xff\n", "is not UTF-8 text"),
        (sources.csv, b"text\n\xff\n", "is not UTF-8 text"),
        (sources.csv, b'text\n"open\n', ":2: is not CSV: .* is a quotation mark missing"),
        (sources.jsonl, b"[" * 100_000, ":1: is nested too deep"),
    ],
    ids=["lines", "JSON lines", "CSV", "a quote that does not end", "deep JSON"],
)
def test_a_file_that_is_not_what_it_should_be_is_named(
    tmp_path: Path, read: Callable[[Path], Iterator[object]], content: bytes, says: str
) -> None:
    (tmp_path / "docs").write_bytes(content)
    with pytest.raises(InvalidRequest, match=says) as caught:
        list(read(tmp_path / "docs"))
    assert str(tmp_path / "docs") in str(caught.value)


def test_arrays_give_slices_along_their_axis() -> None:
    array = np.arange(12).reshape(3, 4)
    columns = [np.asarray(doc.tensor) for doc in sources.arrays(array, axis=1)]
    assert len(columns) == 4
    assert np.array_equal(columns[2], array[:, 2])


def test_shuffled_arrays_give_each_slice_once() -> None:
    given = [
        int(np.asarray(doc.tensor)[0]) for doc in sources.arrays(np.arange(50).reshape(50, 1), shuffle=True, seed=1)
    ]
    assert given != sorted(given)
    assert sorted(given) == list(range(50))


def test_size_is_the_number_of_documents_and_nothing_more_is_read() -> None:
    read = []

    def endless() -> Iterator[str]:
        while True:
            read.append(1)
            yield f"line {len(read)}\n"

    assert len(list(sources.lines(endless(), size=7))) == 7
    assert len(read) == 7


def test_a_sample_is_about_its_rate_and_the_same_for_a_seed() -> None:
    many = [f"line {number}" for number in range(2000)]
    sample = [doc.text for doc in sources.lines(many, sampling_rate=0.25, seed=3)]
    assert 400 < len(sample) < 600
    assert sample == [doc.text for doc in sources.lines(many, sampling_rate=0.25, seed=3)]


@pytest.mark.parametrize(("size", "rate"), [(-1, None), (None, 1.5), (None, -0.1)])
def test_a_size_or_rate_that_makes_no_sense_is_refused(size: int | None, rate: float | None) -> None:
    with pytest.raises(InvalidRequest):
        list(sources.lines(["a"], size=size, sampling_rate=rate))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for source in (sources.lines, sources.jsonl, sources.csv):
        with pytest.raises(NotFound, match=r"nothing\.txt"):
            list(source(tmp_path / "nothing.txt"))


def test_a_file_has_the_same_id_each_time_and_however_long_its_path_is(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["x" * 100] * 3)
    deep.mkdir(parents=True)
    for path in (tmp_path / "a.txt", deep / "b.txt"):
        path.write_text("a")
    first, again = ([doc.id for doc in sources.files(str(tmp_path / "**" / "*.txt"))] for _ in range(2))
    assert first == again
    assert sorted(len(id) <= 256 for id in first) == [True, True]
    assert str(tmp_path / "a.txt") in first


def test_a_name_that_exists_is_that_file_whatever_is_in_it(tmp_path: Path) -> None:
    for name in ("cat[1].png", "cat1.png", "what?.bin", "whats.bin", "a*.txt", "ab.txt"):
        (tmp_path / name).write_text(name)
    for name in ("cat[1].png", "what?.bin", "a*.txt"):
        for named in (str(tmp_path / name), tmp_path / name, [tmp_path / name]):
            assert [doc.buffer for doc in sources.files(named)] == [name.encode()]
    assert {doc.buffer for doc in sources.files(f"{tmp_path}/cat[12].png")} == {b"cat1.png"}


def test_a_folder_that_exists_is_that_folder_and_what_follows_is_a_pattern(tmp_path: Path) -> None:
    for folder in ("set [2]", "set 2"):
        (tmp_path / folder / "deep").mkdir(parents=True)
        (tmp_path / folder / "a.png").write_text(folder)
        (tmp_path / folder / "deep" / "b.png").write_text(folder)
    for pattern, count in (("*.png", 1), ("**/*.png", 2), ("de*/b.png", 1)):
        found = [doc.buffer for doc in sources.files(f"{tmp_path}/set [2]/{pattern}")]
        assert found == [b"set [2]"] * count


def test_a_path_is_never_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "cat1.png").write_text("another file")
    with pytest.raises(NotFound, match="no file matches"):
        list(sources.files(tmp_path / "cat[1].png"))


def test_a_file_whose_name_is_not_unicode_has_an_id_and_leaves_the_others_alone(tmp_path: Path) -> None:
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt")
    Path(odd).write_text("odd")
    (tmp_path / "fine.txt").write_text("fine")
    first, again = ({doc.id: doc for doc in sources.files(f"{tmp_path}/*.txt", text=True)} for _ in range(2))
    assert first == again
    assert {doc.text for doc in first.values()} == {"odd", "fine"}
    assert f"{tmp_path}/caf\\xe9.txt" in {doc.uri for doc in first.values()}
    assert batch_to_bytes(first.values())
    with pytest.raises(NotFound, match=r"nothing\\xe9"):
        list(sources.lines(odd.replace("caf", "nothing")))


MARK = b"\xef\xbb\xbf"


def test_the_mark_that_windows_puts_before_a_text_is_not_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "docs"
    path.write_bytes(MARK + b"id,text\n1,a\n")
    assert [(doc.id, doc.text, doc.tags) for doc in sources.csv(path)] == [("1", "a", {})]
    path.write_bytes(MARK + b'{"id": "1"}\n')
    assert [doc.id for doc in sources.jsonl(path) if isinstance(doc, Document)] == ["1"]
    path.write_bytes(MARK + b"zeppelin\n")
    assert [doc.text for doc in sources.lines(path)] == ["zeppelin"]
    assert [doc.text for doc in sources.files(path, text=True)] == ["zeppelin\n"]
    with path.open(encoding="utf-8") as opened:
        assert [doc.text for doc in sources.lines(opened)] == ["zeppelin"]


def test_what_comes_through_a_pipe_is_read_and_replaces_nothing(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def through(data: str, read: Callable[[Path], Iterator[Any]]) -> list[Any]:
        with ThreadPoolExecutor(1) as other:
            other.submit(pipe.write_text, data)
            return list(read(pipe))

    assert [doc.id for doc in through('{"id": "a"}\n', sources.jsonl)] == ["a"]
    assert [doc.id for doc in through("id,text\na,x\n", sources.csv)] == ["a"]
    assert [doc.text for doc in through("one\ntwo\n", sources.lines)] == ["one", "two"]
    (first,), (second,) = (through(text, sources.files) for text in ("one", "two"))
    assert (first.buffer, second.buffer) == (b"one", b"two")
    assert first.id != second.id
    (tmp_path / "b.txt").write_text("b")
    assert [doc.uri for doc in sources.files(f"{tmp_path}/*")] == [f"{tmp_path}/b.txt"]  # and waits for no pipe


def test_a_csv_field_may_be_as_long_as_a_message(tmp_path: Path) -> None:
    text = "word " * 200_000
    (tmp_path / "long.csv").write_text(f"id,text\n1,{text}\n")
    assert [doc.text for doc in sources.csv(tmp_path / "long.csv")] == [text]


@pytest.mark.parametrize(
    ("read", "content", "says"),
    [
        (sources.csv, "id,text\n1,x\n,y\n", ":3: id: is empty"),
        (sources.csv, 'id,text\n"a\n1",x\n,y\n', ":4: id: is empty"),
        (sources.csv, f"id,text\n{'x' * 300},y\n", ":2: id: "),
        (sources.csv, "id,text,text\n1,x,y\n", ':1: two columns are named "text"'),
        (sources.csv, "id,text,a,a\n1,x,y,z\n", ':1: two columns are named "a"'),
        (sources.jsonl, '{"id": "a"}\n{"id": "b", "text": "x", "text": "y"}\n', ':2: has two values for "text"'),
        (sources.jsonl, '{"id": "b", "tags": {"n": 1, "m": 2, "n": 3}}\n', ':1: has two values for "n"'),
    ],
)
def test_a_row_that_is_wrong_or_says_something_twice_is_named(
    tmp_path: Path, read: Callable[[Path], Iterator[object]], content: str, says: str
) -> None:
    (tmp_path / "docs").write_text(content)
    with pytest.raises(InvalidRequest) as refused:
        list(read(tmp_path / "docs"))
    assert str(refused.value).startswith(f"{tmp_path}/docs{says}")
