"""What holds for the tree as a whole. The folder operator/ must never hide the standard library's module `operator`."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

from peavine.local.layout import CHILD_ENV

ROOT = Path(__file__).resolve().parent.parent


def test_the_folder_operator_is_no_package_and_holds_no_loose_modules() -> None:
    assert not list((ROOT / "operator").glob("*.py"))


def test_no_folder_of_tests_is_a_package() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_python_started_in_the_root_finds_the_standard_library() -> None:
    subprocess.run([sys.executable, "-c", "import collections"], cwd=ROOT, check=True)


def test_every_package_that_the_code_imports_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    users = [line for name, lines in extras.items() if name not in ("codegen", "test", "dev") for line in lines]
    declared = {normal(re.split(r"[^\w.-]", line, maxsplit=1)[0]) for line in [*project["dependencies"], *users]}
    homes = packages_distributions()
    missing = {
        f"{path.relative_to(ROOT)}: {name}"
        for folder in ("runtime", "operator")
        for path in (ROOT / folder).rglob("*.py")
        for name in imports(path)
        if not declared & {normal(home) for home in homes.get(name, [])}
    }
    assert missing == {"runtime/peavine/documents/sparse.py: scipy"}  # only for those who hand in or want its matrices


def imports(path: Path) -> set[str]:
    """Return the top packages that a file imports, without the standard library's and peavine's."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found - sys.stdlib_module_names - {"peavine", "peavine_operator"}


def normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_peas_have_the_same_threads_and_allocator_in_the_image_as_on_this_machine() -> None:
    image = (ROOT / "images/runtime/Dockerfile").read_text()
    shared = {name: value for name, value in CHILD_ENV.items() if name.startswith("MALLOC_") or "THREADS" in name}
    assert shared == dict(re.findall(r"(MALLOC_\w+|\w+_THREADS)=(\d+)", image))


def test_the_readme_is_short_and_its_links_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 150
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_manifest_of_the_readme_is_the_first_example() -> None:
    shown = re.search(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert shown
    assert shown[1] == (ROOT / "examples/01-fashion/flow.yaml").read_text()


PAGES = ("changes", "docs", "examples")
"""Folders with pages, besides the root itself."""


def test_links_between_pages_lead_somewhere() -> None:
    dead = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in [*ROOT.glob("*.md"), *(path for name in PAGES for path in (ROOT / name).rglob("*.md"))]
        for link in re.findall(r"\]\((?!https:)([^)#\s]+)[^)]*\)", page.read_text())
        if not (page.parent / link).exists()
    ]
    assert dead == []
