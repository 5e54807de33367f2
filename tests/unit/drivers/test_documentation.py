"""What docs/ says about Drivers and Documents is true and complete."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from peavine.documents import Document, Score
from peavine.drivers import registry
from peavine.drivers.defaults import DEFAULTS
from peavine.drivers.lookup import OPERATORS

DOCS = Path(__file__).resolve().parents[3] / "docs"
DRIVERS = (DOCS / "drivers.md").read_text("utf-8")
DOCUMENTS = (DOCS / "documents.md").read_text("utf-8")
OURS = sorted(name for name, cls in registry.items() if cls.__module__.startswith("peavine."))


@pytest.mark.parametrize("name", OURS)
def test_each_driver_has_a_row(name: str) -> None:
    assert f"\n| `{name}` |" in DRIVERS


def test_each_row_is_a_driver_that_exists() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", DRIVERS.partition("## All Drivers")[2], re.MULTILINE)
    assert sorted(listed) == OURS


def test_each_operator_is_named() -> None:
    assert all(f"`{name}`" in DRIVERS for name in OPERATORS)


@pytest.mark.parametrize("field", [*inspect.signature(Document).parameters, *inspect.signature(Score).parameters])
def test_each_field_is_named(field: str) -> None:
    assert f"`{field}`" in DOCUMENTS or field in ("name", "description")


def test_every_default_driver_is_one_of_ours() -> None:
    assert {node.tag for on in DEFAULTS.values() for nodes in on.values() for node in nodes} <= set(OURS)


@pytest.mark.parametrize("page", [DRIVERS, DOCUMENTS], ids=["drivers", "documents"])
def test_the_code_on_the_page_runs(page: str) -> None:
    for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        names: dict[str, Any] = {"pixels": np.zeros(4), "__name__": "page"}
        exec(compile(code, "page", "exec"), names)
