"""Which processes a Flow is on one machine."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from peavine import logs, spec
from peavine.errors import ManifestError
from peavine.flow.order import in_order
from peavine.local import Layout, Listen, Process, layout
from peavine.local.health import addresses

FOLDER = Path("/tmp/peavine-x")
DATA = Path("/data")


def _layout(*pods: dict[str, Any], **fields: Any) -> Layout:
    manifest = {"metadata": {"name": "flow"}, "spec": {"pods": in_order(pods), **fields}}
    return layout(spec.parse(manifest), FOLDER, DATA, Listen())


def _option(process: Process, name: str) -> str:
    return process.command[process.command.index(name) + 1]


def test_replicas_are_processes_of_one_pod() -> None:
    made = _layout({"name": "a", "replicas": 2})
    assert [process.name for process in made.processes] == ["a-0-0", "a-0-1", "gateway"]
    plan = json.loads(made.files[FOLDER / "gateway.json"])
    assert plan["steps"][0]["shards"] == [[f"unix:{FOLDER}/a-0-0.sock", f"unix:{FOLDER}/a-0-1.sock"]]


def test_shards_stand_behind_a_head() -> None:
    made = _layout({"name": "a", "shards": 2})
    assert [process.role for process in made.processes] == ["pea", "pea", "head", "gateway"]
    assert [_option(process, "--shard") for process in made.processes[:2]] == ["0", "1"]
    head = json.loads(made.files[FOLDER / "a-head.json"])
    assert [len(shard) for shard in head["steps"][0]["shards"]] == [1, 1]
    plan = json.loads(made.files[FOLDER / "gateway.json"])
    assert plan["steps"][0]["shards"] == [[f"unix:{FOLDER}/a-head.sock"]]


def test_each_shard_has_its_folder_and_replicas_that_write_have_their_own() -> None:
    made = _layout(
        {"name": "a", "shards": 2}, {"name": "b", "replicas": 2}, {"name": "c", "replicas": 2, "readOnly": True}
    )
    folders = {process.name: _option(process, "--data") for process in made.processes if process.role == "pea"}
    assert folders["a-1-0"] == "/data/a-1"
    assert folders["b-0-0"] != folders["b-0-1"]
    assert folders["c-0-0"] == folders["c-0-1"] == "/data/c-0"


def test_the_flows_environment_and_the_pods_reach_its_peas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "secret")
    source = {"secretKeyRef": {"name": "s", "key": "k"}}
    pod = {"name": "a", "env": [{"name": "X", "value": "own"}, {"name": "TOKEN", "valueFrom": source}]}
    made = _layout(pod, env=[{"name": "X", "value": "all"}, {"name": "Y", "value": "all"}])
    assert made.processes[0].env == {"X": "own", "Y": "all"}, "TOKEN is in the environment of this process"


def test_what_a_cluster_may_lack_is_not_set_where_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKEN", raising=False)
    source = {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}
    made = _layout({"name": "a", "env": [{"name": "TOKEN", "valueFrom": source}]})
    assert made.processes[0].env == {}


def test_what_only_a_cluster_can_do_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKEN", raising=False)
    source = {"secretKeyRef": {"name": "s", "key": "k"}}
    pods = (
        {"name": "a", "podRef": {"name": "shared"}},
        {"name": "b", "uses": "docker://image"},
        {"name": "c", "image": "image"},
        {"name": "d", "env": [{"name": "TOKEN", "valueFrom": source}]},
        {"name": "e", "filesFrom": [{"configMapRef": {"name": "c"}}]},
        {"name": "f", "envFrom": [{"secretRef": {"name": "s"}}]},
        {"name": "g", "envFrom": [{"secretRef": {"name": "s", "optional": True}}]},
    )
    with pytest.raises(ManifestError) as caught:
        _layout(*pods, env=[{"name": "KEY", "valueFrom": source}])
    paths = [problem.path for problem in caught.value.problems]
    assert paths == [
        "spec.env[0].valueFrom",
        "spec.pods[0].podRef",
        "spec.pods[1].uses",
        "spec.pods[2].image",
        "spec.pods[3].env[0].valueFrom",
        "spec.pods[4].filesFrom",
        "spec.pods[5].envFrom",
    ]
    assert "set TOKEN before `peavine run`" in str(caught.value)


def test_a_folder_too_long_for_sockets_is_refused() -> None:
    flow = spec.parse({"metadata": {"name": "flow"}, "spec": {"pods": [{"name": "a"}]}})
    with pytest.raises(ManifestError, match="TMPDIR"):
        layout(flow, Path("/tmp") / ("x" * 90))


def test_addresses_are_read_when_they_are_whole(tmp_path: Path) -> None:
    file = tmp_path / "addresses"
    assert addresses(file) == {}
    file.write_text('{"grpc": "0.0.0.0:8')
    assert addresses(file) == {}
    file.write_text('{"grpc": "0.0.0.0:81", "http": "10.0.0.1:80"}')
    assert addresses(file) == {"grpc": "127.0.0.1:81", "http": "10.0.0.1:80"}


def _record(level: int, error: BaseException | None = None) -> logging.LogRecord:
    exc_info = (type(error), error, None) if error else None
    return logging.LogRecord("peavine.x", level, "x.py", 1, "hello %s", ("you",), exc_info)


def test_a_json_line_has_the_context_and_the_error() -> None:
    line = json.loads(logs.JsonLines({"pea": "a-0"}).format(_record(logging.ERROR, ValueError("no"))))
    assert (line["level"], line["message"], line["pea"], line["logger"]) == ("error", "hello you", "a-0", "peavine.x")
    assert "ValueError: no" in line["exception"]


def test_a_text_line_names_the_level_where_it_matters() -> None:
    text = logs.TextLines()
    assert text.format(_record(logging.INFO)).endswith(" hello you")
    assert " WARNING hello you" in text.format(_record(logging.WARNING))
    assert text.format(_record(logging.ERROR, ValueError("no"))).endswith("ValueError: no")
