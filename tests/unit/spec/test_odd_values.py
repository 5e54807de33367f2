"""Whatever stands at any place of a manifest, the answer is a Flow or a list of what is wrong."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from peavine import spec, yaml
from peavine.errors import ManifestError

FLOWS = sorted((Path(__file__).parents[1] / "operator" / "flows").glob("*.yaml"))
ODD: tuple[Any, ...] = (
    [],
    {},
    None,
    "",
    "x",
    0,
    -1,
    1.5,
    10**30,
    float("nan"),
    True,
    [None],
    [[]],
    [{}],
    ["a", "a"],
    {"": None},
)


def places(value: Any, path: tuple[int | str, ...] = ()) -> Iterator[tuple[int | str, ...]]:
    """Yield the path of everything in a manifest, the whole included."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def replaced(manifest: Any, path: tuple[int | str, ...], value: Any) -> Any:
    """Return a copy of a manifest with another value at a path."""
    if not path:
        return value
    changed = copy.deepcopy(manifest)
    parent = changed
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    return changed


@pytest.mark.parametrize("file", FLOWS, ids=lambda file: file.stem)
def test_an_odd_value_anywhere_is_accepted_or_refused_with_a_path(file: Path) -> None:
    manifest = yaml.load(file.read_text())
    for path in places(manifest):
        for value in ODD:
            try:
                spec.parse(replaced(manifest, path, value))
            except ManifestError as error:
                wrong = [problem for problem in error.problems if not problem.message]
            except Exception as error:
                raise AssertionError(f"{path} = {value!r}") from error
            else:
                wrong = []
            assert not wrong, (path, value)


def test_an_empty_list_of_needs_is_refused_once() -> None:
    pods = [{"name": "a", "uses": "_pass", "needs": []}]
    with pytest.raises(ManifestError) as caught:
        spec.parse({"metadata": {"name": "f"}, "spec": {"pods": pods}})
    assert str(caught.value) == "spec.pods[0].needs: should not be empty"
