from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from peavine.spec import FlowPod, FlowSpec, PodSpec, Storage
from peavine.spec.model import Model
from peavine.spec.status import FlowStatus, PodStatus
from peavine_operator.crds import definitions

ROOT = Path(__file__).resolve().parents[3]
CRDS = {path.name: yaml.safe_load(path.read_text()) for path in sorted((ROOT / "crds").glob("*.yaml"))}


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = CRDS[name]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def nodes(node: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            yield from nodes(node[key], f"{path}[]")


def test_the_files_are_what_the_models_say() -> None:
    assert definitions() == CRDS


@pytest.mark.parametrize(
    ("file", "at", "model"),
    [
        pytest.param("peavine.dev_flows.yaml", ("spec",), FlowSpec, id="a Flow's spec"),
        pytest.param("peavine.dev_flows.yaml", ("spec", "pods", "[]"), FlowPod, id="a Pod of a Flow"),
        pytest.param("peavine.dev_flows.yaml", ("status",), FlowStatus, id="a Flow's status"),
        pytest.param("peavine.dev_peapods.yaml", ("spec",), PodSpec, id="a Pod's spec"),
        pytest.param("peavine.dev_peapods.yaml", ("spec", "storage"), Storage, id="a Pod's storage"),
        pytest.param("peavine.dev_peapods.yaml", ("status",), PodStatus, id="a Pod's status"),
    ],
)
def test_fields_and_what_is_required_agree(file: str, at: tuple[str, ...], model: type[Model]) -> None:
    node = schema(file)
    for step in at:
        node = node["items"] if step == "[]" else node["properties"][step]
    fields = {field.serialization_alias or field.alias or name: field for name, field in model.model_fields.items()}
    assert set(node["properties"]) == set(fields)
    assert set(node.get("required", ())) == {name for name, field in fields.items() if field.is_required()}


@pytest.mark.parametrize("file", sorted(CRDS))
def test_every_field_that_users_write_is_described(file: str) -> None:
    for path, node in nodes(schema(file)["properties"]["spec"], "spec"):
        if not path.endswith("[]"):
            assert node.get("description", "").endswith((".", "...")), path


@pytest.mark.parametrize("file", sorted(CRDS))
def test_only_what_is_meant_to_be_open_is_open(file: str) -> None:
    fields = [path for path, node in nodes(schema(file), "") if node.get("x-kubernetes-preserve-unknown-fields")]
    assert {path.rpartition(".")[2] for path in fields} == {
        "podTemplate", "with", "metas", "requests", "components[]", "metrics[]", "behavior",
    }  # fmt: skip


@pytest.mark.parametrize("file", sorted(CRDS))
def test_lists_of_named_things_can_have_several_owners(file: str) -> None:
    for path, node in nodes(schema(file)["properties"]["spec"], "spec"):
        if node.get("type") == "array" and "name" in node["items"].get("properties", {}):
            assert node["x-kubernetes-list-map-keys"] == ["name"], path


def test_the_scale_subresource_has_replicas_to_read() -> None:
    version = CRDS["peavine.dev_peapods.yaml"]["spec"]["versions"][0]
    assert version["subresources"]["scale"]["specReplicasPath"] == ".spec.replicas"
    assert schema("peavine.dev_peapods.yaml")["properties"]["spec"]["properties"]["replicas"]["default"] == 1


def test_the_reference_writes_defaults_as_a_manifest_does() -> None:
    page = (ROOT / "docs" / "resources.md").read_text()
    assert "| boolean | `true` |" in page
    assert "| `True` |" not in page
    assert "| `` |" not in page
