"""The parts of hello that need no Flow."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from peavine.errors import NotFound
from peavine.hello.demonstration import FLOW
from peavine.hello.images import SAMPLE, load
from peavine.hello.page import Picture, page
from peavine.hello.score import precision_at

ROOT = Path(__file__).resolve().parents[3]


def test_the_example_and_the_package_have_the_same_flow() -> None:
    assert FLOW.read_text() == (ROOT / "examples/01-fashion/flow.yaml").read_text()


def test_the_package_carries_a_sample_of_every_label() -> None:
    for part, count in (("train", 200), ("t10k", 20)):
        images = load(SAMPLE, part, None)
        assert images.pixels.shape == (10 * count, 28, 28)
        assert np.bincount(images.labels).tolist() == [count] * 10


def test_an_image_becomes_a_document() -> None:
    images = load(SAMPLE, "train", 3)
    first = next(images.documents())
    assert first.id == "train-0"
    assert first.tags == {"label": int(images.labels[0])}
    assert np.array_equal(np.asarray(first.tensor), images.pixels[0])


def test_precision_counts_a_missing_match_as_wrong() -> None:
    assert precision_at(1, [1, 2], [[1, 9], [9, 2]]) == 0.5
    assert precision_at(2, [1, 2], [[1, 1], [2]]) == 0.75
    assert precision_at(3, [], []) == 0.0


def test_a_page_tells_right_from_wrong() -> None:
    grey = np.full((28, 28), 7, np.uint8)
    text = page({"docs <b>": "1 & 2"}, [(Picture(grey, 1), [Picture(grey, 1, 3.0), Picture(grey, 2, 4.0)])])
    assert (text.count('class="right"'), text.count('class="wrong"')) == (1, 1)
    assert "docs &lt;b&gt;" in text
    assert "distance 3" in text


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip", gzip.compress(b"x" * 900)[:20], gzip.compress(b"x" * 900)],
    ids=["nothing", "no gzip", "half of a file", "no images"],
)
def test_files_that_are_no_images_are_refused(tmp_path: Path, content: bytes) -> None:
    for kind in ("images-idx3", "labels-idx1"):
        (tmp_path / f"train-{kind}-ubyte.gz").write_bytes(content)
    with pytest.raises(NotFound):
        load(tmp_path, "train", None)
