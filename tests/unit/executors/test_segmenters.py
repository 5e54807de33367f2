import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine.errors import InvalidRequest
from peavine.executors.segmenters.sentencizer import Sentencizer
from peavine.executors.segmenters.sliding_window_segmenter import SlidingWindowSegmenter

texts = st.text(st.sampled_from("ab c.d!?。\n\u00a0\"'"), max_size=80)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It is done. Is it? Yes!", ["It is done.", "Is it?", "Yes!"]),
        ("Pi is 3.14, see example.org/a.html for more", ["Pi is 3.14, see example.org/a.html for more"]),
        ('He said "go." She went...', ['He said "go."', "She went..."]),
        ("今天很好。明天也好。好", ["今天很好。", "明天也好。", "好"]),
        ("A title\n\nA text without an end", ["A title", "A text without an end"]),
        ("one\nline", ["one\nline"]),
        ("  \n ", []),
        ("", []),
        ("...", ["..."]),
    ],
)
def test_a_text_is_cut_into_sentences(text: str, sentences: list[str]) -> None:
    assert [chunk["text"] for chunk in Sentencizer().segment(text)] == sentences


@given(texts, st.integers(1, 5), st.integers(5, 20))
def test_sentences_are_where_they_say_and_nothing_is_lost(text: str, shortest: int, longest: int) -> None:
    chunks = Sentencizer(min_sent_len=1, max_sent_len=longest).segment(text)
    for chunk in chunks:
        begin, end = chunk["location"]
        assert chunk["text"] == text[begin:end] == text[begin:end].strip()
        assert 1 <= len(chunk["text"]) <= longest
    assert "".join("".join(chunk["text"].split()) for chunk in chunks) == "".join(text.split())
    assert [chunk["location"] for chunk in chunks] == sorted(chunk["location"] for chunk in chunks)
    long_enough = [chunk for chunk in chunks if len(chunk["text"]) >= shortest]
    assert Sentencizer(min_sent_len=shortest, max_sent_len=longest).segment(text) == long_enough


@pytest.mark.parametrize(
    "text", ["!" * 300_000 + "a", '."' * 150_000 + "a", "\n" * 300_000, "\n " * 150_000, "a" * 300_000]
)
def test_no_text_takes_longer_than_its_length(text: str) -> None:
    begin = time.process_time()
    Sentencizer().segment(text)
    assert time.process_time() - begin < 5  # a square of its length would take minutes


@pytest.mark.parametrize("segmenter", [Sentencizer(), SlidingWindowSegmenter(2, 1)])
def test_a_text_of_too_many_chunks_is_refused(segmenter: Sentencizer | SlidingWindowSegmenter) -> None:
    with pytest.raises(InvalidRequest, match="has more than 50,000 chunks; send it as several Documents"):
        segmenter.segment("a. " * 50_001)


def test_long_sentences_are_cut_between_words() -> None:
    chunks = Sentencizer(max_sent_len=10).segment("one two three four. abcdefghijklm")
    assert [chunk["text"] for chunk in chunks] == ["one two", "three", "four.", "abcdefghij", "klm"]


def test_marks_can_be_chosen() -> None:
    chunks = Sentencizer(punct_chars=[";", "|"]).segment("a;b|c. d")
    assert [chunk["text"] for chunk in chunks] == ["a;", "b|", "c. d"]


def test_a_chunk_can_weigh_as_its_share_of_the_text() -> None:
    chunks = Sentencizer(uniform_weight=False).segment("abc. ef.")
    assert [chunk["weight"] for chunk in chunks] == [4 / 8, 3 / 8]
    assert "weight" not in Sentencizer().segment("abc.")[0]


def test_a_document_without_text_has_no_sentences() -> None:
    assert Sentencizer().segment(None) == []
    assert SlidingWindowSegmenter().segment(None) == []


def test_windows_overlap_and_end_with_the_text() -> None:
    chunks = SlidingWindowSegmenter(window_size=4, step_size=2).segment("abcdefg")
    assert [chunk["text"] for chunk in chunks] == ["abcd", "cdef", "efg"]
    assert [chunk["location"] for chunk in chunks] == [[0, 4], [2, 6], [4, 7]]


@given(st.text(max_size=50), st.integers(1, 12), st.integers(1, 12))
def test_windows_cover_the_text(text: str, size: int, step: int) -> None:
    chunks = SlidingWindowSegmenter(size, min(step, size)).segment(text)
    covered = {place for chunk in chunks for place in range(*chunk["location"])}
    assert covered == set(range(len(text)))
    assert all(chunk["text"] == text[slice(*chunk["location"])] for chunk in chunks)
