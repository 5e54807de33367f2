"""Volumes grow with their manifest, and never shrink."""

from __future__ import annotations

from typing import Any

import pytest

from peavine.spec import parse_pod
from peavine_operator import growth, reasons, render
from peavine_operator.comparing import must_be_made_anew
from peavine_operator.kinds import Object

TARGET = render.Target("default", "peavine/runtime:test")


def stateful_set(size: str = "1Gi", **spec: Any) -> Object:
    metadata = {"name": "a", "namespace": "default"}
    whole = {"uses": "_index", "shards": 2, "storage": {"size": size}, **spec}
    pod = parse_pod({"apiVersion": "peavine.dev/v1alpha1", "kind": "Pod", "metadata": metadata, "spec": whole})
    return render.pod_objects(pod, TARGET).workload


def claim(shard: int, requested: str = "1Gi", capacity: str = "1Gi", message: str = "") -> Object:
    conditions = [{"type": "FileSystemResizePending", "message": message}] if message else []
    return {
        "metadata": {"name": f"data-a-{shard}"},
        "spec": {"resources": {"requests": {"storage": requested}}},
        "status": {"capacity": {"storage": capacity}, "conditions": conditions},
    }


def test_the_claims_of_a_pod_are_those_of_its_shards() -> None:
    others = [{"metadata": {"name": "data-a-2"}}, {"metadata": {"name": "logs-a-0"}}]
    assert list(growth.own([claim(1), claim(0), *others], "a", shards=2)) == [0, 1]


@pytest.mark.parametrize(
    ("size", "grow"),
    [
        pytest.param("1Gi", [], id="as they are"),
        pytest.param("1024Mi", [], id="as they are, written in another way"),
        pytest.param("2Gi", ["data-a-0"], id="larger than one of them"),
        pytest.param("1Mi", [], id="smaller"),
        pytest.param("many", [], id="a quantity that is not known"),
    ],
)
def test_claims_that_ask_for_less_than_the_manifest_grow(size: str, grow: list[str]) -> None:
    claims = {0: claim(0), 1: claim(1, requested="3Gi")}
    assert [each["metadata"]["name"] for each in growth.too_small(claims, size)] == grow


def test_a_smaller_size_is_not_accepted_and_the_message_has_the_one_to_go_back_to() -> None:
    found = growth.shrinks(stateful_set("2Gi"), "1Gi")
    assert found == (reasons.INVALID, "spec.storage.size: is 1Gi, and the volumes have 2Gi; a volume cannot shrink")
    assert growth.shrinks(stateful_set("2Gi"), "2048Mi") is None
    assert growth.shrinks(None, "1Gi") is None


def test_a_volume_is_growing_until_it_has_the_size() -> None:
    assert growth.growing({0: claim(0, "2Gi", "2Gi")}, "2Gi") is None
    waits = "waiting for the node to resize the file system"
    found = growth.growing({0: claim(0, "2Gi", "2Gi"), 1: claim(1, "2Gi", "1Gi", waits)}, "2Gi")
    assert found == (reasons.VOLUME_GROWING, f"data-a-1: the volume has 1Gi of 2Gi: {waits}")
    unbound = claim(0)
    del unbound["status"]
    assert growth.growing({0: unbound}, "1Gi") is None, "it has no volume yet, which something else reports"
    assert growth.unmet({0: claim(0), 1: claim(1, "2Gi", "1Gi")}) == ["data-a-1"]
    assert growth.status({0: unbound}) == [{"shard": 0, "requested": "1Gi", "capacity": "0"}]


def test_a_claim_that_may_not_grow_is_reported_with_the_size_to_go_back_to() -> None:
    found = growth.refused(claim(0), "2Gi", "only dynamically provisioned pvc can be resized")
    assert found.reason == reasons.VOLUME_NOT_GROWN
    assert "only dynamically provisioned pvc can be resized" in found.message
    assert "set storage.size back to 1Gi" in found.message


def test_a_stateful_set_keeps_its_template_while_its_claims_cannot_grow() -> None:
    pod = parse_pod(
        {
            "apiVersion": "peavine.dev/v1alpha1",
            "kind": "Pod",
            "metadata": {"name": "a", "namespace": "default"},
            "spec": {"uses": "_index", "shards": 2, "storage": {"size": "2Gi"}},
        }
    )
    live = stateful_set("1Gi")
    size = growth.template_size(live)
    assert render.pod_objects(pod, TARGET, size=size).workload == live
    assert render.pod_objects(pod, TARGET).workload != live


@pytest.mark.parametrize(
    ("change", "anew"),
    [
        pytest.param({"size": "2Gi"}, True, id="the size of volumes"),
        pytest.param({"size": "1024Mi"}, False, id="the same size, written in another way"),
        pytest.param({"env": [{"name": "A", "value": "1"}]}, False, id="the template of core Pods"),
        pytest.param({"replicas": 0}, False, id="replicas"),
        pytest.param(
            {"storage": {"size": "1Gi", "retentionPolicy": {"whenDeleted": "Delete"}}},
            False,
            id="what becomes of claims",
        ),
    ],
)
def test_a_stateful_set_is_made_anew_for_what_cannot_change(change: dict[str, Any], anew: bool) -> None:
    assert must_be_made_anew(stateful_set(**change), stateful_set()) is anew


def test_a_stateful_set_that_would_not_find_its_core_pods_again_is_not_made_anew() -> None:
    wanted = stateful_set("2Gi")
    wanted["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    assert must_be_made_anew(wanted, stateful_set()) is False
    assert must_be_made_anew(stateful_set("2Gi"), None) is False
