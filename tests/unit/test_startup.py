"""The files that a Pea or a gateway is started with."""

from __future__ import annotations

from pathlib import Path

import pytest

from peavine.errors import PeavineError
from peavine.startup import read_plan, read_pod


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "is not a plan: steps: is required"),
        ("[]", "is not a plan: should be a mapping of fields"),
        ('{"name": "f", "stps": []}', 'is not a plan: stps: unknown field; did you mean "steps"?'),
        ('{"name"', "cannot be read: "),
        ("a: [", "cannot be read: "),
    ],
)
def test_a_plan_that_is_none_is_named_with_all_that_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(PeavineError) as caught:
        read_plan(path)
    assert f"{path}: {said}" in str(caught.value)
    assert "pydantic" not in str(caught.value)


def test_a_pod_may_be_json_or_yaml(tmp_path: Path) -> None:
    (tmp_path / "pod.json").write_text('{"metadata": {"name": "a"}, "spec": {"shards": 2}}')
    (tmp_path / "pod.yaml").write_text("metadata: {name: a}\nspec: {shards: 2}\n")
    assert read_pod(tmp_path / "pod.json") == read_pod(tmp_path / "pod.yaml")
    with pytest.raises(PeavineError, match=r"gone\.json: cannot be read"):
        read_pod(tmp_path / "gone.json")


def test_the_files_of_a_folder_stand_beside_the_executor_unless_the_manifest_carries_them(tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text("metadata: {name: a}\nspec: {files: {words.txt: own}}\n")
    # As Kubernetes mounts a ConfigMap: names are links into a folder that is replaced as a whole.
    (tmp_path / "mounted" / "..1").mkdir(parents=True)
    for name in ("words.txt", "stop.txt"):
        (tmp_path / "mounted" / "..1" / name).write_text("theirs")
        (tmp_path / "mounted" / name).symlink_to(Path("..data") / name)
    (tmp_path / "mounted" / "..data").symlink_to("..1")
    files = read_pod(tmp_path / "pod.yaml", tmp_path / "mounted").spec.files
    assert files == {"words.txt": "own", "stop.txt": "theirs"}


def test_a_file_of_a_folder_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text("metadata: {name: a}\nspec: {}\n")
    (tmp_path / "mounted").mkdir()
    (tmp_path / "mounted" / "model.bin").write_bytes(b"\xff\xfe")
    with pytest.raises(PeavineError, match=r"model\.bin: is not UTF-8 text: .*podTemplate"):
        read_pod(tmp_path / "pod.yaml", tmp_path / "mounted")
