from __future__ import annotations

import contextlib
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from peavine.errors import ManifestError
from peavine.flow.order import in_order
from peavine.spec import parse, parse_pod


def flow(*pods: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "apiVersion": "peavine.dev/v1alpha1",
        "kind": "Flow",
        "metadata": {"name": "fashion"},
        "spec": {"pods": in_order(pods), **fields},
    }


def problems(manifest: object) -> dict[str, str]:
    with pytest.raises(ManifestError) as caught:
        parse(manifest)
    return {problem.path: problem.message for problem in caught.value.problems}


def test_the_manifest_of_the_readme_is_accepted() -> None:
    manifest = yaml.safe_load("""
apiVersion: peavine.dev/v1alpha1
kind: Flow
metadata: {name: fashion}
spec:
  timeoutSeconds: 10
  gateway: {replicas: 2}
  pods:
  - name: encode
    needs: [gateway]
    uses: |
      !RandomProjection
      with: {output_dim: 64}
    replicas: 2
  - name: index
    needs: [encode]
    uses: _index
    shards: 2
    storage: {size: 1Gi}
""")
    assert parse(manifest).manifest() == manifest


def test_five_different_mistakes_are_all_named_with_their_paths() -> None:
    found = problems(
        flow(
            {"name": "encode", "onError": "Skipp", "replicas": -1},
            {"name": "index", "needs": ["encod"], "storage": {"size": "1G i"}},
            timeoutSecond=10,
        )
    )
    assert set(found) == {
        "spec.pods[0].onError",
        "spec.pods[0].replicas",
        "spec.pods[1].needs[0]",
        "spec.pods[1].storage.size",
        "spec.timeoutSecond",
    }
    assert 'did you mean "Skip"?' in found["spec.pods[0].onError"]
    assert 'did you mean "encode"?' in found["spec.pods[1].needs[0]"]
    assert 'did you mean "timeoutSeconds"?' in found["spec.timeoutSecond"]


@pytest.mark.parametrize(
    ("pods", "path", "words"),
    [
        pytest.param([{"name": "a"}, {"name": "a"}], "spec.pods[1].name", "already", id="a double name"),
        pytest.param([{"name": "gateway"}], "spec.pods[0].name", "start of the graph", id="a Pod called gateway"),
        pytest.param([{"name": "a", "needs": ["a"]}], "spec.pods[0].needs[0]", "needs itself", id="a self-need"),
        pytest.param(
            [{"name": "a"}, {"name": "b", "needs": ["a", "a"]}], "spec.pods[1].needs[1]", "twice", id="a need twice"
        ),
        pytest.param(
            [{"name": "a", "needs": ["b"]}, {"name": "b", "needs": ["a"]}],
            "spec.pods[0].needs",
            "cycle: a needs b needs a",
            id="a cycle",
        ),
        pytest.param(
            [{"name": "a"}, {"name": "b"}, {"name": "c", "needs": ["a"]}],
            "spec.pods[1]",
            "needs: [b, c]",
            id="a hanging Pod",
        ),
        pytest.param(
            [{"name": "a", "shards": 2, "replicas": 2}], "spec.pods[0].replicas", "one writer", id="shards and replicas"
        ),
        pytest.param(
            [{"name": "a", "replicas": 2, "storage": {"size": "1Gi"}}],
            "spec.pods[0].replicas",
            "one writer",
            id="storage and replicas",
        ),
        pytest.param(
            [{"name": "a", "onError": "Skip", "storage": {"size": "1Gi"}}],
            "spec.pods[0].onError",
            "was not stored",
            id="storage and skipping",
        ),
        pytest.param(
            [{"name": "a", "autoscaling": {"minReplicas": 3, "maxReplicas": 2}}],
            "spec.pods[0].autoscaling.minReplicas",
            "more than maxReplicas",
            id="a minimum above the maximum",
        ),
        pytest.param(
            [{"name": "a", "rollout": {"maxSurge": 0}}],
            "spec.pods[0].rollout",
            "no replica could ever be replaced",
            id="a rollout that can take no step",
        ),
        pytest.param(
            [{"name": "a", "shards": 2, "rollout": {"maxUnavailable": 1}}],
            "spec.pods[0].rollout",
            "one writer",
            id="a rollout of shards",
        ),
        pytest.param(
            [{"name": "a", "storage": {"size": "1Gi"}, "rollout": {}}],
            "spec.pods[0].rollout",
            "one writer",
            id="a rollout of a volume",
        ),
        pytest.param(
            [{"name": "a", "uses": "docker://x", "image": "y"}], "spec.pods[0].image", "name it once", id="two images"
        ),
        pytest.param([{"name": "a", "uses": "docker://"}], "spec.pods[0].uses", "names no image", id="no image"),
        pytest.param([{"name": "a", "head": {}}], "spec.pods[0].head", "has no head", id="an empty head of no shards"),
        pytest.param(
            [{"name": "a", "timeoutSeconds": 11}],
            "spec.pods[0].timeoutSeconds",
            "longer than",
            id="a Pod's time above the Flow's",
        ),
        pytest.param(
            [{"name": "a", "indexTimeoutSeconds": 61}],
            "spec.pods[0].indexTimeoutSeconds",
            "longer than the whole Flow's 60 s; raise spec.indexTimeoutSeconds",
            id="a Pod's time to index above the Flow's",
        ),
        pytest.param(
            [{"name": "a", "env": [{"name": "X", "value": "1"}, {"name": "X", "value": "2"}]}],
            "spec.pods[0].env[1].name",
            "set twice",
            id="a variable twice",
        ),
        pytest.param(
            [{"name": "a", "files": {"../x.py": ""}}],
            "spec.pods[0].files.../x.py",
            "without a folder",
            id="a file outside",
        ),
        pytest.param(
            [{"name": "a", "files": {"my code.py": ""}}],
            "spec.pods[0].files.my code.py",
            "letters, digits",
            id="a file that no ConfigMap takes",
        ),
        pytest.param(
            [{"name": "a", "env": [{"name": "X", "valueFrom": {}}]}],
            "spec.pods[0].env[0].valueFrom",
            "names one of secretKeyRef",
            id="a value from nowhere",
        ),
        pytest.param(
            [{"name": "A_b"}], "spec.pods[0].name", "is not small letters", id="a name that Kubernetes refuses"
        ),
        pytest.param(
            [{"name": "a", "resources": {"limits": {"memory": "1 GB"}}}],
            "spec.pods[0].resources.limits.memory",
            "is not an amount such as 2, 500m or 1Gi",
            id="an amount that is none",
        ),
        pytest.param(
            [{"name": "a", "env": [{"name": "A=B"}]}],
            "spec.pods[0].env[0].name",
            "is not printable ASCII characters without =",
            id="a variable that cannot be set",
        ),
        pytest.param([{"uses": "_pass"}, {"name": "b"}], "spec.pods[0].name", "is required", id="no name"),
        pytest.param([{"name": ["a"]}], "spec.pods[0].name", "should be text", id="a list as name"),
    ],
)
def test_a_mistake_is_named_at_its_place(pods: list[dict[str, Any]], path: str, words: str) -> None:
    assert words in problems(flow(*pods))[path]


def test_a_flow_of_too_many_pods_is_refused_for_that_alone() -> None:
    last = [{"name": f"p{i}", "needs": [f"p{i + 1}"]} for i in range(20_000)]
    assert problems(flow(*last)) == {"spec.pods": "list should have at most 64 items after validation, not 20000"}


def test_the_timeouts_of_pods_on_one_way_fit_into_the_flows() -> None:
    pods = (
        {"name": "cut", "timeoutSeconds": 4},
        {"name": "words", "needs": ["cut"], "timeoutSeconds": 2},
        {"name": "pixels", "needs": ["cut"], "timeoutSeconds": 6},
        {"name": "join", "needs": ["words", "pixels"]},
        {"name": "rank", "timeoutSeconds": 1},
    )
    assert problems(flow(*pods)) == {
        "spec.timeoutSeconds": "10 s is less than what the Pods on one way may take, cut (4 s) + pixels (6 s) + "
        "rank (1 s); raise it to 11, or lower theirs or leave them out"
    }
    parse(flow(*pods, timeoutSeconds=11))


def test_pods_that_set_no_timeout_do_not_count() -> None:
    parse(flow({"name": "a", "timeoutSeconds": 10}, {"name": "b"}, {"name": "c"}))


def test_a_gateway_has_two_ports() -> None:
    found = problems(flow({"name": "a"}, gateway={"service": {"ports": {"grpc": 8080}}}))
    assert "is the port of grpc, too" in found["spec.gateway.service.ports.http"]


def test_the_ports_of_a_gateways_service_are_free_to_choose() -> None:
    parse(flow({"name": "a"}, gateway={"service": {"ports": {"grpc": 9090, "http": 80}}}))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("loadBalancerClass", "example.com/inner"),
        ("loadBalancerSourceRanges", ["10.0.0.0/8"]),
        ("externalTrafficPolicy", "Local"),
    ],
)
def test_what_only_some_services_have_needs_their_type(field: str, value: object) -> None:
    found = problems(flow({"name": "a"}, gateway={"service": {field: value}}))
    assert "LoadBalancer`; leave it out or set the type" in found[f"spec.gateway.service.{field}"]
    parse(flow({"name": "a"}, gateway={"service": {"type": "LoadBalancer", field: value}}))


def test_the_order_of_pods_has_no_meaning_so_each_of_several_says_what_it_needs() -> None:
    given = flow({"name": "a"})
    given["spec"]["pods"] = [{"name": "encode"}, {"name": "index"}]
    found = problems(given)
    assert found.keys() == {"spec.pods[0].needs", "spec.pods[1].needs"}
    assert '`needs: [encode]` to follow "encode", or `needs: [gateway]`' in found["spec.pods[1].needs"]
    assert "`peavine convert` fills it in" in found["spec.pods[0].needs"]
    parse(flow({"name": "only"}))


EARLIER: dict[str, tuple[dict[str, Any], str]] = {
    "spec.pods[0].ref": ({"ref": "shared"}, "podRef: {name: NAME}"),
    "spec.pods[0].storage.className": ({"storage": {"size": "1Gi", "className": "fast"}}, "storageClassName: NAME"),
    "spec.pods[0].storage.retain": (
        {"storage": {"size": "1Gi", "retain": False}},
        "retentionPolicy: {whenDeleted: Delete}",
    ),
    "spec.pods[0].batching.maxDelayMs": ({"batching": {"maxDelayMs": 5}}, "maxDelayMilliseconds: NUMBER"),
    "spec.pods[0].autoscaling.targetCPU": ({"autoscaling": {"maxReplicas": 2, "targetCPU": 5}}, "metrics:"),
}


@pytest.mark.parametrize(("path", "pod", "instead"), [(path, *case) for path, case in EARLIER.items()])
def test_a_field_of_an_earlier_peavine_is_refused_with_what_to_write_instead(
    path: str, pod: dict[str, Any], instead: str
) -> None:
    told = problems(flow({"name": "a", **pod}))[path]
    assert "which an earlier peavine had" in told
    assert instead in told


def test_a_field_that_another_part_had_is_only_unknown() -> None:
    found = problems(flow({"name": "a", "env": [{"name": "A", "ref": "x"}]}))
    assert "earlier" not in found["spec.pods[0].env[0].ref"]


@pytest.mark.parametrize("value", [0, 0.5, -1, 86401, "soon"])
@pytest.mark.parametrize("field", ["timeoutSeconds", "indexTimeoutSeconds", "trainTimeoutSeconds"])
def test_a_timeout_is_a_whole_number_of_seconds(field: str, value: object) -> None:
    assert f"spec.{field}" in problems(flow({"name": "a"}, **{field: value}))


@pytest.mark.parametrize("source", [{}, {"configMapRef": {"name": "a"}, "secretRef": {"name": "b"}}])
def test_variables_come_from_one_object_at_a_time(source: dict[str, Any]) -> None:
    found = problems(flow({"name": "a", "envFrom": [source]}, envFrom=[source]))
    assert {"spec.pods[0].envFrom[0]", "spec.envFrom[0]"} == found.keys()
    assert set(found.values()) == {"names one of configMapRef and secretRef"}


def test_shards_are_not_all_filled_from_one_snapshot() -> None:
    source = {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "yesterday"}
    pod = {"name": "a", "storage": {"size": "1Gi", "dataSourceRef": source}}
    assert "excludes shards > 1" in problems(flow({**pod, "shards": 2}))["spec.pods[0].storage.dataSourceRef"]
    parse(flow(pod))


def test_what_a_pod_resource_is_it_says_itself() -> None:
    reference = {"name": "a", "podRef": {"name": "shared"}}
    found = problems(flow({**reference, "shards": 2, "resources": {"limits": {"cpu": 1}}}))
    assert found.keys() == {"spec.pods[0].shards", "spec.pods[0].resources"}
    assert 'belongs in the Pod resource "shared"' in found["spec.pods[0].shards"]
    # The API server fills in defaults, and how long the Flow waits is its own.
    parse(flow({**reference, "shards": 1, "resources": {}, "timeoutSeconds": 2}))


@pytest.mark.parametrize(
    ("pod", "path"),
    [
        ({"maxMessageBytes": 2**70}, "spec.pods[0].maxMessageBytes"),
        ({"replicas": 10**12}, "spec.pods[0].replicas"),
        ({"autoscaling": {"maxReplicas": 10**12}}, "spec.pods[0].autoscaling.maxReplicas"),
        ({"autoscaling": {"maxReplicas": 0}}, "spec.pods[0].autoscaling.maxReplicas"),
        ({"autoscaling": {"minReplicas": 10**12, "maxReplicas": 5}}, "spec.pods[0].autoscaling.minReplicas"),
        ({"timeoutSeconds": 1e9}, "spec.pods[0].timeoutSeconds"),
        ({"rollout": {"maxSurge": 10000}}, "spec.pods[0].rollout.maxSurge"),
        ({"rollout": {"maxSurge": -1}}, "spec.pods[0].rollout.maxSurge"),
        ({"rollout": {"maxUnavailable": "101%"}}, "spec.pods[0].rollout.maxUnavailable"),
    ],
)
def test_every_amount_in_a_pod_has_a_bound(pod: dict[str, Any], path: str) -> None:
    assert path in problems(flow({"name": "a", **pod}))


def test_gateways_have_a_bound() -> None:
    assert "spec.gateway.replicas" in problems(flow({"name": "a"}, gateway={"replicas": 10**12}))


def test_a_variable_of_the_flow_is_set_once() -> None:
    env = [{"name": "X", "value": "1"}, {"name": "X", "value": "2"}]
    assert "set twice" in problems(flow({"name": "a"}, env=env))["spec.env[1].name"]


def test_what_kubectl_gives_is_read_without_its_status() -> None:
    given = flow({"name": "a"})
    given["metadata"] |= {"uid": "1", "creationTimestamp": "2024-01-01T00:00:00Z", "managedFields": []}
    assert parse({**given, "status": {"pods": "1/1"}}).spec.pods[0].name == "a"


WORDS = [
    "a",
    "b",
    "gateway",
    "pods",
    "name",
    "needs",
    "replicas",
    "shards",
    "storage",
    "env",
    "files",
    "timeoutSeconds",
]
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 9) | st.floats() | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(st.sampled_from(WORDS), PLAIN, max_size=5), max_size=4) | PLAIN, PLAIN, PLAIN)
def test_whatever_a_manifest_says_is_accepted_or_refused_by_name(pods: object, gateway: object, env: object) -> None:
    with contextlib.suppress(ManifestError):
        parse({**flow(), "spec": {"pods": pods, "gateway": gateway, "env": env}})


@pytest.mark.parametrize("manifest", [None, [], "flow", 3])
def test_what_is_no_mapping_is_refused(manifest: object) -> None:
    assert "is a mapping" in problems(manifest)[""]


def test_another_kind_and_another_version_are_named() -> None:
    assert "kind" in problems({**flow({"name": "a"}), "kind": "Deployment"})
    assert "peavine.dev/v1alpha1" in problems({**flow({"name": "a"}), "apiVersion": "peavine.dev/v9"})["apiVersion"]


def test_a_pod_is_checked_by_the_same_rules() -> None:
    with pytest.raises(ManifestError, match=r"spec\.replicas: a shard has one writer"):
        parse_pod({"metadata": {"name": "a"}, "spec": {"shards": 2, "replicas": 2}})
