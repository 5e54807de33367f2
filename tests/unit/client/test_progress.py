"""What the progress bar of a call shows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from peavine.client.progress import Bar


@pytest.mark.parametrize(
    ("total", "estimate", "shown"),
    [
        (4000, lambda: None, "1,500/4,000"),
        (None, lambda: 3901, "1,500 of about 3,901"),
        (None, lambda: None, "1,500 "),
        (None, lambda: 1200, "1,500 of about 1,500"),
    ],
    ids=["a total", "an estimate", "nothing is known", "an estimate that is too small"],
)
def test_the_bar_counts_documents_and_says_of_how_many(
    total: int | None, estimate: Callable[[], int | None], shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with Bar("index", total, True, estimate) as bar:
        bar.advance(1500)
    assert shown in capsys.readouterr().err


def test_the_estimate_follows_what_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    estimates = iter([1000, 1001, 5000])
    with Bar("index", None, True, lambda: next(estimates)) as bar:
        for _ in range(3):
            bar.advance(100)
    assert "300 of about 5,000" in capsys.readouterr().err
