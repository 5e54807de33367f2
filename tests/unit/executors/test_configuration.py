from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine.errors import ManifestError
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


TYPES = """
from enum import Enum
from pathlib import Path
class Mode(Enum):
    FAST = "fast"
    SLOW = 2
class A:
    def __init__(self, mode: Mode = Mode.SLOW, folder: Path = Path("x"), sizes: set[int] = set(), count=1,
                 pairs: list[tuple[int, str]] = [], raw: bytes = b""):
        self.given = (mode.name, folder, sizes, count, type(count), pairs, raw)
    def craft(self, text): ...
"""


@pytest.mark.parametrize(
    "said",
    ["mode: fast", "folder: a/b", "sizes: [3, 1]", "count: true", "count: 1.0", "pairs: [[1, a], [2, b]]", "raw: abc"],
)
def test_what_an_annotation_makes_of_an_argument_is_saved_as_it_was_said(tmp_path: Path, said: str) -> None:
    (tmp_path / "types.py").write_text(TYPES)
    (tmp_path / "a.yml").write_text(f"!A {{with: {{{said}}}, metas: {{py_modules: types.py}}}}")
    executor: Any = load_config(tmp_path / "a.yml")
    executor.save_config(tmp_path / "saved.yml")
    again: Any = load_config(tmp_path / "saved.yml")
    assert again.given == executor.given
    assert again.config() == executor.config()
    assert again.config().value["with"]


@pytest.mark.parametrize("said", ["fast", "FAST", "Fast", "!Mode FAST", "!Mode fast"])
def test_a_member_of_an_enumeration_is_named_as_one_likes(said: str) -> None:
    executor: Any = load(f"!A {{with: {{mode: {said}}}, metas: {{py_modules: a.py}}}}", files={"a.py": TYPES})
    assert executor.given[0] == "FAST"


@pytest.mark.parametrize("said", ["quick", "!Modes FAST", "[FAST]"])
def test_a_word_that_is_no_member_of_an_enumeration_is_refused(said: str) -> None:
    with pytest.raises(ManifestError, match=r"uses\.with\.mode: "):
        load(f"!A {{with: {{mode: {said}}}, metas: {{py_modules: a.py}}}}", files={"a.py": TYPES})


BY_PLACE = """
class Named:
    def __init__(self, a=0, b: int = 0, *, c=0): self.given = (a, b, c)
    def craft(self, text): ...
class Listed:
    def __init__(self, a=0, *sizes: int, **more): self.given = (a, sizes, more)
    def craft(self, text): ...
class Free:
    def __init__(self, a=0, **more): self.given = (a, more)
    def craft(self, text): ...
class Own:
    def __init__(self, args=(), kwargs=None): self.given = (args, kwargs)
    def craft(self, text): ...
"""


def by_place(name: str, said: str, **options: Any) -> Any:
    uses = f"!{name} {{with: {said}, metas: {{py_modules: by_place.py}}}}"
    return load(uses, files={"by_place.py": BY_PLACE}, **options)


@pytest.mark.parametrize(
    ("name", "said", "given"),
    [
        ("Named", "{args: [1, 2]}", (1, 2, 0)),
        ("Named", "{args: [1], kwargs: {c: 3}}", (1, 0, 3)),
        ("Named", "{kwargs: {b: 2}}", (0, 2, 0)),
        ("Named", "{args: [], kwargs: }", (0, 0, 0)),
        ("Listed", "{args: [1, 2, 3]}", (1, (2, 3), {})),
        ("Listed", "{args: [0, 2], kwargs: {x: [4], args: 5}}", (0, (2,), {"x": [4], "args": 5})),
        ("Listed", "{a: 1, x: 2}", (1, (), {"x": 2})),
        ("Free", "{args: [1], kwargs: {x: 2}}", (1, {"x": 2})),
        ("Free", "{kwargs: {args: [1]}}", (0, {"args": [1]})),
        ("Free", "{args: [1], x: 2}", (0, {"args": [1], "x": 2})),
        ("Own", "{args: [1], kwargs: {x: 2}}", ([1], {"x": 2})),
    ],
)
def test_arguments_may_stand_by_place_and_are_saved_such_that_they_come_back(
    tmp_path: Path, name: str, said: str, given: tuple[Any, ...]
) -> None:
    executor = by_place(name, said)
    assert executor.given == given
    (tmp_path / "by_place.py").write_text(BY_PLACE)
    executor.save_config(tmp_path / "saved.yml")
    again: Any = load_config(tmp_path / "saved.yml")
    assert again.given == given
    assert again.config() == executor.config()


def test_arguments_of_the_manifest_go_over_arguments_that_stand_by_place() -> None:
    assert by_place("Named", "{args: [1, 2]}", arguments={"b": 5}).given == (1, 5, 0)
    assert by_place("Listed", "{args: [1, 2]}", arguments={"a": 5}).given == (5, (2,), {})


@pytest.mark.parametrize(
    ("name", "said", "problem"),
    [
        ("Named", "{args: 5}", "uses.with: arguments by place are {args: [value, ..], kwargs"),
        ("Named", "{kwargs: [5]}", "uses.with: arguments by place are"),
        ("Named", "{args: [1, 2, 3]}", "uses.with.args[2]: Named takes 2 arguments by place"),
        ("Named", "{args: [1, x]}", "uses.with.args[1]: input should be a valid integer"),
        ("Named", "{args: [1], kwargs: {a: 2}}", 'uses.with.args[0]: is "a", which stands under kwargs, too'),
        ("Named", "{kwargs: {d: 2}}", "uses.with.kwargs.d: unknown argument of Named"),
        ("Named", "{args: [1], b: 2}", "uses.with.args: unknown argument of Named"),
        ("Listed", "{args: [1, x]}", "uses.with.args[1]: input should be a valid integer"),
        ("Listed", "{args: [1, !Sentencizer {}]}", "uses.with.args[1]: an argument is plain data"),
        ("Free", "{x: !Sentencizer {}}", "uses.with.x: an argument is plain data"),
    ],
)
def test_what_is_wrong_with_an_argument_by_place_is_told_with_its_place(name: str, said: str, problem: str) -> None:
    with pytest.raises(ManifestError) as caught:
        by_place(name, said)
    assert problem in str(caught.value)


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
