import json
import re
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from peavine.cli import main
from peavine.cli.check import check
from peavine.cli.convert import convert
from peavine.errors import ManifestError
from peavine.flow import checked, read
from peavine.flow.files import examine_text
from peavine_operator.acceptance import accept_flow

ROOT = Path(__file__).parents[3]


def problems(folder: Path, *pods: str) -> dict[str, str]:
    text = "apiVersion: peavine.dev/v1alpha1\nkind: Flow\nmetadata: {name: a}\nspec:\n  pods:\n"
    names = ["gateway", *(pod.partition("\n")[0].removeprefix("name: ") for pod in pods)]
    listed = (f"  - {pod}\n    needs: [{name}]\n" for pod, name in zip(pods, names, strict=False))
    (folder / "flow.yaml").write_text(text + "".join(listed))
    result = CliRunner().invoke(check, [str(folder / "flow.yaml"), "--json"], standalone_mode=False)
    told = json.loads(result.output)
    assert result.return_value == (0 if told["ok"] else 2)
    return {problem["path"]: problem["message"] for problem in told["problems"]}


@pytest.mark.parametrize("example", sorted(ROOT.glob("examples/*/flow.yaml")), ids=lambda path: path.parent.name)
def test_the_examples_are_right(example: Path) -> None:
    result = CliRunner().invoke(check, [str(example)], standalone_mode=False)
    assert result.return_value == 0
    assert "is valid" in result.output


MANIFESTS = [
    (page.relative_to(ROOT), block)
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    if "kind: Flow" in block
]


@pytest.mark.parametrize(("page", "text"), MANIFESTS, ids=[str(page) for page, _ in MANIFESTS])
def test_the_manifests_of_the_documentation_are_right(page: Path, text: str, tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text(text)
    result = CliRunner().invoke(check, [str(tmp_path / "flow.yaml")], standalone_mode=False)
    assert result.return_value == 0


@pytest.mark.parametrize(("page", "text"), MANIFESTS, ids=[str(page) for page, _ in MANIFESTS])
def test_the_manifests_of_the_documentation_are_accepted_in_a_cluster_as_they_are(page: Path, text: str) -> None:
    assert accept_flow(yaml.safe_load(text)).spec.pods


@pytest.mark.parametrize("example", sorted(ROOT.glob("examples/*/flow.yaml")), ids=lambda path: path.parent.name)
def test_converted_examples_are_accepted_in_a_cluster_with_executors_as_objects(example: Path) -> None:
    converted = CliRunner().invoke(convert, [str(example)], standalone_mode=False).output
    flow = accept_flow(yaml.safe_load(converted))
    assert flow == read(example)[0]  # also by a parser that is not ours
    assert not [pod.uses for pod in flow.spec.pods if pod.uses and not pod.uses.isidentifier()]


def test_the_manifest_its_quantities_and_its_executors_are_checked_in_one_round(tmp_path: Path) -> None:
    executor = "{class: Sentencizer, with: {max_sent: 5}, requests: {index: [SegmentDrivr]}}"
    found = problems(
        tmp_path,
        f"name: a\n    executor: {executor}\n    replica: 2\n    resources: {{limits: {{memory: lots}}}}",
        "name: b\n    uses: nowhere.yml",
    )
    assert sorted(found) == [
        "spec.pods[0].executor.requests.index[0]",
        "spec.pods[0].executor.with.max_sent",
        "spec.pods[0].replica",
        "spec.pods[0].resources.limits.memory",
        "spec.pods[1].uses",
    ]


def test_fields_that_have_moved_are_named_with_their_new_place(tmp_path: Path) -> None:
    found = problems(tmp_path, "name: a\n    usesWith: {a: 1}\n    usesBefore: _pass\n    usesAfter: _pass")
    assert [message for _, message in sorted(found.items())] == [
        "unknown field, which an earlier peavine had; write `head: {after: {class: ..}}` instead",
        "unknown field, which an earlier peavine had; write `head: {before: {class: ..}}` instead",
        "unknown field, which an earlier peavine had; write `executor: {with: ..}` instead",
    ]


def test_an_executor_is_named_in_one_place(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        "name: a\n    uses: _index\n    executor: {class: Sentencizer}",
        "name: b\n    uses: _index\n    executor: {metas: {name: x}}",
        "name: c\n    head: {replicas: 2}",
        "name: d\n    head: {before: {with: {a: 1}}}",
    )
    assert "leave one of the two out" in found["spec.pods[0].uses"]
    assert "goes with `executor.class`" in found["spec.pods[1].executor.metas"]
    assert "this Pod has no head" in found["spec.pods[2].head"]
    assert found["spec.pods[3].head.before.class"] == "is required"


def test_an_executor_that_is_too_large_is_refused(tmp_path: Path) -> None:
    found = problems(tmp_path, f"name: a\n    executor: {{class: Sentencizer, with: {{punct_chars: {'x' * 270000}}}}}")
    assert "the limit is 262,144" in found["spec.pods[0].executor"]


@pytest.mark.parametrize("command", [["render", "-f"], ["run", "-f"], ["check"]], ids=lambda command: str(command[0]))
def test_every_command_reports_the_same(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "metadata: {name: a}\nspec: {pods: [{name: a, executor: {class: Sentencizer, with: {max_sent: 5}}}]}"
    (tmp_path / "flow.yaml").write_text(text)
    assert main([*command, str(tmp_path / "flow.yaml")]) == 2
    said = capsys.readouterr().err
    assert "spec.pods[0].executor.with.max_sent: unknown argument of Sentencizer; did you mean" in said


CONTENTS = {
    "nothing": b"",
    "bytes": b"\xff\xfe\x00",
    "an image": b"\x89PNG\r\n\x1a\n\x00\x00",
    "text": b"hello",
    "a list": b"[1, 2]",
    "no spec": b"kind: Flow",
    "aliases": b"a: &a [*a]",
    "deep": b"[" * 5000,
    "large": b"a: " + b"x" * (3 * 1024 * 1024),
    "another kind": b"kind: Deployment\nspec: {}",
    "an old Flow that is none": b"!Flow 3",
    "pods that are none": b"spec: {pods: [1, null, {name: 3, uses: [1], executor: 5, head: x, files: {a: 1}}]}",
    "thousands of pods": b"metadata: {name: a}\nspec: {pods: [" + b"{executor: {class: A}}," * 5000 + b"]}",
}  # fmt: skip


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS.keys())
def test_whatever_a_file_holds_is_refused_in_words(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_bytes(content)
    result = CliRunner().invoke(check, [str(tmp_path / "flow.yaml"), "--json"], standalone_mode=False)
    assert result.exception is None
    assert json.loads(result.output)["problems"]


@pytest.mark.parametrize("name", ["folder", "nowhere.yaml", "dangling", "endless"])
def test_what_is_not_a_file_is_refused_in_words(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "endless").symlink_to("/dev/zero")
    assert main(["check", str(tmp_path / name)]) in (1, 2)
    assert name in capsys.readouterr().err


PIECES = [
    "name: a",
    "uses: ",
    "executor: ",
    "!A ",
    "{",
    "}",
    "[",
    "]",
    "class: ",
    "Sentencizer",
    "&a ",
    "*a",
    ", ",
    "$X",
    "\n",
]
BEGIN = "metadata: {name: a}\nspec:\n  pods:\n  - name: a\n    "


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map("".join))
def test_nearly_right_text_is_reported_or_right_and_no_crash(text: str) -> None:
    reading = examine_text(BEGIN + text, Path("/nonexistent"))
    with suppress(ManifestError):
        checked(reading)


def test_what_is_wrong_with_executors_and_drivers_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text("!Mine {metas: {py_modules: mine.py}}")
    (tmp_path / "mine.py").write_text("class Mine:\n    def encode(self): ...\n")
    found = problems(
        tmp_path,
        'name: cut\n    uses: "!Sentencizer {with: {max_sent: 5}, requests: {on: {index: [!SegmentDrivr]}}}"',
        'name: drive\n    uses: "!Sentencizer {requests: {on: {index: [!SegmentDrivr]}}}"',
        "name: mine\n    uses: mine.yml",
        "name: index\n    uses: _index\n    executor: {with: {metrics: cosine}}",
        'name: after\n    head: {after: "!Nothing {}"}',
    )
    assert 'did you mean "max_sent_len"' in found["spec.pods[0].uses.with.max_sent"]
    assert 'did you mean "SegmentDriver"' in found["spec.pods[0].uses.requests.index[0]"]
    assert 'did you mean "SegmentDriver"' in found["spec.pods[1].uses.requests.index[0]"]
    assert "write encode(self, batch)" in found["spec.pods[2].uses"]
    assert 'did you mean "metric"' in found["spec.pods[3].executor.with.metrics"]
    assert "no class is named Nothing" in found["spec.pods[4].head.after"]
    assert len(found) == 6


def test_what_is_not_here_is_not_checked(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        "name: a\n    uses: docker://example/a:1",
        "name: b\n    uses: Unknown\n    image: example/b:1",
        'name: c\n    uses: "!RandomProjection {with: {seed: $SEED}}"\n    env: [{name: SEED, value: "7"}]',
    )
    assert found == {}
