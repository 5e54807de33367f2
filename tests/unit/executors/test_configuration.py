from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine.executors import Executor, load, load_config
from peavine.executors.encoders.random_projection import RandomProjection
from peavine.executors.segmenters.sentencizer import Sentencizer
from peavine.yaml import Tagged


def test_only_what_differs_from_the_defaults_is_said() -> None:
    assert Sentencizer().config() == Tagged("Sentencizer", {})
    assert Sentencizer(1, 512).config() == Tagged("Sentencizer", {})
    assert Sentencizer(2, max_sent_len=99).config() == Tagged(
        "Sentencizer", {"with": {"min_sent_len": 2, "max_sent_len": 99}}
    )


@pytest.mark.parametrize(
    "uses",
    [
        "!Sentencizer {}",
        "!Sentencizer {with: {punct_chars: ['。', '$$'], max_sent_len: 9}}",
        "!RandomProjection {with: {seed: 7}, metas: {name: p, batch_size: 32, read_only: true, workspace: a/b}}",
        "!Sentencizer {requests: {on: {index: [!SegmentDriver {traversal_paths: [r]}], delete: []}}}",
        "!PipelineEncoder {components: [!RandomProjection {metas: {name: a}}, !TransformEncoder {with: {whiten: on}}]}",
        "!CompoundExecutor {with: {routes: {encode: a}}, components: [!RandomProjection {metas: {name: a}}]}",
        "_index",
        "_eval_pr",
    ],
)
def test_a_saved_executor_loads_as_it_was(tmp_path: Path, uses: str) -> None:
    with load(uses) as executor:
        executor.save_config(tmp_path / "saved.yml")
    with load_config(tmp_path / "saved.yml") as again:
        assert type(again) is type(executor)
        assert again.config() == executor.config()
        assert again.name == executor.name


def test_a_saved_executor_of_a_user_finds_its_module(tmp_path: Path) -> None:
    text = "class A:\n    def craft(self, text): ...\n    def __init__(self, **free): self.free = free"
    (tmp_path / "my.py").write_text(text)
    (tmp_path / "my.yml").write_text("!A {with: {a: 1, b: [x]}, metas: {py_modules: my.py}}")
    executor: Any = load("my.yml", folder=tmp_path)
    executor.save_config(tmp_path / "saved.yml")
    again: Any = load_config(tmp_path / "saved.yml")
    assert again.free == {"a": 1, "b": ["x"]}
    assert again.py_modules == ("my.py",)


def test_a_loaded_executor_says_what_its_yaml_said(tmp_path: Path) -> None:
    config = {
        "with": {"output_dim": 5},
        "metas": {"name": "x", "on_gpu": True},
        "requests": {"on": {"index": [Tagged("A")]}},
    }
    assert load(Tagged("RandomProjection", config)).config() == Tagged("RandomProjection", config)


@given(
    st.integers(1, 10**6),
    st.integers(0, 2**32 - 1),
    st.from_regex(r"[A-Za-z0-9][-A-Za-z0-9_.]{0,20}", fullmatch=True),
)
def test_any_arguments_round_trip(output_dim: int, seed: int, name: str) -> None:
    encoder = RandomProjection(output_dim, seed=seed)
    encoder.name = name
    again = load(encoder.config())
    assert again.config() == encoder.config()
    assert again.name == name


def test_wrong_arguments_in_python_are_pythons_own_error() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'max_len'"):
        Sentencizer(max_len=5)  # type: ignore[call-arg]


def test_an_executor_shows_how_it_was_made() -> None:
    assert repr(Sentencizer(2, max_sent_len=9)) == "Sentencizer(min_sent_len=2, max_sent_len=9)"


def test_a_class_may_have_its_own_defaults_for_metas() -> None:
    class Small(Executor):
        batch_size = 8
        name = "small"

    assert Small().batch_size == 8
    assert Small().name == "small"
    assert Small().config() == Tagged("Small", {})
