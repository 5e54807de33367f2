"""Manifests with the fields of an earlier peavine, and with Pods that only their order links, in the form of today."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from peavine import spec
from peavine.errors import ManifestError
from peavine.flow.earlier import upgraded
from peavine.spec.versions import MOVED

EARLIER = """
apiVersion: peavine.dev/v1alpha1
kind: Flow
metadata: {name: shop}
spec:
  timeoutSeconds: 2.5
  gateway: {grpcPort: 9000, httpPort: 9001, autoscaling: {maxReplicas: 2, targetCPU: 50}}
  pods:
  - {name: encode, ref: shared}
  - name: craft
    needs: []
    batching: {maxDelayMs: 1.5}
    autoscaling: {maxReplicas: 3, targetCPU: 60}
  - name: index
    needs: [encode, craft]
    uses: _index
    usesWith: {metric: euclidean}
    usesAfter: {class: _merge}
    storage: {size: 1Gi, className: fast, retain: false}
"""


def metrics(percent: int) -> list[dict[str, Any]]:
    target = {"type": "Utilization", "averageUtilization": percent}
    return [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def test_every_field_of_a_flow_is_found_under_its_name_of_today() -> None:
    flow = spec.parse(upgraded(yaml.safe_load(EARLIER)))
    encode, craft, index = flow.spec.pods
    assert [pod.needs for pod in flow.spec.pods] == [["gateway"], ["gateway"], ["encode", "craft"]]
    assert flow.spec.timeout_seconds == 3
    assert flow.spec.gateway.service.ports.manifest() == {"grpc": 9000, "http": 9001}
    assert flow.spec.gateway.autoscaling is not None
    assert flow.spec.gateway.autoscaling.metrics == metrics(50)
    assert encode.manifest() == {"name": "encode", "needs": ["gateway"], "podRef": {"name": "shared"}}
    assert craft.batching is not None
    assert craft.batching.max_delay_milliseconds == 2
    assert craft.autoscaling is not None
    assert craft.autoscaling.metrics == metrics(60)
    assert index.manifest()["executor"] == {"with": {"metric": "euclidean"}}
    assert index.manifest()["head"] == {"after": {"class": "_merge"}}
    assert index.storage is not None
    assert index.storage.manifest() == {
        "size": "1Gi", "storageClassName": "fast", "retentionPolicy": {"whenDeleted": "Delete"},
    }  # fmt: skip


def test_pods_that_only_their_order_links_say_what_they_need() -> None:
    listed = [{"name": "a"}, {"name": "b"}, {"name": "c", "needs": ["a", "b"]}]
    assert [pod["needs"] for pod in upgraded({"spec": {"pods": listed}})["spec"]["pods"]] == [
        ["gateway"],
        ["a"],
        ["a", "b"],
    ]
    assert upgraded({"spec": {"pods": [{"name": "only"}]}}) == {"spec": {"pods": [{"name": "only"}]}}


def test_a_manifest_of_today_stays_as_it_is() -> None:
    now = upgraded(yaml.safe_load(EARLIER))
    assert upgraded(now) == now


FIELDS = [field for fields in MOVED.values() for field in fields]
NOW = ("pods", "name", "needs", "storage", "gateway", "executor", "head", "service")
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 9) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*NOW, *FIELDS]), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("field", ["executor", "head"])
def test_what_an_earlier_field_cannot_be_moved_into_stays_and_is_refused(field: str) -> None:
    pod = {"name": "a", "usesWith": {"x": 1}, "usesBefore": "_pass", field: "Words"}
    gateway = {"grpcPort": 9000, "service": "LoadBalancer"}
    with pytest.raises(
        ManifestError, match=rf"(?s)spec\.gateway\.service: should be .*spec\.pods\[0\]\.{field}: should be"
    ):
        spec.parse(upgraded({"metadata": {"name": "f"}, "spec": {"gateway": gateway, "pods": [pod]}}))


@given(PLAIN)
def test_whatever_it_is_given_is_upgraded_or_refused_by_name(plain: object) -> None:
    with contextlib.suppress(ManifestError):
        spec.parse(upgraded({"metadata": {"name": "f"}, "spec": plain}))


@pytest.mark.parametrize("manifest", [None, [], "flow", {"spec": None}, {"spec": {"pods": "x"}}])
def test_what_is_not_a_manifest_stays_as_it_is(manifest: object) -> None:
    assert upgraded(manifest) == manifest
