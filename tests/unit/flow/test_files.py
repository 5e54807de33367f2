"""What a manifest names beside it is taken into it, and nothing else is read."""

from pathlib import Path
from typing import Any

import pytest

from peavine.errors import ManifestError
from peavine.flow import read, read_text, write
from peavine.flow.files import examine_data

MANIFEST = """
apiVersion: peavine.dev/v1alpha1
kind: Flow
metadata: {{name: x}}
spec:
  pods:
  - name: encode
    uses: {uses}
"""

ENCODER = "!Mine\nwith: {dim: $DIM}\nmetas: {py_modules: [mine.py]}\n"


def _write(folder: Path, uses: str) -> Path:
    path = folder / "flow.yaml"
    path.write_text(MANIFEST.format(uses=uses))
    return path


def test_yaml_and_python_beside_the_manifest_are_taken_in(tmp_path: Path) -> None:
    (tmp_path / "encode.yml").write_text(ENCODER)
    (tmp_path / "mine.py").write_text("class Mine: ...\n")
    flow, notes = read(_write(tmp_path, "encode.yml"))
    assert flow.manifest()["spec"]["pods"][0]["executor"] == {
        "class": "Mine",
        "with": {"dim": "$DIM"},
        "metas": {"py_modules": ["mine.py"]},
    }
    assert flow.spec.pods[0].files == {"mine.py": "class Mine: ...\n"}
    assert notes == []


def test_what_was_taken_in_needs_no_folder_any_more(tmp_path: Path) -> None:
    (tmp_path / "encode.yml").write_text(ENCODER)
    (tmp_path / "mine.py").write_text("class Mine:\n    '''Doc.'''\n\n    x = \"a: b\"\n")
    flow, _ = read(_write(tmp_path, "encode.yml"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "flow.yaml").write_text(write(flow))
    assert read(elsewhere / "flow.yaml")[0] == flow


@pytest.mark.parametrize("value", ["encode.yml", "_index", "!Mine {}"])
def test_text_is_not_taken_for_an_executor_object(tmp_path: Path, value: str) -> None:
    (tmp_path / "encode.yml").write_text("class: _index\n")
    plain = {"metadata": {"name": "a"}, "spec": {"pods": [{"name": "a", "executor": value}]}}
    with pytest.raises(ManifestError, match=r"spec\.pods\[0\]\.executor: should be a mapping of fields"):
        examine_data(plain, tmp_path).manifest()


@pytest.mark.parametrize("value", ["docker://image", "two words"])
def test_a_head_runs_no_image_and_nothing_without_a_name(value: str) -> None:
    plain = {"metadata": {"name": "a"}, "spec": {"pods": [{"name": "a", "head": {"before": value}}]}}
    with pytest.raises(ManifestError, match=r"spec\.pods\[0\]\.head\.before: .* is not a built-in name, a class name"):
        examine_data(plain, Path()).manifest()


def test_a_quoted_reference_stays_quoted_where_a_tag_becomes_text(tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text(MANIFEST.format(uses='!Mine {with: {size: "$SIZE", mode: !Mode FAST}}'))
    assert '"$SIZE"' in str(read(tmp_path / "flow.yaml")[0].spec.pods[0].uses)


def test_modules_of_components_are_taken_in(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("class A: ...\n")
    (tmp_path / "all.yml").write_text("!CompoundExecutor\ncomponents:\n- !A\n  metas: {py_modules: a.py}\n")
    flow, _ = read(_write(tmp_path, "all.yml"))
    assert list(flow.spec.pods[0].files) == ["a.py"]


def test_modules_are_taken_in_where_the_yaml_begins_with_a_comment(tmp_path: Path) -> None:
    (tmp_path / "encode.yml").write_text("# Ours.\n" + ENCODER)
    (tmp_path / "mine.py").write_text("class Mine: ...\n")
    assert list(read(_write(tmp_path, "encode.yml"))[0].spec.pods[0].files) == ["mine.py"]


def test_missing_files_are_named_beside_what_else_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ManifestError) as caught:
        read(_write(tmp_path, "no.yml\n    shards: 0\n    needs: [nobody]"))
    paths = ["spec.pods[0].needs[0]", "spec.pods[0].shards", "spec.pods[0].uses"]
    assert [problem.path for problem in caught.value.problems] == paths


EXECUTORS = {
    "a tag": ("uses: !Mine {with: {dim: 3}}", {"executor": {"class": "Mine", "with": {"dim": 3}}}),
    "text": ('uses: "!Mine {with: {dim: 3}}"', {"executor": {"class": "Mine", "with": {"dim": 3}}}),
    "an object": ("executor: {class: Mine, with: {dim: 3}}", {"executor": {"class": "Mine", "with": {"dim": 3}}}),
    "an object as text": ('uses: "{class: Mine, with: {dim: 3}}"', {"executor": {"class": "Mine", "with": {"dim": 3}}}),
    "a tag in the head": ("head: {before: !Mine {}}", {"head": {"before": {"class": "Mine"}}}),
    "text in the head": ('head: {after: "!Mine {}"}', {"head": {"after": {"class": "Mine"}}}),
    "a name in the head": ("head: {after: _merge}", {"head": {"after": {"class": "_merge"}}}),
    "a built-in name": ("uses: _index", {"uses": "_index"}),
    "a class name": ("uses: Mine", {"uses": "Mine"}),
    "arguments over a name": (
        "uses: _index\n    executor: {with: {a: 1}}",
        {"executor": {"class": "_index", "with": {"a": 1}}},
    ),
    "arguments over text": (
        'uses: "!Mine {with: {a: 1, b: 1}}"\n    executor: {with: {b: 2}}',
        {"executor": {"class": "Mine", "with": {"a": 1, "b": 2}}},
    ),
    "arguments over those by place": (
        'uses: "!Mine {with: {args: [1]}}"\n    executor: {with: {b: 2}}',
        {"uses": "!Mine {with: {args: [1]}}", "executor": {"with": {"b": 2}}},
    ),
    "Drivers": (
        'uses: "!A {requests: {on: {[IndexRequest, search]: [!B {x: 1}, !C], SearchRequest: [!D {with: {y: 2}}]}}}"',
        {
            "executor": {
                "class": "A",
                "requests": {
                    "index": [{"class": "B", "with": {"x": 1}}, "C"],
                    "search": [{"class": "B", "with": {"x": 1}}, "C", {"class": "D", "with": {"y": 2}}],
                },
            }
        },
    ),
    "components": (
        'uses: "!A {components: [!B {with: {x: 1}}]}"',
        {"executor": {"class": "A", "components": [{"class": "B", "with": {"x": 1}}]}},
    ),
}


@pytest.mark.parametrize(("written", "said"), EXECUTORS.values(), ids=EXECUTORS.keys())
def test_an_executor_becomes_an_object_however_it_is_written(
    written: str, said: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "flow.yaml").write_text(MANIFEST.format(uses="_pass").replace("uses: _pass", written))
    flow, _ = read(tmp_path / "flow.yaml")
    assert flow.manifest()["spec"]["pods"][0] == {"name": "encode", **said}
    assert read_text(write(flow), tmp_path)[0] == flow


@pytest.mark.parametrize(
    "text",
    [
        "!Mine {with: {mode: !Mode FAST}}",
        '!Mine {with: {size: "${SIZE}"}}',
        "!Mine {with: {nothing: null}}",
        "!Mine {with: {1: one}}",
        "!Mine {with: {size: .inf}}",
        "!Mine {with: {size: 18446744073709551616}}",
        "!Mine {with: {size: '$${{root.requests.index.0.x}}'}}",
        "!Mine {unknown: 1}",
    ],
)
def test_what_no_object_can_say_stays_text(text: str) -> None:
    plain = {"metadata": {"name": "a"}, "spec": {"pods": [{"name": "a", "uses": text}]}}
    assert examine_data(plain, Path()).manifest().spec.pods[0].uses == text


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ("spec:", "spec"),
        ("spec: [1]", "spec"),
        ("spec: {pods: [{name: a, files: [x]}]}", "spec.pods[0].files"),
        ("spec: {pods: [{name: a, files: text}]}", "spec.pods[0].files"),
        ('spec: {pods: [{name: a, uses: "a\\0.yml"}]}', "spec.pods[0].uses"),
    ],
)
def test_what_has_the_wrong_shape_is_named(body: str, path: str) -> None:
    with pytest.raises(ManifestError) as caught:
        read_text(f"metadata: {{name: x}}\n{body}", Path())
    assert [problem.path for problem in caught.value.problems] == [path]


@pytest.mark.parametrize("uses", ["!Mine {metas: {py_modules: 3}}", "!Mine {components: 3, metas: {py_modules: [3]}}"])
def test_what_an_executors_yaml_says_wrongly_is_left_to_its_pea(uses: str) -> None:
    assert read_text(f"metadata: {{name: x}}\nspec: {{pods: [{{name: a, uses: '{uses}'}}]}}", Path())[0]


def test_every_missing_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "encode.yml").write_text("!Mine {metas: {py_modules: [a.py, b.py]}}\n")
    with pytest.raises(ManifestError) as caught:
        read(_write(tmp_path, "encode.yml"))
    assert [problem.path for problem in caught.value.problems] == ["spec.pods[0].uses.metas.py_modules"] * 2
    with pytest.raises(ManifestError, match=r'spec\.pods\[0\]\.uses: "no\.yml" cannot be read next to the manifest'):
        read(_write(tmp_path, "no.yml"))


@pytest.mark.parametrize("name", ["../secret.yml", "/etc/secret.yml", "link.yml"])
def test_nothing_outside_the_folder_is_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.yml").write_text("!Secret {}\n")
    folder = tmp_path / "flow"
    folder.mkdir()
    (folder / "link.yml").symlink_to(tmp_path / "secret.yml")
    with pytest.raises(ManifestError, match="outside the folder of the manifest"):
        read(_write(folder, name))


def test_two_modules_of_one_name_are_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "uses.yml").write_text("!Mine {metas: {py_modules: mine.py}}\n")
        (tmp_path / folder / "mine.py").write_text(f"# {folder}\n")
    with pytest.raises(ManifestError, match=r'two different files are named "mine\.py"'):
        read(_write(tmp_path, "a/uses.yml\n    head: {before: b/uses.yml}"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"[1, 2", "expected"),
        (b"- 1", "mapping"),
        (b"", "mapping"),
        (b"!Pod {}", "a Flow is wanted"),
    ],
    ids=["bytes", "broken YAML", "a list", "nothing", "another tag"],
)
def test_what_is_no_manifest_is_refused_with_its_name(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "flow.yaml"
    path.write_bytes(content)
    with pytest.raises(ManifestError, match=said) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"nowhere\.yaml: cannot be read: No such file"):
        read(tmp_path / "nowhere.yaml")
