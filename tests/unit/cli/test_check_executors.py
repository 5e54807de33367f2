import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from peavine.cli.check import check

ROOT = Path(__file__).parents[3]


def problems(folder: Path, *pods: str) -> dict[str, str]:
    text = "apiVersion: peavine.dev/v1alpha1\nkind: Flow\nmetadata: {name: a}\nspec:\n  pods:\n"
    (folder / "flow.yaml").write_text(text + "".join(f"  - {pod}\n" for pod in pods))
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
    assert 'did you mean "SegmentDriver"' in found["spec.pods[0].uses.requests.on.index[0]"]
    assert 'did you mean "SegmentDriver"' in found["spec.pods[1].uses.requests.on.index[0]"]
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
