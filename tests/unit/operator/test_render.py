from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from peavine import cli, serving
from peavine.flow.order import in_order
from peavine.pea import watch
from peavine.pea.server import CLOSE_SECONDS
from peavine.spec import parse
from peavine.spec.timeouts import LONGEST_GRACE, SHORTEST_GRACE
from peavine_operator import kinds, names
from peavine_operator.crds import definitions
from peavine_operator.render import Target, everything

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
FLOWS = sorted((HERE / "flows").glob("*.yaml"))
TARGET = Target("default", "peavine/runtime:test")


def flow(*pods: dict[str, Any], **spec: Any) -> dict[str, Any]:
    metadata = {"name": "f"}
    return {
        "apiVersion": "peavine.dev/v1alpha1",
        "kind": "Flow",
        "metadata": metadata,
        "spec": {"pods": in_order(pods), **spec},
    }


def rendered(manifest: dict[str, Any], target: Target = TARGET) -> dict[tuple[str, str], dict[str, Any]]:
    return {(body["kind"], body["metadata"]["name"]): body for body in everything(parse(manifest), target)}


def with_defaults(value: Any, schema: dict[str, Any]) -> Any:
    """Fill in defaults as the API server does."""
    if isinstance(value, dict) and "properties" in schema:
        filled = dict(value)
        for name, field in schema["properties"].items():
            if name in filled:
                filled[name] = with_defaults(filled[name], field)
            elif "default" in field:
                filled[name] = field["default"]
        return filled
    if isinstance(value, list):
        return [with_defaults(item, schema["items"]) for item in value]
    return value


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_a_flow_is_rendered_as_written_down(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["render", "-f", str(path), "--image", "peavine/runtime:test"]) == 0
    golden = path.parent.parent / "golden" / path.name
    assert capsys.readouterr().out == golden.read_text(), (
        f"if this is meant: peavine render -f {path} --image peavine/runtime:test > {golden}"
    )


def test_what_the_operator_does_not_accept_is_not_rendered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    template = {"metadata": {"labels": {names.POD: "another"}}}
    (tmp_path / "flow.yaml").write_text(yaml.safe_dump(flow({"name": "a", "podTemplate": template})))
    assert cli.main(["render", "-f", str(tmp_path / "flow.yaml")]) == 2
    told = capsys.readouterr()
    assert "spec.pods[0].podTemplate.metadata.labels" in told.err
    assert told.out == ""


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_json_says_the_same_as_yaml(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["render", "-f", str(path), "--json"])
    as_json = json.loads(capsys.readouterr().out)
    cli.main(["render", "-f", str(path)])
    assert list(yaml.safe_load_all(capsys.readouterr().out)) == as_json


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_what_the_api_server_fills_in_changes_nothing(path: Path) -> None:
    manifest = yaml.safe_load(path.read_text())
    schema = definitions()["peavine.dev_flows.yaml"]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    filled = with_defaults(manifest, schema)
    assert filled != manifest
    assert everything(parse(filled), TARGET) == everything(parse(manifest), TARGET)


def test_another_process_renders_the_same_bytes() -> None:
    command = [sys.executable, "-m", "peavine", "render", "-f", str(FLOWS[0])]
    outputs = {
        subprocess.run(command, check=True, capture_output=True, env={"PYTHONHASHSEED": seed}, cwd=HERE).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_every_object_is_of_a_kind_that_the_operator_watches() -> None:
    for path in FLOWS:
        for body in everything(parse(yaml.safe_load(path.read_text())), TARGET):
            assert kinds.of(body) in kinds.ALL
            assert body["metadata"]["labels"][names.MANAGED_BY] == "peavine"


def test_no_name_is_too_long_for_what_kubernetes_makes_of_it() -> None:
    long = {"name": "p" * 40, "uses": "_index", "shards": 2, "head": {"after": {"class": "_pass"}}}
    manifest = flow(long)
    manifest["metadata"]["name"] = "f" * 40
    for kind, name in rendered(manifest):
        # A StatefulSet's name is part of a label with a hash of 11 characters, and of host names.
        assert len(name) <= (52 if kind == "StatefulSet" else 253 if kind == "ConfigMap" else 63), (kind, name)


def test_scaling_restarts_no_pea() -> None:
    few, many = (rendered(flow({"name": "a", "replicas": n}))["Deployment", "f-a"]["spec"] for n in (1, 5))
    assert few["template"] == many["template"]
    assert (few["replicas"], many["replicas"]) == (1, 5)


def test_replicas_that_nobody_asked_for_are_left_to_whoever_scales() -> None:
    objects = rendered(flow({"name": "a"}))
    assert "replicas" not in objects["Deployment", "f-a"]["spec"]
    assert "replicas" not in objects["Deployment", "f-gateway"]["spec"]
    assert "replicas" not in objects["Pod", "f-a"]["spec"]


def test_a_change_of_the_executor_is_a_rollout_with_a_config_of_another_name() -> None:
    old, new = (rendered(flow({"name": "a", "uses": uses})) for uses in ("!A {}", "!B {}"))
    templates = [objects["Deployment", "f-a"]["spec"]["template"] for objects in (old, new)]
    versions = [template["metadata"]["labels"][names.VERSION] for template in templates]
    configs = [template["spec"]["volumes"][0]["configMap"]["name"] for template in templates]
    assert versions[0] != versions[1]
    assert configs[0] != configs[1]
    assert ("ConfigMap", configs[1]) in new


def test_a_new_executor_leaves_the_gateway_alone() -> None:
    old, new = (rendered(flow({"name": "a", "uses": uses})) for uses in ("!A {}", "!B {}"))
    assert old["Deployment", "f-gateway"] == new["Deployment", "f-gateway"]


def test_a_head_has_the_pod_template_of_its_pod_except_for_containers_and_its_own_over_it() -> None:
    containers = [{"name": "pea", "tty": True}, {"name": "sidecar", "image": "i"}]
    template = {"spec": {"nodeSelector": {"disk": "ssd"}, "priorityClassName": "low", "containers": containers}}
    own = {"spec": {"priorityClassName": "high", "containers": [{"name": "head", "stdin": True}]}}
    head_of = {"before": {"class": "_pass"}, "podTemplate": own, "resources": {"limits": {"memory": "1Gi"}}}
    objects = rendered(flow({"name": "a", "head": head_of, "podTemplate": template}))
    pea, head = (objects["Deployment", name]["spec"]["template"]["spec"] for name in ("f-a", "f-a-head"))
    assert pea["nodeSelector"] == head["nodeSelector"] == {"disk": "ssd"}
    assert [container["name"] for container in pea["containers"]] == ["pea", "sidecar"]
    assert [container["name"] for container in head["containers"]] == ["head"]
    assert (pea["priorityClassName"], head["priorityClassName"]) == ("low", "high")
    assert pea["containers"][0]["tty"] is head["containers"][0]["stdin"] is True
    assert head["containers"][0]["resources"]["limits"] == {"memory": "1Gi"}


def test_a_pod_has_as_many_heads_as_it_asks_for_and_none_when_it_is_scaled_to_zero() -> None:
    pods = [{"name": "a", "shards": 2, **more} for more in ({}, {"head": {"replicas": 3}})]
    found = [rendered(flow(pod))["Deployment", "f-a-head"]["spec"]["replicas"] for pod in pods]
    assert found == [1, 3]
    stopped = rendered(flow({"name": "a", "shards": 2, "replicas": 0, "head": {"replicas": 3}}))
    assert stopped["Deployment", "f-a-head"]["spec"]["replicas"] == 0


def test_more_heads_and_their_resources_restart_no_program_of_the_pod() -> None:
    few, many = (
        rendered(flow({"name": "a", "shards": 2, "head": {"after": {"class": "_merge"}, "replicas": count}}))
        for count in (1, 2)
    )
    assert {key for key in few if few[key] != many[key]} == {("Deployment", "f-a-head"), ("Pod", "f-a")}
    assert few["Deployment", "f-a-head"]["spec"]["template"] == many["Deployment", "f-a-head"]["spec"]["template"]


def test_what_has_no_volume_leaves_a_lost_node_soon() -> None:
    kept = {"name": "b", "storage": {"size": "1Gi"}}
    objects = rendered(flow({"name": "a", "head": {"before": {"class": "_pass"}}}, kept))
    for workload in (("Deployment", "f-gateway"), ("Deployment", "f-a"), ("Deployment", "f-a-head")):
        tolerations = objects[workload]["spec"]["template"]["spec"]["tolerations"]
        assert {each["key"].partition("/")[2]: each["tolerationSeconds"] for each in tolerations} == {
            "not-ready": 30,
            "unreachable": 30,
        }
    assert "tolerations" not in objects["StatefulSet", "f-b"]["spec"]["template"]["spec"]


def test_tolerations_of_a_pod_template_stand_and_those_for_lost_nodes_are_added() -> None:
    own = [{"key": "gpu", "operator": "Exists"}, {"key": "node.kubernetes.io/not-ready", "tolerationSeconds": 5}]
    objects = rendered(flow({"name": "a", "podTemplate": {"spec": {"tolerations": own}}}))
    found = objects["Deployment", "f-a"]["spec"]["template"]["spec"]["tolerations"]
    assert found[:2] == own
    assert [each["key"] for each in found[2:]] == ["node.kubernetes.io/unreachable"]


def test_a_gateway_has_a_pod_template_too() -> None:
    template = {"spec": {"imagePullSecrets": [{"name": "registry"}], "containers": [{"name": "gateway", "tty": True}]}}
    plain, own = (rendered(flow({"name": "a"}, gateway=gateway)) for gateway in ({}, {"podTemplate": template}))
    spec = own["Deployment", "f-gateway"]["spec"]["template"]["spec"]
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
    assert [container["tty"] for container in spec["containers"]] == [True]
    assert own["Deployment", "f-a"] == plain["Deployment", "f-a"]


def test_a_head_changes_nothing_in_the_gateways_plan() -> None:
    without, with_head = (
        rendered(flow({"name": "a", **more})) for more in ({}, {"head": {"before": {"class": "_pass"}}})
    )
    assert without["Deployment", "f-gateway"] == with_head["Deployment", "f-gateway"]
    selected = [objects["Service", "f-a"]["spec"]["selector"][names.COMPONENT] for objects in (without, with_head)]
    assert selected == ["pea", "head"]


def test_a_shard_has_its_number_its_volume_and_its_address() -> None:
    objects = rendered(flow({"name": "a", "uses": "_index", "shards": 3, "storage": {"size": "1Gi"}}))
    workload = objects["StatefulSet", "f-a"]["spec"]
    assert workload["replicas"] == 3
    assert workload["volumeClaimTemplates"][0]["spec"]["resources"]["requests"] == {"storage": "1Gi"}
    assert workload["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Retain"
    env = workload["template"]["spec"]["containers"][0]["env"]
    assert any(variable["name"] == "PEAVINE_PEA_SHARD" for variable in env)
    (config,) = (body for (kind, name), body in objects.items() if kind == "ConfigMap" and "a-head" in name)
    plan = json.loads(config["data"]["plan.json"])
    assert plan["steps"][0]["shards"] == [[f"f-a-{n}.f-a-peas.default.svc:8081"] for n in range(3)]


def test_a_shard_is_not_kept_waiting_at_its_end_for_routers_that_look_for_others() -> None:
    objects = rendered(flow({"name": "a", "shards": 2}, {"name": "b"}))
    shard = objects["StatefulSet", "f-a"]["spec"]["template"]["spec"]["containers"][0]
    replica = objects["Deployment", "f-b"]["spec"]["template"]["spec"]["containers"][0]
    assert "lifecycle" not in shard
    assert replica["lifecycle"]["preStop"]["sleep"]["seconds"] > 0


def test_the_ports_of_a_gateways_service_lead_to_ports_that_never_change() -> None:
    service = {"ports": {"grpc": 80, "http": 9090}, "labels": {"team": "search", names.FLOW: "another"}}
    objects = rendered(flow({"name": "a"}, gateway={"service": service}))
    made = objects["Service", "f-gateway"]
    ports = {port["name"]: (port["port"], port["targetPort"]) for port in made["spec"]["ports"]}
    assert ports == {"grpc": (80, "grpc"), "http": (9090, "http")}
    assert made["metadata"]["labels"].items() >= {"team": "search", names.FLOW: "f"}.items()
    (container,) = objects["Deployment", "f-gateway"]["spec"]["template"]["spec"]["containers"]
    assert {port["name"]: port["containerPort"] for port in container["ports"]} == {
        "grpc": 8081, "http": 8080, "metrics": 9090,
    }  # fmt: skip


def test_an_autoscaler_follows_the_processor_unless_the_manifest_says_what() -> None:
    other = {"type": "Pods", "pods": {"metric": {"name": "waiting"}, "target": {"type": "Value", "averageValue": "5"}}}
    scaled: dict[str, Any] = {"maxReplicas": 3}
    objects = rendered(
        flow({"name": "a", "autoscaling": scaled}, {"name": "b", "autoscaling": {**scaled, "metrics": [other]}})
    )
    followed = [objects["HorizontalPodAutoscaler", name]["spec"]["metrics"] for name in ("f-a", "f-b")]
    assert followed[0][0]["resource"]["target"] == {"type": "Utilization", "averageUtilization": 80}
    assert followed[1] == [other]


def test_a_rollout_has_the_shape_that_a_pod_gives_it_and_changing_it_restarts_nothing() -> None:
    rollout = {"maxSurge": 0, "maxUnavailable": "50%"}
    plain, own = (rendered(flow({"name": "a", **more})) for more in ({}, {"rollout": rollout}))
    shapes = [objects["Deployment", "f-a"]["spec"]["strategy"]["rollingUpdate"] for objects in (plain, own)]
    assert shapes == [{"maxSurge": "25%", "maxUnavailable": 0}, rollout]
    templates = [objects["Deployment", "f-a"]["spec"]["template"] for objects in (plain, own)]
    assert templates[0] == templates[1]
    assert own["Deployment", "f-gateway"] == plain["Deployment", "f-gateway"]


def test_volumes_have_no_group_where_the_cluster_assigns_one() -> None:
    objects = rendered(flow({"name": "a", "shards": 2}), Target("default", "i", fs_group=None))
    for kind, name in objects:
        if kind in ("Deployment", "StatefulSet"):
            context = objects[kind, name]["spec"]["template"]["spec"]["securityContext"]
            assert "fsGroup" not in context, name
            assert context["runAsNonRoot"] is True


def test_addresses_are_full_names_where_the_domain_of_the_cluster_is_known() -> None:
    objects = rendered(flow({"name": "a", "shards": 2}), Target("default", "i", cluster_domain="cluster.local"))
    data = [body["data"] for (kind, _), body in objects.items() if kind == "ConfigMap"]
    steps = [step for each in data if "plan.json" in each for step in json.loads(each["plan.json"])["steps"]]
    targets = [target for step in steps for shard in step["shards"] for target in shard]
    assert sorted(targets) == [
        "f-a-0.f-a-peas.default.svc.cluster.local.:8081",
        "f-a-1.f-a-peas.default.svc.cluster.local.:8081",
        "f-a.default.svc.cluster.local.:8081",
    ]


def test_the_order_of_pods_restarts_nothing() -> None:
    pods = [{"name": "a", "needs": ["gateway"]}, {"name": "b", "needs": ["a"]}, {"name": "c", "needs": ["b"]}]
    assert rendered(flow(*pods)) == rendered(flow(*reversed(pods)))


def test_a_pod_that_is_referred_to_is_not_made() -> None:
    objects = rendered(flow({"name": "a", "podRef": {"name": "shared"}}))
    assert not [key for key in objects if key[0] == "Pod"]
    (config,) = (body for (kind, _), body in objects.items() if kind == "ConfigMap")
    assert "shared.default.svc:8081" in config["data"]["plan.json"]


def test_probes_ask_health_and_a_process_that_waits_for_others_is_not_killed_for_it() -> None:
    objects = rendered(flow({"name": "a", "head": {"before": {"class": "_pass"}}}))
    for name, waits in (("f-a", False), ("f-a-head", True), ("f-gateway", True)):
        container = objects["Deployment", name]["spec"]["template"]["spec"]["containers"][0]
        assert container["readinessProbe"]["grpc"] == {"port": 8081}
        assert container["livenessProbe"]["grpc"] == {"port": 8081, "service": serving.LIVE}
        assert ("service" in container["startupProbe"]["grpc"]) is waits


def test_a_pea_that_takes_long_to_start_is_not_killed_for_it() -> None:
    for shards in (1, 2):
        kind = "Deployment" if shards == 1 else "StatefulSet"
        spec = rendered(flow({"name": "a", "shards": shards}))[kind, "f-a"]["spec"]["template"]["spec"]
        probe = spec["containers"][0]["startupProbe"]
        assert probe["grpc"] == {"port": 8081}, "liveness begins when the Executor is loaded"
        assert probe["periodSeconds"] * probe["failureThreshold"] == 24 * 3600


def test_what_hangs_is_not_waited_for_as_long_as_what_finishes_requests() -> None:
    spec = rendered(flow({"name": "a"}))["Deployment", "f-a"]["spec"]["template"]["spec"]
    assert spec["containers"][0]["livenessProbe"]["terminationGracePeriodSeconds"] == 15
    assert spec["terminationGracePeriodSeconds"] > 60


REQUESTS = {"cpu": "50m", "memory": "128Mi"}


def resources(objects: dict[tuple[str, str], dict[str, Any]], name: str) -> dict[str, Any]:
    (workload,) = (body for (kind, n), body in objects.items() if n == name and kind in ("Deployment", "StatefulSet"))
    container, *_ = workload["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = container["resources"]
    return found


def test_every_container_has_requests_and_what_runs_no_executor_a_memory_limit() -> None:
    objects = rendered(flow({"name": "a", "shards": 2}, {"name": "b", "head": {"before": {"class": "_pass"}}}))
    routes = {"requests": REQUESTS, "limits": {"memory": "1024Mi"}}
    executes = {"requests": REQUESTS}
    for name, found in (
        ("f-gateway", routes), ("f-a-head", routes), ("f-a", executes), ("f-b-head", executes), ("f-b", executes),
    ):  # fmt: skip
        assert resources(objects, name) == found, name


def test_the_memory_limit_of_a_gateway_grows_with_the_largest_message() -> None:
    objects = rendered(flow({"name": "a", "shards": 2}, maxMessageBytes=64 * 2**20))
    assert {resources(objects, name)["limits"]["memory"] for name in ("f-gateway", "f-a-head")} == {"2560Mi"}


@pytest.mark.parametrize(
    ("own", "found"),
    [
        pytest.param(
            {"requests": {"memory": "2Gi"}}, {"requests": {"cpu": "50m", "memory": "2Gi"}}, id="a request alone"
        ),
        pytest.param(
            {"limits": {"cpu": 2, "memory": "2Gi"}}, {"limits": {"cpu": "2", "memory": "2Gi"}}, id="limits alone"
        ),
        pytest.param(
            {"limits": {"nvidia.com/gpu": 1}},
            {"requests": REQUESTS, "limits": {"nvidia.com/gpu": "1", "memory": "1024Mi"}},
            id="something else",
        ),
    ],
)
def test_what_a_user_says_of_a_resource_is_all_that_is_said_of_it(own: dict[str, Any], found: dict[str, Any]) -> None:
    assert resources(rendered(flow({"name": "a"}, gateway={"resources": own})), "f-gateway") == found


def test_a_pod_template_takes_a_default_limit_away_or_sets_another() -> None:
    for limit, found in ((None, {}), ("3Gi", {"limits": {"memory": "3Gi"}})):
        template = {"spec": {"containers": [{"name": "gateway", "resources": {"limits": {"memory": limit}}}]}}
        objects = rendered(flow({"name": "a"}, gateway={"podTemplate": template}))
        assert resources(objects, "f-gateway") == {"requests": {"cpu": "50m"}, **found}


@pytest.mark.parametrize("containers", [None, "gateway", ["gateway"], [{"name": "gateway", "resources": ["a"]}]])
def test_a_pod_template_of_a_wrong_shape_is_left_to_the_api_server(containers: object) -> None:
    template = {"spec": {"containers": containers}}
    spec = rendered(flow({"name": "a"}, gateway={"podTemplate": template}))["Deployment", "f-gateway"]["spec"]
    assert spec["template"]["spec"].get("containers") is containers or isinstance(containers, list)


def test_no_volume_can_fill_the_disk_of_its_node() -> None:
    objects = rendered(flow({"name": "a"}, {"name": "b", "shards": 2, "storage": {"size": "1Gi"}}))
    for kind, name in objects:
        if kind in ("Deployment", "StatefulSet"):
            volumes = objects[kind, name]["spec"]["template"]["spec"]["volumes"]
            assert all(volume["emptyDir"]["sizeLimit"] for volume in volumes if "emptyDir" in volume), name


def test_a_pod_template_enlarges_a_volume() -> None:
    template = {"spec": {"volumes": [{"name": "data", "emptyDir": {"sizeLimit": "100Gi"}}]}}
    spec = rendered(flow({"name": "a", "podTemplate": template}))["Deployment", "f-a"]["spec"]["template"]["spec"]
    (volume,) = (volume for volume in spec["volumes"] if volume["name"] == "data")
    assert volume == {"name": "data", "emptyDir": {"sizeLimit": "100Gi"}}


def test_the_chart_and_the_docs_ask_for_a_kubernetes_that_knows_every_field() -> None:
    objects = rendered(flow({"name": "a"}))
    # Kubernetes 1.29 takes the sleep out and then refuses what is left.
    assert "sleep" in str(objects["Deployment", "f-a"]["spec"]["template"]["spec"]["containers"][0]["lifecycle"])
    chart = yaml.safe_load((ROOT / "helm" / "peavine" / "Chart.yaml").read_text())
    assert chart["kubeVersion"] == ">=1.30.0-0"
    assert "Kubernetes 1.30 or later" in (ROOT / "docs" / "install.md").read_text()


@pytest.mark.parametrize(
    ("search", "index", "grace"),
    [
        pytest.param(1, 2, SHORTEST_GRACE, id="short requests"),
        pytest.param(10, 61, 61, id="index requests take longer"),
        pytest.param(300, 60, 300, id="searches take longer"),
        pytest.param(10, 86400, LONGEST_GRACE, id="no longer than autoscalers of nodes wait"),
    ],
)
def test_kubernetes_waits_for_as_long_as_a_process_takes_to_finish(search: int, index: int, grace: float) -> None:
    timeouts = {"timeoutSeconds": search, "indexTimeoutSeconds": index}
    objects = rendered(flow({"name": "a", **timeouts}, **timeouts))
    for name in ("f-a", "f-gateway"):
        spec = objects["Deployment", name]["spec"]["template"]["spec"]
        drain = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert drain + grace + CLOSE_SECONDS < spec["terminationGracePeriodSeconds"] < 600


@pytest.mark.parametrize("train", [1, 600, 3600])
@pytest.mark.parametrize("search", [1, 10, 60, 600])
def test_kubernetes_kills_no_pea_whose_code_is_within_its_deadline(search: int, train: int) -> None:
    timeouts = {"timeoutSeconds": search, "indexTimeoutSeconds": 5, "trainTimeoutSeconds": train}
    template = rendered(flow({"name": "a"}, **timeouts))["Deployment", "f-a"]["spec"]["template"]
    probe = template["spec"]["containers"][0]["livenessProbe"]
    gives_up_itself = max(search, 5, train) + watch.patience(watch.PATIENCE_SECONDS, search)
    assert probe["periodSeconds"] * probe["failureThreshold"] >= gives_up_itself + 10


def test_nothing_runs_with_rights_that_it_does_not_need() -> None:
    for path in FLOWS:
        for body in everything(parse(yaml.safe_load(path.read_text())), TARGET):
            if body["kind"] not in ("Deployment", "StatefulSet"):
                continue
            pod = body["spec"]["template"]["spec"]
            assert pod["automountServiceAccountToken"] is False
            assert pod["securityContext"]["runAsNonRoot"] is True
            assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            for container in pod["containers"]:
                if container["name"] != "sidecar":
                    assert container["securityContext"] == {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    }


def test_a_head_that_comes_or_changes_restarts_no_pea() -> None:
    pods = [
        {"name": "a", **more}
        for more in ({}, {"head": {"before": {"class": "_pass"}}}, {"head": {"after": {"class": "_rank"}}})
    ]
    templates = [rendered(flow(pod))["Deployment", "f-a"]["spec"]["template"] for pod in pods]
    assert templates[0] == templates[1] == templates[2]
