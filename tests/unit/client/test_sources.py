import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from peavine.client import sources
from peavine.documents import Document
from peavine.errors import InvalidRequest, NotFound


def test_files_give_their_bytes_their_path_and_their_type(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.png").write_bytes(b"\x89PNG")
    (tmp_path / "two.txt").write_text("zwei", encoding="utf-8")
    docs = list(sources.files(tmp_path / "**" / "*.*"))
    assert [(doc.buffer, doc.uri, doc.mime_type) for doc in docs] == [
        (b"\x89PNG", str(tmp_path / "a" / "one.png"), "image/png"),
        (b"zwei", str(tmp_path / "two.txt"), "text/plain"),
    ]


def test_a_file_that_two_patterns_match_is_given_once(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("x", encoding="utf-8")
    assert len(list(sources.files([tmp_path / "*.txt", tmp_path / "one.*"], text=True))) == 1


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
    [('{"id": "a"', ":2: is not JSON"), ("[1]", ":2: is a list"), ('{"id": ""}', ":2: "), ('{"txet": "a"}', "text")],
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


def test_a_csv_without_the_column_is_told_which_it_has() -> None:
    with pytest.raises(InvalidRequest, match='no column "titel"; did you mean "title"'):
        list(sources.csv(io.StringIO("id,title\n1,x\n"), text="titel"))


@pytest.mark.parametrize("row", ["1", "1,x,y"])
def test_a_csv_row_of_another_length_is_named(row: str) -> None:
    with pytest.raises(InvalidRequest, match="csv:2: has not 2 columns"):
        list(sources.csv(["id,text\n", row + "\n"]))


@pytest.mark.parametrize(
    ("read", "content", "says"),
    [
        (sources.lines, b"fine\n\xff\n", "is not UTF-8 text"),
        (sources.jsonl, b"\xff\n", "is not UTF-8 text"),
        (sources.csv, b"text\n\xff\n", "is not UTF-8 text"),
        (sources.csv, b'text\n"open\n', "is no CSV"),
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
    first, again = ([doc.id for doc in sources.files(tmp_path / "**" / "*.txt")] for _ in range(2))
    assert first == again
    assert sorted(len(id) <= 256 for id in first) == [True, True]
    assert str(tmp_path / "a.txt") in first
