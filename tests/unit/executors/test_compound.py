from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from peavine.errors import ManifestError, NotFound
from peavine.executors import CompoundExecutor, Executor, load
from peavine.executors.encoders.random_projection import RandomProjection
from peavine.executors.segmenters.sentencizer import Sentencizer


class Recorder(Executor):
    """Writes down what happens to it."""

    def __init__(self, fails: bool = False) -> None:
        self.fails = fails
        self.seen: list[str] = []

    def post_init(self) -> None:
        self.seen.append(f"open in {self.workspace.name if self.workspace else None}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.seen.append("begin")
        try:
            yield
        except ValueError:
            self.seen.append("abort")
            raise
        self.seen.append("commit")

    def snapshot(self, folder: Path) -> None:
        self.seen.append(f"snapshot in {folder.name}")

    def close(self) -> None:
        self.seen.append("close")
        if self.fails:
            raise RuntimeError("cannot close")


def test_a_method_of_one_component_is_the_compounds_own() -> None:
    compound = CompoundExecutor([Sentencizer(), RandomProjection(2)])
    assert compound.encode(np.ones((1, 3))).shape == (1, 2)
    assert compound.segment("One. Two.")[1]["text"] == "Two."
    assert not hasattr(compound, "query")
    assert not hasattr(compound, "output_dim")


def test_a_method_of_several_components_needs_a_route() -> None:
    uses = """
    !CompoundExecutor
    with: {}
    components:
    - !RandomProjection {{metas: {{name: a}}, with: {{output_dim: 2}}}}
    - !RandomProjection {{metas: {{name: b}}}}
    """
    assert not hasattr(load(uses.format("{}")), "encode")
    routed = load(uses.format("{routes: {encode: a}}"))
    assert isinstance(routed, CompoundExecutor)
    assert routed.encode(np.ones((1, 3))).shape == (1, 2)
    renamed = load(uses.format("{routes: {train: a.encode}}"))
    assert isinstance(renamed, CompoundExecutor)
    assert renamed.train(np.ones((1, 3))).shape == (1, 2)


@pytest.mark.parametrize(
    ("routes", "path", "said"),
    [
        ("{encode: x}", "uses.with.routes.encode", 'no component "x"; known: RandomProjection'),
        ("{encode: RandomProjectoin}", "uses.with.routes.encode", 'did you mean "RandomProjection"'),
        ("{encode: RandomProjection.enc}", "uses.with.routes.encode", "RandomProjection has no method enc()"),
        ("{query: RandomProjection}", "uses.with.routes.query", "has no method query()"),
    ],
)
def test_a_route_to_nothing_is_an_error(routes: str, path: str, said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        load(f"!CompoundExecutor {{with: {{routes: {routes}}}, components: [!RandomProjection]}}")
    assert caught.value.problems[0].path == path
    assert said in caught.value.problems[0].message


def test_components_are_found_by_name_and_by_class() -> None:
    a, b, c = RandomProjection(), RandomProjection(), Sentencizer()
    a.name = "a"
    compound = CompoundExecutor([a, b, c])
    assert compound.component("a") is a
    assert compound.component("RandomProjection") is b
    assert compound.component("Segmenter") is c
    with pytest.raises(NotFound, match='"Encoder" fits several components of CompoundExecutor, a, RandomProjection'):
        compound.component("Encoder")
    with pytest.raises(NotFound, match="is one Executor, so leave `executor` out"):
        c.component("a")
    assert c.component("Sentencizer") is c


def test_components_of_one_class_get_names_of_their_own() -> None:
    compound = CompoundExecutor([Recorder(), Recorder()])
    assert [component.name for component in compound.components] == ["Recorder", "Recorder-1"]
    with pytest.raises(ManifestError, match='two are named "a"'):
        load("!CompoundExecutor {components: [!Sentencizer {metas: {name: a}}, !Sentencizer {metas: {name: a}}]}")


def test_what_happens_to_a_compound_happens_to_its_components(tmp_path: Path) -> None:
    one, other = Recorder(), Recorder()
    with CompoundExecutor([one, other]).open(tmp_path) as compound:
        with compound.transaction():
            pass
        with pytest.raises(ValueError, match="no"), compound.transaction():
            raise ValueError("no")
        compound.snapshot(tmp_path / "copy")
    told = ["begin", "commit", "begin", "abort"]
    assert one.seen == ["open in Recorder", *told, "snapshot in Recorder", "close"]
    assert other.seen == ["open in Recorder-1", *told, "snapshot in Recorder-1", "close"]


def test_all_components_are_closed_even_if_one_fails() -> None:
    one, other = Recorder(fails=True), Recorder(fails=True)
    with pytest.raises(RuntimeError, match="cannot close"):
        CompoundExecutor([one, other]).close()
    assert one.seen == other.seen == ["close"]


def test_a_read_only_compound_has_read_only_components() -> None:
    compound = load("!CompoundExecutor {components: [!Sentencizer {}]}", read_only=True)
    assert compound.components[0].read_only
