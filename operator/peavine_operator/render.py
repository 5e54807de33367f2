"""From a manifest to every object that it needs. Pure: the operator applies them, `peavine render` prints them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from peavine import graph
from peavine.spec import API_VERSION, Flow, FlowPod, Head, Pod
from peavine.spec.model import MAX_MESSAGE_BYTES
from peavine.spec.rules import METRICS_PORT
from peavine.spec.uses import Image, parse_uses
from peavine_operator import names
from peavine_operator.manifests.autoscaler import autoscaler
from peavine_operator.manifests.config_map import config_map
from peavine_operator.manifests.deployment import deployment
from peavine_operator.manifests.disruption_budget import disruption_budget
from peavine_operator.manifests.network_policy import gateway_policy, pod_policy, shared_policy
from peavine_operator.manifests.overlay import overlay
from peavine_operator.manifests.pod_resource import HEAD, pod_resource, program_manifest
from peavine_operator.manifests.resources import router_memory
from peavine_operator.manifests.service import GRPC, HTTP, gateway_service, headless
from peavine_operator.manifests.service_account import service_account
from peavine_operator.manifests.stateful_set import stateful_set
from peavine_operator.manifests.template import FILES, USER, Program, pod_template

Object = dict[str, Any]
PLAN = "/etc/peavine/plan.json"
POD = "/etc/peavine/pod.json"


@dataclass(frozen=True)
class Place:
    """Where a manifest is rendered for, which it does not say itself."""

    namespace: str
    image: str
    """The runtime image, for gateways and for Pods that name none."""
    pull_policy: str = "IfNotPresent"
    pull_secrets: tuple[str, ...] = ()
    """Secrets in the namespace with which nodes fetch images."""
    network_policies: bool = True
    """Whether there are policies about who may connect to core Pods."""
    fs_group: int | None = USER
    """The group that owns the volumes of core Pods; None where the cluster assigns one."""
    cluster_domain: str = ""
    """The domain under which the cluster's DNS has Services, where it is known."""


def everything(flow: Flow, place: Place) -> list[Object]:
    """Return all that a Flow leads to, as the operator would apply it in the end."""
    pods = flow_pods(flow, place)
    parts = [item for body in pods for item in pod_objects(Pod.model_validate(body), place)]
    return [*pods, *parts, *flow_gateway(flow, place)]


def flow_pods(flow: Flow, place: Place) -> list[Object]:
    """Return the Pod resources of a Flow."""
    return [pod_resource(flow.metadata.name, pod, place.namespace) for pod in graph.pods(flow)]


def flow_gateway(flow: Flow, place: Place) -> list[Object]:
    """Return a Flow's gateway and all that it needs, in the order in which they are applied."""
    name, labels = names.gateway(flow.metadata.name), names.labels("gateway", flow=flow.metadata.name)
    selector = names.selector("gateway", flow=flow.metadata.name)
    gateway, namespace = flow.spec.gateway, place.namespace
    plan = graph.plan(flow, lambda pod: [address(entry(flow, pod), place)])
    config = config_map(name, namespace, labels, {"plan.json": plan.model_dump(mode="json", by_alias=True)})
    program = Program(
        component="gateway",
        image=place.image,
        pull_policy=place.pull_policy,
        arguments=[
            "gateway", "--plan", PLAN, "--grpc-port", str(GRPC), "--http-port", str(HTTP),
            "--metrics-port", str(METRICS_PORT),
        ],
        config=config["metadata"]["name"],
        ports={"grpc": GRPC, "http": HTTP},
        timeouts=flow.spec,
        resources=gateway.resources,
        memory_limit=router_memory(flow.spec.max_message_bytes),
        service_account=name,
        fs_group=place.fs_group,
        pull_secrets=place.pull_secrets,
    )  # fmt: skip
    replicas = None if gateway.autoscaling else gateway.replicas
    template = pod_template(program, labels, selector, gateway.pod_template)
    workload = deployment(name, namespace, labels, selector, template, replicas)
    workload["metadata"]["annotations"] = {names.NAMED: ",".join(sorted(entry(flow, pod) for pod in flow.spec.pods))}
    objects = [
        *_gateway_policies(flow, place),
        config,
        service_account(name, namespace, labels),
        gateway_service(name, namespace, labels, gateway.service, flow.metadata.name),
        workload,
        disruption_budget(name, namespace, labels, selector),
    ]
    if gateway.autoscaling:
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
        objects.append(autoscaler(name, namespace, labels, target, gateway.autoscaling))
    return objects


def _gateway_policies(flow: Flow, place: Place) -> list[Object]:
    if not place.network_policies:
        return []
    flow_name, namespace = flow.metadata.name, place.namespace
    labels = names.labels("gateway", flow=flow_name)
    policies = [gateway_policy(names.gateway(flow_name), namespace, labels, flow_name)]
    if shared := [pod.pod_ref.name for pod in flow.spec.pods if pod.pod_ref]:
        policies.append(shared_policy(namespace, labels, flow_name, shared))
    return policies


def entry(flow: Flow, pod: FlowPod) -> str:
    """Return the name of the Service in which the gateway finds a Pod."""
    return pod.pod_ref.name if pod.pod_ref else names.child(flow.metadata.name, pod.name)


def address(service: str, place: Place) -> graph.Target:
    """Return where a Service's Peas are, as a full name where the cluster's domain is known.

    The dot at its end keeps resolvers from trying it under each of their search domains first, which triples the
    queries.
    """
    domain = f".{place.cluster_domain}." if place.cluster_domain else ""
    return f"{service}.{place.namespace}.svc{domain}:{GRPC}"


def pod_objects(pod: Pod, place: Place) -> list[Object]:
    """Return what a Pod resource needs, in the order in which they are applied.

    Its Service always bears the Pod's name and leads to the head where there is one, else to the Peas. So a plan that
    names the Pod stays right when a head comes or goes.
    """
    name, namespace = pod.metadata.name, place.namespace
    component = "head" if pod.spec.has_head else "pea"
    service = headless(name, namespace, names.labels(component, pod=name), names.selector(component, pod=name))
    policies = []
    if place.network_policies:
        flow = (pod.metadata.labels or {}).get(names.FLOW)
        policies = [pod_policy(name, namespace, names.labels("pod", pod=name), flow)]
    return [*policies, *_peas(pod, place), *(_head(pod, place) if pod.spec.has_head else []), service]


def rehearsal(pod: Pod, place: Place) -> Object:
    """Return a Deployment that starts what the shards of a Pod are to start, once and without their data."""
    name, namespace = pod.metadata.name, place.namespace
    labels, selector = names.labels("rehearsal", pod=name), names.selector("rehearsal", pod=name)
    program = _program(pod, place, "pea", _pea_config(pod, place), keeps=False)
    template = pod_template(program, labels, selector, _own(pod, "pea"))
    return deployment(names.rehearsal(name), namespace, labels, selector, template, replicas=1)


def stateful(pod: Pod) -> bool:
    """Tell whether each Pea has a name and perhaps a volume of its own."""
    return pod.spec.shards > 1 or pod.spec.storage is not None


def _peas(pod: Pod, place: Place) -> list[Object]:
    name, namespace = pod.metadata.name, place.namespace
    labels, selector = names.labels("pea", pod=name), names.selector("pea", pod=name)
    config = _pea_config(pod, place)
    program = _program(pod, place, "pea", config)
    template = pod_template(program, labels, selector, _own(pod, "pea"))
    objects = [config]
    replicas = pod.spec.replicas
    if stateful(pod):
        objects.append(headless(names.peas(name), namespace, labels, selector, publish_not_ready=True))
        workload = stateful_set(
            name, namespace, labels, selector, template,
            replicas=pod.spec.shards * (1 if replicas is None else min(1, replicas)),
            service=names.peas(name), storage=pod.spec.storage,
        )  # fmt: skip
    else:
        if pod.spec.has_head:
            objects.append(headless(names.peas(name), namespace, labels, selector))
        workload = deployment(name, namespace, labels, selector, template, replicas, pod.spec.rollout)
    objects += [workload, disruption_budget(name, namespace, labels, selector)]
    if pod.spec.autoscaling:
        target = {"apiVersion": API_VERSION, "kind": "Pod", "name": name}
        objects.append(autoscaler(name, namespace, labels, target, pod.spec.autoscaling))
    return objects


def _pea_config(pod: Pod, place: Place) -> Object:
    name, labels = pod.metadata.name, names.labels("pea", pod=pod.metadata.name)
    return config_map(f"{name}-pea", place.namespace, labels, {"pod.json": program_manifest(pod, without=HEAD)})


def _head(pod: Pod, place: Place) -> list[Object]:
    name, namespace = names.head(pod.metadata.name), place.namespace
    labels, selector = names.labels("head", pod=pod.metadata.name), names.selector("head", pod=pod.metadata.name)
    peas = names.peas(pod.metadata.name)
    if stateful(pod):
        shards = [[address(f"{pod.metadata.name}-{shard}.{peas}", place)] for shard in range(pod.spec.shards)]
    else:
        shards = [[address(peas, place)]]
    manifest = program_manifest(pod)
    known = Pod.model_validate(manifest)
    plan = graph.head_plan(known, shards).model_dump(mode="json", by_alias=True)
    config = config_map(name, namespace, labels, {"pod.json": manifest, "plan.json": plan})
    template = pod_template(_program(pod, place, "head", config), labels, selector, _own(pod, "head"))
    replicas = 0 if pod.spec.replicas == 0 else (pod.spec.head or Head()).replicas or 1
    return [
        config,
        deployment(name, namespace, labels, selector, template, replicas),
        disruption_budget(name, namespace, labels, selector),
    ]


def _own(pod: Pod, component: str) -> dict[str, Any]:
    """Return a user's own part of the template of a component.

    A head runs where Peas may run, so it gets the Pod's podTemplate except for the containers; its own goes over that.
    """
    template = pod.spec.pod_template
    if component != "head":
        return template
    spec = template.get("spec", {})
    without = {**template, "spec": {key: value for key, value in spec.items() if key != "containers"}}
    merged: dict[str, Any] = overlay(without, (pod.spec.head or Head()).pod_template)
    return merged


def _program(pod: Pod, place: Place, component: str, config: Mapping[str, Any], keeps: bool = True) -> Program:
    """Return a Pea or a head; `keeps` is whether it finds data of an earlier run, and leaves some for the next."""
    spec, pea = pod.spec, component == "pea"
    # What an Executor needs is not known, and a head may run two of them.
    executes = pea or spec.head_executes
    uses = parse_uses(spec.runs)
    image = uses.name if isinstance(uses, Image) else spec.image
    data = ["--data", "/data"] if keeps else []
    arguments = ["pea", "--pod", POD, "--listen", f"[::]:{GRPC}", *data, "--metrics-port", str(METRICS_PORT)]
    if spec.files_from:
        arguments += ["--files", FILES]
    if not pea:
        arguments += ["--plan", PLAN]
    return Program(
        component=component,
        image=image or place.image,
        pull_policy=place.pull_policy,
        arguments=arguments,
        config=config["metadata"]["name"],
        ports={"grpc": GRPC},
        timeouts=spec.timeouts,
        env=spec.env,
        env_from=spec.env_from,
        files_from=spec.files_from,
        resources=spec.resources if pea else (spec.head or Head()).resources,
        memory_limit=None if executes else router_memory(spec.max_message_bytes or MAX_MESSAGE_BYTES),
        sharded=pea and keeps and spec.shards > 1,
        volume=pea and keeps and spec.storage is not None,
        fs_group=place.fs_group,
        pull_secrets=place.pull_secrets,
    )
