"""The folder operator/ must never hide the standard library's module of that name."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_folder_operator_is_no_package_and_holds_no_loose_modules() -> None:
    assert not list((ROOT / "operator").glob("*.py"))


def test_no_folder_of_tests_is_a_package() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_python_started_in_the_root_finds_the_standard_library() -> None:
    subprocess.run([sys.executable, "-c", "import collections"], cwd=ROOT, check=True)


def test_the_readme_is_short_and_its_links_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 150
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_manifest_of_the_readme_is_the_first_example() -> None:
    shown = re.search(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert shown
    assert shown[1] == (ROOT / "examples/01-fashion/flow.yaml").read_text()


def test_links_between_pages_lead_somewhere() -> None:
    dead = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in [*(ROOT / "docs").rglob("*.md"), ROOT / "CONTRIBUTING.md", *(ROOT / "examples").rglob("*.md")]
        for link in re.findall(r"\]\(([^)#:\s]+)[^)]*\)", page.read_text())
        if not (page.parent / link).exists()
    ]
    assert dead == []


def test_every_page_is_in_the_navigation() -> None:
    listed = set(re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    assert listed == {page.name for page in (ROOT / "docs").glob("*.md")}
