"""Flow files of the old kind become manifests."""

from pathlib import Path

import pytest

from peavine.errors import ManifestError
from peavine.flow import read, read_text
from peavine.spec import Flow, FlowPod

OLD = """
!Flow
version: '1.0'
with: {rest_api: true, port_expose: 45678}
pods:
- name: gateway
- name: Encode_It
  uses: "!RandomProjection {with: {output_dim: 64}}"
  parallel: 2
  timeout_ready: 10000
- uses: _index
  shards: 3
  polling: all
  env: [A=b=c]
"""


def _read(text: str) -> tuple[Flow, list[str]]:
    return read_text(text, Path(), name="old_flow")


def _pods(text: str) -> dict[str, FlowPod]:
    return {pod.name: pod for pod in _read(text)[0].spec.pods}


def test_names_become_kubernetes_names() -> None:
    flow, _ = _read(OLD)
    assert flow.metadata.name == "old-flow"
    assert [pod.name for pod in flow.spec.pods] == ["encode-it", "pod2"]


def test_arguments_become_fields() -> None:
    pods = _pods(OLD)
    assert pods["encode-it"].replicas == 2
    assert pods["pod2"].shards == 3
    assert [(variable.name, variable.value) for variable in pods["pod2"].env] == [("A", "b=c")]
    assert _read(OLD)[0].spec.gateway.grpc_port == 45678


def test_what_an_argument_has_become_is_told_once() -> None:
    _, notes = _read(OLD)
    assert [note for note in notes if note.startswith("with.rest_api")] == [
        "with.rest_api: left out; every gateway serves gRPC and HTTP"
    ]
    assert any(note.startswith("pods[1].timeout_ready") for note in notes)


def test_parallel_means_shards_where_all_were_polled() -> None:
    assert _pods("!Flow {pods: [{name: a, uses: _index, parallel: 2, polling: ALL}]}")["a"].shards == 2


def test_the_oldest_kind_is_a_map_of_pods() -> None:
    pods = _pods("!Flow\npods:\n  a: {uses: _pass}\n  b: {needs: gateway}\n  c: {method: needs, needs: [a, b]}\n")
    assert {name: pod.needs for name, pod in pods.items()} == {"a": None, "b": ["gateway"], "c": ["a", "b"]}
    assert pods["c"].uses == "_merge"


def test_inspecting_pods_are_gathered() -> None:
    pods = _pods("!Flow {version: 1, pods: [{name: a}, {name: e, method: inspect, uses: _eval_pr}, {name: b}]}")
    assert {name: pod.needs for name, pod in pods.items()} == {
        "a": None,
        "e": ["a"],
        "b": ["a"],
        "gather": ["b", "e"],
    }


def test_skipping_an_executor_stays() -> None:
    assert _pods("!Flow {pods: [{name: a, on_error_strategy: SKIP_EXECUTOR}]}")["a"].on_error == "Skip"


def test_the_files_own_environment_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNT", "2")
    text = "!Flow\nenv: {WHAT: _index}\npods:\n- {name: a, uses: $WHAT, shards: $COUNT}\n"
    assert (_pods(text)["a"].uses, _pods(text)["a"].shards) == ("_index", 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("!Flow {pods: [{name: a, paralel: 2}]}", r'pods\[0\]\.paralel: .*did you mean "parallel"'),
        ("!Flow {pods: [{name: a, method: build}]}", r"pods\[0\]\.method"),
        ("!Flow {version: 3, pods: [{name: a}]}", "version: 3 is not known"),
        ("!Flow {pods: [{name: a}], extra: 1}", "extra: is not part"),
        ("!Flow {pods: [a]}", r"pods\[0\]: is not a map"),
        ("!Flow {pods: [{name: a, needs: b}]}", r'no Pod named "b"'),
        ("!Flow {pods: [{name: a, uses: $NOWHERE_SET}]}", "NOWHERE_SET"),
        ("!Flow [1]", "pods"),
    ],
)
def test_what_cannot_be_converted_is_named(text: str, said: str) -> None:
    with pytest.raises(ManifestError, match=said):
        _read(text)


def test_files_beside_an_old_file_are_taken_in(tmp_path: Path) -> None:
    (tmp_path / "flow.yml").write_text("!Flow {pods: [{name: a, uses: enc.yml}]}\n")
    (tmp_path / "enc.yml").write_text("!Mine {metas: {py_modules: mine.py}}\n")
    (tmp_path / "mine.py").write_text("class Mine: ...\n")
    flow, _ = read(tmp_path / "flow.yml")
    assert flow.spec.pods[0].files == {"mine.py": "class Mine: ...\n"}
