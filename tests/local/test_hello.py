"""`peavine hello` finds what it should, and says so in a table, in JSON and in pictures."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from peavine.hello.images import SAMPLE

FIGURES = {
    "documents", "queries", "precision_at_1", "precision_at_10", "index_seconds", "search_seconds",
    "documents_per_second", "queries_per_second", "page",
}  # fmt: skip


def _hello(*arguments: str | int | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "peavine", "hello", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)


def test_the_real_images_are_found_as_well_as_was_measured(tmp_path: Path) -> None:
    data = Path("/usr/share/datasets/fashion-mnist")
    assert data.is_dir(), "apt-get install dataset-fashion-mnist"
    result = json.loads(_hello("--json", "--queries", 2000, "--workdir", tmp_path).stdout)
    assert result.keys() == FIGURES
    assert (result["documents"], result["queries"]) == (60000, 2000)
    assert result["precision_at_1"] >= 0.82
    assert result["precision_at_10"] >= 0.77


def test_the_sample_makes_a_page_of_pictures(tmp_path: Path) -> None:
    told = _hello("--data", SAMPLE, "--queries", 40, "--workdir", tmp_path)
    assert re.search(r"precision at 1\W+0\.[6-9]", told.stdout)
    page = (tmp_path / "hello.html").read_text()
    assert page.count("data:image/png;base64,") == 40 * 11
    assert 'src="http' not in page
    fewer = json.loads(_hello("--data", SAMPLE, "--docs", 100, "--queries", 5, "--workdir", tmp_path, "--json").stdout)
    assert fewer["documents"] == 100
    assert [path.name for path in tmp_path.iterdir()] == ["hello.html"]


def test_a_flow_that_is_up_is_used_where_a_host_is_given(tmp_path: Path) -> None:
    example = Path(__file__).resolve().parents[2] / "examples/01-fashion/flow.yaml"
    run = ["run", "-f", str(example), "--grpc-port", "0", "--http-port", "0", "--json"]
    command = [sys.executable, "-m", "peavine", *run]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as flow:
        assert flow.stdout is not None
        host = json.loads(flow.stdout.readline())["grpc"]
        told = _hello("--data", SAMPLE, "--docs", 500, "--queries", 10, "--workdir", tmp_path, "--host", host, "--json")
        assert json.loads(told.stdout)["documents"] == 500
        flow.terminate()


@pytest.mark.parametrize(("arguments", "said"), [(["--data", "/nowhere"], "no train-images-idx3-ubyte.gz in /nowhere")])
def test_images_that_are_not_there_are_named(arguments: list[str], said: str) -> None:
    command = [sys.executable, "-m", "peavine", "hello", *arguments]
    told = subprocess.run(command, capture_output=True, text=True, timeout=180, env={**os.environ, "COLUMNS": "200"})
    assert told.returncode == 1
    assert said in told.stderr
