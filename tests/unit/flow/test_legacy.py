"""Flow files of the old kind become manifests."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine.errors import ManifestError
from peavine.flow import read, read_text
from peavine.flow.legacy import GONE, RENAMED, SPECIAL, convert
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
    assert _read(OLD)[0].spec.gateway.service.ports.grpc == 45678


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
    assert {name: pod.needs for name, pod in pods.items()} == {"a": ["gateway"], "b": ["gateway"], "c": ["a", "b"]}
    assert pods["c"].uses == "_merge"


def test_inspecting_pods_are_gathered() -> None:
    pods = _pods("!Flow {version: 1, pods: [{name: a}, {name: e, method: inspect, uses: _eval_pr}, {name: b}]}")
    assert {name: pod.needs for name, pod in pods.items()} == {
        "a": ["gateway"],
        "e": ["a"],
        "b": ["a"],
        "gather": ["b", "e"],
    }


def test_skipping_an_executor_stays_and_other_strategies_are_told() -> None:
    assert _pods("!Flow {pods: [{name: a, on_error_strategy: SKIP_EXECUTOR}]}")["a"].on_error == "Skip"
    flow, (note,) = _read("!Flow {pods: [{name: a, on_error_strategy: IGNORE}]}")
    assert flow.spec.pods[0].on_error == "Fail"
    assert note.startswith("a: on_error_strategy IGNORE is left out")


@pytest.mark.parametrize("word", ["ALL", "all", "!PollingType ALL"])
def test_a_word_of_old_is_read_however_it_was_written(word: str) -> None:
    assert _pods(f"!Flow {{pods: [{{name: a, parallel: 2, polling: {word}}}]}}")["a"].shards == 2


def test_arguments_by_name_may_stand_under_kwargs() -> None:
    text = "!Flow {with: {args: [], kwargs: {read_only: true, port_expose: 1}, port_expose: 9000}, pods: [{name: a}]}"
    flow, _ = _read(text)
    assert flow.spec.gateway.service.ports.grpc == 9000
    assert flow.spec.pods[0].read_only


def test_the_size_of_messages_is_the_flows() -> None:
    flow, _ = _read("!Flow {with: {max_message_size: 2048}, pods: [{name: a}]}")
    assert (flow.spec.max_message_bytes, flow.spec.pods[0].max_message_bytes) == (2048, None)
    flow, (note,) = _read("!Flow {with: {max_message_size: -1}, pods: [{name: a}]}")
    assert note.startswith("max_message_size: left out; 16 MiB")


@pytest.mark.parametrize("argument", ["runtime_cls: GRPCRuntime", "workspace_id: x", "num_part: 2", "pod_role: POD"])
def test_arguments_that_nobody_needs_any_more_are_left_out(argument: str) -> None:
    assert _pods(f"!Flow {{pods: [{{name: a, {argument}}}]}}")["a"].manifest() == {"name": "a"}


WORDS = sorted({*RENAMED, *SPECIAL, *GONE, "needs", "method", "name", "args", "kwargs", "inspect", "a", "with", "pods"})
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 3) | st.floats() | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=12,
)


@given(ANYTHING, st.lists(st.dictionaries(st.sampled_from(WORDS), ANYTHING, max_size=4), max_size=3) | ANYTHING)
def test_whatever_an_old_file_says_is_converted_or_refused_by_name(shared: object, pods: object) -> None:
    with contextlib.suppress(ManifestError):
        convert({"with": shared, "pods": pods}, "x")


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
        ("!Flow {pods: {a: [1]}}", r"pods\[0\]: is not a map"),
        ("!Flow {pods: 3}", "pods: is a list of Pods"),
        ("!Flow {pods: [{name: a, needs: 3}]}", r"pods\[0\]\.needs: is a Pod's name, or a list"),
        ("!Flow {pods: [{name: a, timeout: soon}]}", r"pods\[0\]\.timeoutSeconds: .*'soon'"),
        ("!Flow {with: [1], pods: [{name: a}]}", "with: is a map"),
        ("!Flow {with: {kwargs: 1}, pods: [{name: a}]}", "with: is a map"),
        ("!Flow {with: {args: [1]}, pods: [{name: a}]}", r"with\.args: have no names"),
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
