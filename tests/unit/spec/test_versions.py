"""The versions of the API."""

from __future__ import annotations

from pathlib import Path

import pytest

from peavine import spec
from peavine.spec.model import API_VERSION, GROUP, VERSION
from peavine.spec.versions import MODELS

ROOT = Path(__file__).resolve().parents[3]


def test_the_version_is_written_in_one_module() -> None:
    files = [path for folder in ("runtime", "operator") for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 100
    naming = [path.relative_to(ROOT) for path in files if VERSION in path.read_text(encoding="utf-8")]
    assert naming == [Path("runtime/peavine/spec/model.py")]


def test_the_version_that_is_written_is_read() -> None:
    assert f"{GROUP}/{VERSION}" == API_VERSION
    assert MODELS[API_VERSION] == {"Flow": spec.Flow, "Pod": spec.Pod}


@pytest.mark.parametrize("version", sorted(MODELS))
def test_every_version_is_described(version: str) -> None:
    assert f"`{version}`" in (ROOT / "docs" / "api-versions.md").read_text(encoding="utf-8")
