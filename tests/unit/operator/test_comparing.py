"""Whether an object is as wanted, also where somebody added to what belongs to the operator as a whole."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from peavine.spec import Pod, parse
from peavine_operator import kinds, names
from peavine_operator.applying import owned
from peavine_operator.comparing import applies_replicas, differences, without_more
from peavine_operator.crds import definitions
from peavine_operator.observed import trim
from peavine_operator.render import Target, everything, flow_pods, pod_objects
from tests.unit.operator.test_render import with_defaults

FLOWS = sorted((Path(__file__).parent / "flows").glob("*.yaml"))
TARGET = Target("default", "peavine/runtime:test")
OWNER = {"apiVersion": "peavine.dev/v1alpha1", "kind": "Flow", "metadata": {"name": "f", "uid": "u"}}
POD_SCHEMA = definitions()["peavine.dev_peapods.yaml"]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def pod_resource(**pod: Any) -> dict[str, Any]:
    flow = parse({"metadata": {"name": "f"}, "spec": {"pods": [{"name": "a", **pod}]}})
    return owned(flow_pods(flow, TARGET)[0], OWNER)


def live(wanted: dict[str, Any]) -> dict[str, Any]:
    """Return a Pod resource as the API server keeps it, with its defaults."""
    return copy.deepcopy(with_defaults(wanted, POD_SCHEMA))


def merged(patch: Any, target: Any) -> Any:
    """Apply a merge patch (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    made = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = merged(value, made.get(key))
    return made


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_what_was_applied_is_as_wanted(path: Path) -> None:
    for item in everything(parse(yaml.safe_load(path.read_text())), TARGET):
        wanted = owned(item, OWNER)
        there = live(wanted) if kinds.of(item) == kinds.POD else copy.deepcopy(wanted)
        assert differences(wanted, there) == []
        assert differences(wanted, trim(there)) == []


ADDED: dict[str, dict[str, Any]] = {
    "a file": {"files": {"mine.py": "", "evil.py": ""}},
    "an argument": {"executor": {"with": {"metric": "cosine", "evil": 1}}},
    "a switch": {"readOnly": True},
    "a pod template": {"podTemplate": {"spec": {"nodeSelector": {"disk": "tape"}}}},
    "an autoscaler": {"autoscaling": {"maxReplicas": 3}},
}


@pytest.mark.parametrize("added", ADDED.values(), ids=ADDED.keys())
def test_what_is_added_to_a_pod_of_a_flow_is_found_and_taken_away(added: dict[str, Any]) -> None:
    wanted = pod_resource(uses="!Mine {}", executor={"with": {"metric": "cosine"}}, files={"mine.py": ""})
    there = live(wanted)
    there["spec"].update(added)
    (found,) = differences(wanted, there)
    assert found.startswith(f"spec.{next(iter(added))}")
    mended = merged(without_more(wanted, there), there)
    assert differences(wanted, live(mended)) == []


def test_a_pod_of_a_flow_keeps_the_replicas_that_somebody_scaled_it_to() -> None:
    wanted = pod_resource()
    there = live(wanted)
    there["spec"]["replicas"] = 5
    assert differences(wanted, there) == []
    assert merged(without_more(wanted, there), there)["spec"]["replicas"] == 5
    assert differences(pod_resource(replicas=2), there) == ["spec.replicas is 5 instead of 2"]


def config_map() -> dict[str, Any]:
    pod = Pod.model_validate(pod_resource(uses="!Mine {}"))
    made = pod_objects(pod, TARGET).config
    return owned(made, OWNER)


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param({"data": {"pod.json": '{"spec": {"uses": "!Evil {}"}}'}}, id="another content"),
        pytest.param({"binaryData": {"evil.py": "eA=="}}, id="a file more"),
    ],
)
def test_a_config_map_with_our_name_owner_and_hash_is_not_trusted_for_them(forged: dict[str, Any]) -> None:
    wanted = config_map()
    there = {**copy.deepcopy(wanted), **forged}
    for seen in (there, trim(there)):
        (found,) = differences(wanted, seen)
        assert found.startswith("data is ")


SWITCHES: dict[str, tuple[str, list[str], Any]] = {
    "a paused Deployment": ("Deployment", ["spec", "paused"], True),
    "a Deployment that waits": ("Deployment", ["spec", "minReadySeconds"], 9999),
    "a StatefulSet that waits": ("StatefulSet", ["spec", "minReadySeconds"], 9999),
    "a partition": ("StatefulSet", ["spec", "updateStrategy", "rollingUpdate", "partition"], 1),
    "shards numbered otherwise": ("StatefulSet", ["spec", "ordinals", "start"], 3),
    "a label more in a Service's selector": ("Service", ["spec", "selector", "app"], "other"),
    "a label more in a budget's selector": ("PodDisruptionBudget", ["spec", "selector", "matchLabels", "app"], "other"),
}


@pytest.mark.parametrize(("kind", "path", "value"), SWITCHES.values(), ids=SWITCHES.keys())
def test_what_holds_a_workload_back_or_cuts_it_off_is_a_difference(kind: str, path: list[str], value: object) -> None:
    pods = [{"name": "a", "shards": 2, "needs": ["gateway"]}, {"name": "b", "needs": ["a"]}]
    flow = parse({"metadata": {"name": "f"}, "spec": {"pods": pods}})
    wanted = next(owned(item, OWNER) for item in everything(flow, TARGET) if item["kind"] == kind)
    there = copy.deepcopy(wanted)
    part = there
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    (found,) = differences(wanted, there)
    assert found.startswith(".".join(path))


def managed(manager: str, operation: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"managedFields": [{"manager": manager, "operation": operation, "fieldsV1": fields}]}}


@pytest.mark.parametrize(
    ("there", "applies"),
    [
        (managed(names.FIELD_MANAGER, "Apply", {"f:spec": {"f:replicas": {}}}), True),
        (managed(names.FIELD_MANAGER, "Apply", {"f:spec": {"f:uses": {}}}), False),
        (managed("kubectl", "Update", {"f:spec": {"f:replicas": {}}}), False),
        ({"metadata": {}}, False),
    ],
)
def test_replicas_are_the_operators_only_while_it_says_them(there: dict[str, Any], applies: bool) -> None:
    assert applies_replicas(there) is applies
