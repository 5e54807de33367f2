"""What a process leaves behind that cannot go on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from peavine.serving import last_words


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file that Kubernetes reads."""
    monkeypatch.setenv("PEAVINE_TERMINATION_LOG", str(tmp_path / "log"))
    return tmp_path / "log"


@pytest.mark.parametrize(
    ("uses", "told"),
    [
        ("_index", "_index"),
        ("!Mine\nwith: {dim: 3}\n", "!Mine"),
        ("# Ours.\n\n# Really.\n!Mine {}\n", "!Mine {}"),
        ("", ""),
    ],
)
def test_last_words_name_the_executor_and_no_comment(log: Path, uses: str, told: str) -> None:
    last_words("it broke", "encode", "encode-0", uses)
    assert json.loads(log.read_text()) == {"error": "it broke", "pod": "encode", "pea": "encode-0", "executor": told}


@pytest.mark.parametrize("error", ["no " * 5000, "\N{SNOWMAN}" * 5000])
def test_last_words_are_short_enough_for_kubernetes_to_keep_them_whole(log: Path, error: str) -> None:
    last_words(error, "encode", "encode-0", "!Mine\n" + "x: y\n" * 9000)
    assert len(log.read_bytes()) <= 4096
    assert error.startswith(json.loads(log.read_text())["error"])
