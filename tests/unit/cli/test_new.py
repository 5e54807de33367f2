"""`peavine new` makes an Executor's folder, or a Flow's manifest, that works as it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from peavine import Flow, cli


def test_a_new_executors_own_test_passes(tmp_path: Path) -> None:
    folder = tmp_path / "letter-counter"
    assert cli.main(["new", "executor", "letter-counter", "--folder", str(folder)]) == 0
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\naddopts = ['--of-a-project-around-it']\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    told = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "2 passed" in told.stdout


def test_a_new_executor_is_checked_converted_and_put_into_an_image(tmp_path: Path) -> None:
    folder = tmp_path / "shout"
    assert cli.main(["new", "executor", "shout", "--folder", str(folder)]) == 0
    assert cli.main(["check", str(folder / "flow.yaml")]) == 0
    encode = Flow.load(folder / "flow.yaml").manifest().spec.pods[0]
    assert encode.files == {"shout.py": (folder / "shout.py").read_text()}
    dockerfile = (folder / "Dockerfile").read_text()
    assert dockerfile.startswith("FROM peavine/runtime:")
    assert "WORKDIR /executor\nCOPY executor.yml shout.py ./" in dockerfile
    assert "docker://REGISTRY/shout:1" in (folder / "README.md").read_text()
    assert not [path for path in folder.iterdir() if "$" in path.name + path.read_text()]


@pytest.mark.parametrize("name", ["Shout", "1st", "a_b", "a-", "numpy", "json", "class", "x" * 41, "../x", ""])
def test_a_name_that_cannot_be_one_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["new", "executor", name]) == 2
    assert f'"{name}"' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.py").write_text("mine")
    assert cli.main(["new", "executor", "shout", "--folder", str(tmp_path)]) == 2
    assert "exists and is not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]


@pytest.mark.parametrize("content", ["text", "chunks", "images"])
def test_a_new_flow_is_valid_here_and_in_a_cluster(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["new", "flow", "my-notes", "--of", content]) == 0
    told = capsys.readouterr().out
    assert "Next: peavine run my-notes.yaml --data my-notes-data\n" in told
    assert cli.main(["check", "my-notes.yaml"]) == 0
    assert cli.main(["render", "-f", "my-notes.yaml"]) == 0
    assert Flow.load("my-notes.yaml").manifest().metadata.name == "my-notes"


@pytest.mark.parametrize("name", ["My", "a-", "-a", "a_b", 'a"', "a b", "../x", "x" * 64, ""])
def test_a_flow_of_a_name_that_cannot_be_one_is_not_made(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["new", "flow", "--", name]) == 2
    assert "name" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_manifest_that_is_there_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "flow.yaml"
    file.write_text("mine")
    assert cli.main(["new", "flow", "notes", "--file", str(file)]) == 2
    assert "exists" in capsys.readouterr().err
    assert file.read_text() == "mine"
