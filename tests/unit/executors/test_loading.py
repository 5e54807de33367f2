from pathlib import Path

import numpy as np
import pytest

from peavine.drivers import Runner
from peavine.errors import ManifestError
from peavine.executors import builtins, load
from peavine.executors.encoders.random_projection import RandomProjection
from peavine.executors.segmenters.sentencizer import Sentencizer
from peavine.spec import KINDS
from peavine.yaml import Tagged


def problems(caught: pytest.ExceptionInfo[ManifestError]) -> dict[str, str]:
    return {problem.path: problem.message for problem in caught.value.problems}


@pytest.mark.parametrize(
    "uses",
    [
        "RandomProjection",
        "!RandomProjection",
        "!RandomProjection {with: {output_dim: 64}}",
        "\n# a comment first\n!RandomProjection\nwith:\n  seed: 2020\n",
        Tagged("RandomProjection", {"with": {"output_dim": 64}}),
    ],
)
def test_an_executor_is_made_from_a_name_or_yaml(uses: str | Tagged) -> None:
    encoder = load(uses)
    assert isinstance(encoder, RandomProjection)
    assert encoder.output_dim == 64
    assert encoder.encode(np.ones((2, 100))).shape == (2, 64)


def test_every_built_in_name_loads() -> None:
    folder = Path(__file__).parents[3] / "runtime/peavine/executors/resources"
    names = [path.stem for path in folder.glob("*.yml")]
    assert {"_pass", "_index", "_merge", "_concat", "_clear", "_logforward", "_unique", "_unique_content"} <= set(names)
    assert {"_merge_chunks", "_merge_matches", "_merge_root", "_merge_matches_topk", "_merge_eval"} <= set(names)
    for name in names:
        with load(name) as executor:
            runner = Runner(executor)
            assert {kind for kind in KINDS if kind in runner.accepts} == set(KINDS), name


def test_pass_has_no_drivers_for_any_kind() -> None:
    assert load("_pass").requests_on == {"index": [], "search": [], "update": [], "delete": [], "train": []}


def test_a_yaml_file_is_found_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "cut.yml").write_text("!Sentencizer {with: {max_sent_len: 9}}")
    cutter = load("cut.yml", folder=tmp_path)
    assert isinstance(cutter, Sentencizer)
    assert cutter.max_sent_len == 9


def test_a_file_that_the_manifest_carries_comes_before_one_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "cut.yml").write_text("!Sentencizer {with: {max_sent_len: 9}}")
    cutter = load("cut.yml", folder=tmp_path, files={"cut.yml": "!Sentencizer {with: {max_sent_len: 7}}"})
    assert isinstance(cutter, Sentencizer)
    assert cutter.max_sent_len == 7


def test_an_image_brings_its_own_yaml(tmp_path: Path) -> None:
    (tmp_path / "executor.yml").write_text("!Sentencizer")
    assert isinstance(load("docker://example/cut:1", folder=tmp_path), Sentencizer)


def test_arguments_of_the_manifest_go_over_what_the_yaml_says() -> None:
    encoder = load("!RandomProjection {with: {output_dim: 8, seed: 1}}", arguments={"output_dim": 4})
    assert isinstance(encoder, RandomProjection)
    assert (encoder.output_dim, encoder.seed) == (4, 1)


def test_environment_variables_and_references_are_looked_up() -> None:
    uses = "!RandomProjection {with: {output_dim: $SIZE, seed: '${{ this.output_dim }}'}, metas: {name: 'x-${SIZE}'}}"
    encoder = load(uses, env={"SIZE": "12"})
    assert isinstance(encoder, RandomProjection)
    assert (encoder.output_dim, encoder.seed, encoder.name) == (12, 12, "x-12")


def test_metas_are_attributes(tmp_path: Path) -> None:
    uses = "!Sentencizer {metas: {name: cut, batch_size: 32, on_gpu: true, read_only: on, workspace: cuts}}"
    cutter = load(uses, workspace=tmp_path)
    assert (cutter.name, cutter.batch_size, cutter.on_gpu, cutter.read_only) == ("cut", 32, True, True)
    assert cutter.workspace == tmp_path / "cuts"
    assert (tmp_path / "cuts").is_dir()


def test_metas_that_are_left_out_have_defaults() -> None:
    cutter = load("Sentencizer")
    assert (cutter.name, cutter.batch_size, cutter.on_gpu, cutter.read_only) == ("Sentencizer", None, False, False)
    assert cutter.workspace is None


def test_drivers_are_read_by_kind_under_both_names() -> None:
    uses = """
    !Sentencizer
    requests:
      on:
        [SearchRequest, IndexRequest]: [!First {a: 1}]
        index: [!Second]
        DeleteRequest:
    """
    assert load(uses).requests_on == {
        "search": [Tagged("First", {"a": 1})],
        "index": [Tagged("First", {"a": 1}), Tagged("Second")],
        "delete": [],
    }


def test_all_that_is_wrong_is_told_at_once() -> None:
    uses = """
    !Chunk2DocRanker
    with: {agregate: max, aggregate: bets}
    metas: {nam: x, batch_size: 0, workspace: /etc, name: ../x, on_gpu: 3}
    requests: {on: {Index: [], SearchRequest: [5], ControlRequest: [], train: !A {}}}
    component: []
    """
    with pytest.raises(ManifestError) as caught:
        load(uses)
    found = problems(caught)
    assert found["uses.component"] == 'unknown key; did you mean "components"?'
    assert found["uses.with.agregate"] == 'unknown argument of Chunk2DocRanker; did you mean "aggregate"?'
    assert "'bets'" in found["uses.with.aggregate"]
    assert found["uses.metas.nam"] == 'unknown key; did you mean "name"?'
    assert found["uses.metas.batch_size"] == "is 1 or more (given: 0)"
    assert "leads out of" in found["uses.metas.workspace"]
    assert "is not a name" in found["uses.metas.name"]
    assert found["uses.metas.on_gpu"] == "is of type bool (given: 3)"
    assert 'did you mean "index"' in found["uses.requests.Index"]
    assert "is named by its class" in found["uses.requests.SearchRequest[0]"]
    assert "no control requests" in found["uses.requests.ControlRequest"]
    assert "is a list of Drivers" in found["uses.requests.train"]


@pytest.mark.parametrize(
    ("uses", "path", "said"),
    [
        ("!Sentenciser {}", "uses", 'did you mean "Sentencizer"?'),
        ("!UniquePbIndexer {}", "uses", "[!DocIDCache {}, !BinaryPbIndexer {}] of a CompoundIndexer"),
        ("!BaseEncoder {}", "uses", "it is called Encoder"),
        ("_indx", "uses", 'no built-in is named "_indx"; did you mean "_index"?'),
        ("Sentenciser", "uses", 'did you mean "Sentencizer"?'),
        ("a: b", "uses", "YAML text begins with `!ClassName`"),
        ("rm -rf /", "uses", "is not a built-in name"),
        ("", "uses", "is not a built-in name"),
        ("cut.yml", "uses", "there is no folder here"),
        ("!Sentencizer [1]", "uses", "is a mapping"),
        ("!Sentencizer {with: [1]}", "uses.with", "is a mapping"),
        ("# nothing but a comment", "uses", "is named by its class"),
        ("!Encoder {}", "uses", "Encoder has no encode(), which its family requires"),
        ("!Sentencizer {with: {max_sent_len: '5'}}", "uses.with.max_sent_len", "valid integer"),
        ("!Sentencizer {with: {max_sent_len: 5.5}}", "uses.with.max_sent_len", "valid integer"),
        ("!Sentencizer {with: {punct_chars: [ab]}}", "uses.with.punct_chars", "single characters"),
        ("!RandomProjection {with: {output_dim: 0}}", "uses.with.output_dim", "is 1 or more (given: 0)"),
        ("!RandomProjection {with: {seed: !Sentencizer {}}}", "uses.with.seed", "stand under `components`"),
        ("!RandomProjection {with: {seed: $NOT_SET}}", "uses.with.seed", "NOT_SET is not set"),
        ("!Sentencizer {components: [!Sentencizer {}]}", "uses.components", "is not a CompoundExecutor"),
        ("!CompoundExecutor {components: {a: 1}}", "uses.components", "is a list of Executors"),
        ("!CompoundExecutor {components: [5]}", "uses.components[0]", "is named by its class"),
        (
            "!PipelineEncoder {components: [!RandomProjection {with: {dim: 5}}]}",
            "uses.components[0].with.dim",
            "known: output_dim, seed, input_dim",
        ),
        ("!PipelineEncoder {components: [!Sentencizer {}]}", "uses.with.components[0]", "Sentencizer is no Encoder"),
        ("!PipelineEncoder {}", "uses.with.components", "is empty"),
        ("!Sentencizer {requests: {}}", "uses.requests", "under `on:` in YAML with tags"),
    ],
)
def test_what_is_wrong_is_told_with_its_path(uses: str, path: str, said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        load(uses, env={})
    found = problems(caught)
    assert said in found.get(path, ""), found


@pytest.mark.parametrize(
    "uses",
    [
        "!CompoundIndexer {components: [!DocIDCache {}, !BinaryPbIndexer {}]}",
        "!CompoundIndexer {components: [!DocIDCache {}, !NumpyIndexer {}]}",
        "!BinaryPbIndexer {requests: {on: {index: [!Buffer2URI {}, !KVIndexDriver {exclude: [buffer, embedding]}]}}}",
    ],
)
def test_what_is_told_to_take_the_place_of_a_former_class_loads(uses: str) -> None:
    with load(uses) as executor:
        assert Runner(executor).accepts


@pytest.mark.parametrize(
    ("uses", "arguments"),
    [
        ("!Sentencizer {with: {min_sent_len: 0, max_sent_len: -1}}", ["min_sent_len", "max_sent_len"]),
        ("!SlidingWindowSegmenter {with: {window_size: 0, step_size: 0}}", ["window_size", "step_size"]),
        ("!SlidingWindowSegmenter {with: {window_size: 5, step_size: 6}}", ["step_size"]),
        (
            "!RandomProjection {with: {output_dim: 0, seed: -1, input_dim: 0}}",
            ["input_dim", "output_dim", "seed"],
        ),
        ("!TransformEncoder {with: {output_dim: 0}}", ["output_dim"]),
        ("!TransformEncoder {with: {method: ica, whiten: 1}}", ["method", "whiten"]),
        ("!HashingTextEncoder {with: {output_dim: 0}}", ["output_dim"]),
        ("!MinkowskiDistanceEvaluator {with: {order: .nan}}", ["order"]),
    ],
)
def test_arguments_out_of_range_are_all_told(uses: str, arguments: list[str]) -> None:
    with pytest.raises(ManifestError) as caught:
        load(uses)
    assert [problem.path for problem in caught.value.problems] == [f"uses.with.{argument}" for argument in arguments]


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_bytes(b"\xff\xfe")
    with pytest.raises(ManifestError, match=r'uses: the file "a.yml" is not UTF-8 text'):
        load("a.yml", folder=tmp_path)


def test_a_wrong_argument_of_the_manifest_is_reported_there() -> None:
    with pytest.raises(ManifestError) as caught:
        load("RandomProjection", arguments={"output_dmi": 5, "seed": -1, "output_dim": "x"})
    assert problems(caught)["executor.with.output_dmi"].endswith('did you mean "output_dim"?')
    assert "integer" in problems(caught)["executor.with.output_dim"]
    with pytest.raises(ManifestError) as caught:
        load("RandomProjection", arguments={"seed": -1})
    assert "executor.with.seed" in problems(caught)


@pytest.mark.parametrize("name", ["../secret.yml", "/etc/hosts.yml", "link.yml", "folder/../../secret.yml", "a\\b.yml"])
def test_no_file_outside_the_folder_is_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.yml").write_text("!Sentencizer")
    folder = tmp_path / "executor"
    folder.mkdir()
    (folder / "link.yml").symlink_to(tmp_path / "secret.yml")
    with pytest.raises(ManifestError, match="leads out of the Executor's folder"):
        load(name, folder=folder)


@pytest.mark.parametrize("name", ["a" * 5000, "\ud800", "loop"], ids=["too long", "no Unicode", "a link to itself"])
@pytest.mark.parametrize("uses", ["{}.yml", "!Sentencizer {{metas: {{py_modules: {}.py}}}}"], ids=["YAML", "Python"])
def test_what_cannot_be_the_name_of_a_file_is_told(tmp_path: Path, uses: str, name: str) -> None:
    for link in (tmp_path / "loop.yml", tmp_path / "loop.py"):
        link.symlink_to(link)
    with pytest.raises(
        ManifestError, match=r"cannot be the name of a file|no file|is not a Python file|special characters"
    ):
        load(uses.format(name), folder=tmp_path)


@pytest.mark.parametrize("file", [("a\0.py", "x"), ("a.py", "\ud800")], ids=["its name", "its text"])
def test_a_file_of_the_manifest_that_cannot_be_written_is_told(file: tuple[str, str]) -> None:
    with pytest.raises(ManifestError, match="cannot be written"):
        load("_pass", files=dict([file]))


@pytest.mark.parametrize(
    "uses",
    [
        "!RandomProjection {with: {output_dim: NUMBER}}",
        "!RandomProjection {with: {output_dim: $NUMBER}}",
        "!RandomProjection {metas: {batch_size: NUMBER}}",
        "!RandomProjection {metas: {name: NUMBER}}",
        "!RandomProjection {requests: {on: {index: [!EncodeDriver {batch_size: NUMBER}]}}}",
    ],
)
@pytest.mark.parametrize("number", ["9" * 5000, "0x" + "f" * 100_000], ids=["decimal", "hexadecimal"])
def test_a_number_that_python_cannot_write_is_refused(uses: str, number: str) -> None:
    with pytest.raises(ManifestError, match=r"uses.*a number of 5,000|uses.*a number of 100,002"):
        load(uses.replace(" NUMBER", f" {number}"), env={"NUMBER": number})


def test_a_file_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "encode.yml").write_text("!Sentencizer")
    with pytest.raises(ManifestError, match=r'no file "encod.yml".*did you mean "encode.yml"'):
        load("encod.yml", folder=tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['touch {marker}']",
        "!os.system {{with: {{command: 'touch {marker}'}}}}",
        "!Sentencizer {{with: {{max_sent_len: !!python/object/apply:os.system ['touch {marker}']}}}}",
        "!Sentencizer {{with: {{max_sent_len: '$(touch {marker})'}}}}",
        '!Sentencizer {{with: {{max_sent_len: \'${{{{ __import__("os").system("touch {marker}") }}}}\'}}}}',
        "!Sentencizer {{metas: {{py_modules: ../evil.py}}}}",
        "!Sentencizer {{metas: {{py_modules: '{marker}.py'}}}}",
    ],
)
def test_no_tag_substitution_or_file_name_runs_code(tmp_path: Path, text: str) -> None:
    marker = tmp_path / "marker"
    for evil in (tmp_path / "evil.py", tmp_path / "marker.py"):
        evil.write_text(f"open({str(marker)!r}, 'w')")
    folder = tmp_path / "executor"
    folder.mkdir()
    with pytest.raises(ManifestError):
        load(text.format(marker=marker), folder=folder)
    assert not marker.exists()


def test_families_cannot_be_used_but_all_else_can_be_named() -> None:
    assert {"Sentencizer", "RandomProjection", "NumpyIndexer", "Chunk2DocRanker"} <= set(builtins())
