"""An Executor, its arguments and its Drivers are checked together, and before anything is opened."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine.drivers import check_executors, prepare
from peavine.errors import ManifestError
from peavine.spec import chosen

LOADS = """
from peavine import Encoder

class Loads(Encoder):
    def __init__(self, size: int = 1):
        self.size = size
    def post_init(self):
        raise RuntimeError("a model was loaded")
    def encode(self, batch): ...
"""
FILES = {"loads.py": LOADS}
METAS = {"py_modules": "loads.py"}


def paths(pod: dict[str, Any]) -> list[str]:
    return sorted(problem.path for problem in check_executors(pod, "spec", env={}))


def test_arguments_metas_and_drivers_are_reported_together() -> None:
    executor = {
        "class": "Loads",
        "with": {"sise": 2},
        "metas": {**METAS, "batch_size": 0},
        "requests": {"index": [{"class": "EncodeDriver", "with": {"fields": 1}}, "EnocdeDriver"]},
    }
    assert paths({"executor": executor, "files": FILES}) == [
        "spec.executor.metas.batch_size",
        "spec.executor.requests.index[0].EncodeDriver.fields",
        "spec.executor.requests.index[1]",
        "spec.executor.with.sise",
    ]


def test_drivers_of_components_and_executors_of_the_head_are_reported_together() -> None:
    wrong = {"class": "Sentencizer", "requests": {"index": ["SegmentDrivr"]}}
    pod = {
        "executor": {"class": "CompoundExecutor", "components": [wrong, {"class": "Nothing"}]},
        "head": {"before": wrong, "after": {"class": "_nothing"}},
    }
    assert paths(pod) == [
        "spec.executor.components[0].requests.index[0]",
        "spec.executor.components[1]",
        "spec.head.after",
        "spec.head.before.requests.index[0]",
    ]


def test_a_driver_that_does_not_fit_its_component_is_reported_where_it_is() -> None:
    fits_not = {
        "class": "Sentencizer",
        "requests": {"index": [{"class": "SegmentDriver", "with": {"method": "x"}}]},
    }
    executor = {"class": "CompoundExecutor", "components": [{"class": "Sentencizer"}, fits_not]}
    assert paths({"executor": executor}) == ["spec.executor.components[1].requests.index[0].SegmentDriver"]


def test_nothing_is_opened_before_the_drivers_are_right() -> None:
    executor = {"class": "Loads", "metas": METAS, "requests": {"index": ["EnocdeDriver"]}}
    with pytest.raises(ManifestError, match="EncodeDriver"):
        prepare(chosen({"executor": executor}, "pea", "spec"), files=FILES)
    right = {"class": "Loads", "metas": METAS}
    assert prepare(chosen({"executor": right}, "pea", "spec"), files=FILES).executor.workspace is None


DRIVER = """
from peavine import Crafter
from peavine.drivers import Driver

class PrivateDriver(Driver):
    def run(self, tasks, executor, kind): ...

class Mine(Crafter):
    def craft(self, text): ...
"""


def test_a_driver_of_one_pod_is_unknown_to_the_next() -> None:
    on = {"requests": {"index": ["PrivateDriver"]}}
    own = {"executor": {"class": "Mine", "metas": {"py_modules": "mine.py"}, **on}, "files": {"mine.py": DRIVER}}
    assert paths(own) == []
    assert paths({"executor": {"class": "Sentencizer", **on}}) == ["spec.executor.requests.index[0]"]


ENCODE = "    def encode(self, batch): ...\n"
NASTY = {
    "a constructor that exits": "    def __init__(self): raise SystemExit(3)\n" + ENCODE,
    "an exception of its own": "    def __init__(self): raise type('E', (BaseException,), {})()\n" + ENCODE,
    "an exception that cannot be printed": "    def __init__(self): raise Mute()\n" + ENCODE,
    "a method that raises when it is looked at": "    encode = property(lambda self: 1 / 0)\n",
    "an annotation that names nothing": "    def __init__(self, size: nowhere.at_all = 1): ...\n" + ENCODE,
}
BEFORE = """
from __future__ import annotations
from peavine import Encoder

class Mute(Exception):
    def __str__(self): raise ValueError

class A(Encoder):
"""


@pytest.mark.parametrize("body", NASTY.values(), ids=NASTY.keys())
def test_whatever_a_users_class_does_is_a_problem_and_no_crash(body: str) -> None:
    source = BEFORE + body
    pod = {"executor": {"class": "A", "metas": {"py_modules": "a.py"}}, "files": {"a.py": source}}
    assert all(problem.path.startswith("spec.executor") for problem in check_executors(pod, "spec", env={}))


ANYTHING = st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | st.sampled_from(["Sentencizer", "!A {}", "$X", "_index"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["class", "with", "metas", "requests", "on", "index", "components", "before", "files", ""]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["uses", "executor", "head", "files", "image", "ref"]), ANYTHING, max_size=3))
def test_any_data_is_reported_or_right_and_no_crash(pod: dict[str, Any]) -> None:
    assert isinstance(check_executors(pod, "spec", env={}), list)
