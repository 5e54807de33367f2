"""The Python of the pages that newcomers read runs as it is typed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("page", "prints"),
    [
        ("README.md", ["[('red shoes', "]),
        ("docs/python.md", ["[('red shoes', ", "HELLO"]),
        ("docs/recipes.md", ["notes/shoes.md 0."]),
        ("docs/search.md", ["boats 0.", "[[20.0, 23.0], [34.0, 38.0]]", "trees 0."]),
    ],
)
def test_the_python_of_a_page_runs_as_it_is_typed(page: str, prints: list[str], tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    printed = ""
    for place, block in enumerate(blocks):
        (tmp_path / f"block_{place}.py").write_text(block)
        command = [sys.executable, f"block_{place}.py"]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert ended.returncode == 0, ended.stderr
        printed += ended.stdout
    assert all(words in printed for words in prints)
