"""From a manifest to every object that it needs. Pure: the operator applies them, `peavine render` prints them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from peavine import graph
from peavine.spec import API_VERSION, Flow, FlowPod, Head, Pod
from peavine.spec.model import MAX_MESSAGE_BYTES
from peavine.spec.rules import METRICS_PORT
from peavine.spec.uses import Image, parse_uses
from peavine_operator import names
from peavine_operator.kinds import Object
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
from peavine_operator.objects import GatewayObjects, HeadObjects, PodObjects

PLAN = "/etc/peavine/plan.json"
POD = "/etc/peavine/pod.json"


@dataclass(frozen=True)
class Target:
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


def everything(flow: Flow, target: Target) -> list[Object]:
    """Return all that a Flow leads to, as the operator would apply it in the end."""
    pods = flow_pods(flow, target)
    parts = [item for body in pods for item in pod_objects(Pod.model_validate(body), target).every()]
    return [*pods, *parts, *flow_gateway(flow, target).every()]


def flow_pods(flow: Flow, target: Target) -> list[Object]:
    """Return the Pod resources of a Flow."""
    return [pod_resource(flow.metadata.name, pod, target.namespace) for pod in graph.pods(flow)]


def flow_gateway(flow: Flow, target: Target) -> GatewayObjects:
    """Return a Flow's gateway and all that it needs."""
    name, labels = names.gateway(flow.metadata.name), names.labels("gateway", flow=flow.metadata.name)
    selector = names.selector("gateway", flow=flow.metadata.name)
    gateway, namespace = flow.spec.gateway, target.namespace
    plan = graph.plan(flow, lambda pod: [address(entry(flow, pod), target)])
    config = config_map(name, namespace, labels, {"plan.json": plan.model_dump(mode="json", by_alias=True)})
    program = Program(
        component="gateway",
        image=target.image,
        pull_policy=target.pull_policy,
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
        fs_group=target.fs_group,
        pull_secrets=target.pull_secrets,
    )  # fmt: skip
    replicas = None if gateway.autoscaling else gateway.replicas
    template = pod_template(program, labels, selector, gateway.pod_template)
    workload = deployment(name, namespace, labels, selector, template, replicas)
    workload["metadata"]["annotations"] = {names.NAMED: ",".join(sorted(entry(flow, pod) for pod in flow.spec.pods))}
    scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    return GatewayObjects(
        policies=_gateway_policies(flow, target),
        config=config,
        service_account=service_account(name, namespace, labels),
        service=gateway_service(name, namespace, labels, gateway.service, flow.metadata.name),
        workload=workload,
        disruption_budget=disruption_budget(name, namespace, labels, selector),
        autoscaler=autoscaler(name, namespace, labels, scaled, gateway.autoscaling) if gateway.autoscaling else None,
    )


def _gateway_policies(flow: Flow, target: Target) -> list[Object]:
    if not target.network_policies:
        return []
    flow_name, namespace = flow.metadata.name, target.namespace
    labels = names.labels("gateway", flow=flow_name)
    policies = [gateway_policy(names.gateway(flow_name), namespace, labels, flow_name)]
    if shared := [pod.pod_ref.name for pod in flow.spec.pods if pod.pod_ref]:
        policies.append(shared_policy(namespace, labels, flow_name, shared))
    return policies


def entry(flow: Flow, pod: FlowPod) -> str:
    """Return the name of the Service in which the gateway finds a Pod."""
    return pod.pod_ref.name if pod.pod_ref else names.child(flow.metadata.name, pod.name)


def address(service: str, target: Target) -> graph.Target:
    """Return where a Service's Peas are, as a full name where the cluster's domain is known.

    The dot at its end keeps resolvers from trying it under each of their search domains first, which triples the
    queries.
    """
    domain = f".{target.cluster_domain}." if target.cluster_domain else ""
    return f"{service}.{target.namespace}.svc{domain}:{GRPC}"


def pod_objects(
    pod: Pod, target: Target, entry: Literal["head", "pea"] | None = None, size: str | None = None
) -> PodObjects:
    """Return what a Pod resource needs. `entry` is what requests come to now, where that is not yet what they should,
    and `size` that of its volumes, where they do not have the one that the manifest asks for.

    So a Pod that gets a head is answered by its Peas until the head is ready.
    """
    name, namespace = pod.metadata.name, target.namespace
    labels, selector = names.labels("pea", pod=name), names.selector("pea", pod=name)
    config = config_map(f"{name}-pea", namespace, labels, {"pod.json": program_manifest(pod, without=HEAD)})
    program = _program(pod, target, "pea", config)
    template = pod_template(program, labels, selector, _own(pod, "pea"))
    replicas, storage = pod.spec.replicas, pod.spec.storage
    if storage is not None and size is not None:
        storage = storage.model_copy(update={"size": size})
    peas_service = None
    if stateful(pod):
        peas_service = headless(names.peas(name), namespace, labels, selector, publish_not_ready=True)
        workload = stateful_set(
            name, namespace, labels, selector, template,
            replicas=pod.spec.shards * (1 if replicas is None else min(1, replicas)),
            service=names.peas(name), storage=storage,
        )  # fmt: skip
    else:
        if pod.spec.has_head:
            peas_service = headless(names.peas(name), namespace, labels, selector)
        workload = deployment(name, namespace, labels, selector, template, replicas, pod.spec.rollout)
    component = "head" if pod.spec.has_head else "pea"
    scaled = {"apiVersion": API_VERSION, "kind": "Pod", "name": name}
    policies = []
    if target.network_policies:
        flow = (pod.metadata.labels or {}).get(names.FLOW)
        policies = [pod_policy(name, namespace, names.labels("pod", pod=name), flow)]
    return PodObjects(
        policies=policies,
        config=config,
        peas_service=peas_service,
        workload=workload,
        disruption_budget=disruption_budget(name, namespace, labels, selector),
        autoscaler=autoscaler(name, namespace, labels, scaled, pod.spec.autoscaling) if pod.spec.autoscaling else None,
        head=_head(pod, target) if pod.spec.has_head else None,
        service=headless(
            name, namespace, names.labels(component, pod=name), names.selector(entry or component, pod=name)
        ),
        rehearsal=_rehearsal(pod, target, config) if stateful(pod) else None,
    )


def _rehearsal(pod: Pod, target: Target, config: Object) -> Object:
    name, namespace = pod.metadata.name, target.namespace
    labels, selector = names.labels("rehearsal", pod=name), names.selector("rehearsal", pod=name)
    program = _program(pod, target, "pea", config, keeps=False)
    template = pod_template(program, labels, selector, _own(pod, "pea"))
    return deployment(names.rehearsal(name), namespace, labels, selector, template, replicas=1)


def stateful(pod: Pod) -> bool:
    """Tell whether each Pea has a name and perhaps a volume of its own."""
    return pod.spec.shards > 1 or pod.spec.storage is not None


def _head(pod: Pod, target: Target) -> HeadObjects:
    name, namespace = names.head(pod.metadata.name), target.namespace
    labels, selector = names.labels("head", pod=pod.metadata.name), names.selector("head", pod=pod.metadata.name)
    peas = names.peas(pod.metadata.name)
    if stateful(pod):
        shards = [[address(f"{pod.metadata.name}-{shard}.{peas}", target)] for shard in range(pod.spec.shards)]
    else:
        shards = [[address(peas, target)]]
    manifest = program_manifest(pod)
    known = Pod.model_validate(manifest)
    plan = graph.head_plan(known, shards).model_dump(mode="json", by_alias=True)
    config = config_map(name, namespace, labels, {"pod.json": manifest, "plan.json": plan})
    template = pod_template(_program(pod, target, "head", config), labels, selector, _own(pod, "head"))
    replicas = 0 if pod.spec.replicas == 0 else (pod.spec.head or Head()).replicas or 1
    return HeadObjects(
        config=config,
        workload=deployment(name, namespace, labels, selector, template, replicas),
        disruption_budget=disruption_budget(name, namespace, labels, selector),
    )


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


def _program(pod: Pod, target: Target, component: str, config: Mapping[str, Any], keeps: bool = True) -> Program:
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
        image=image or target.image,
        pull_policy=target.pull_policy,
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
        fs_group=target.fs_group,
        pull_secrets=target.pull_secrets,
    )
