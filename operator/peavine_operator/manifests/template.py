"""The pod template of Peas, heads and gateways: containers, probes, what they may do and where they run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from peavine.spec import EnvFrom, EnvVar, FilesFrom, Resources
from peavine.spec.rules import METRICS_PORT
from peavine.spec.timeouts import Timeouts
from peavine_operator import names
from peavine_operator.manifests.overlay import overlay
from peavine_operator.manifests.resources import GATEWAY_DISK, PEA_DISK, filled

FILES: Final = "/etc/peavine-files"
"""Folder in which a Pea finds the files of `filesFrom`."""
USER: Final = 10001
"""The user of the images; volumes belong to its group."""
DRAIN_SECONDS: Final = 7
"""How long a Pea without a volume, or a gateway, goes on serving when it is to end.

Names in DNS live for 5 s, routers ask once a second and endpoints take a moment: until then somebody may still come.
"""
START_SECONDS: Final = 86400
"""How long a Pea may take to start. It reads a large file or loads a large model, and whoever is killed for that begins
again and never starts (docs/decisions/0021)."""
HUNG_SECONDS: Final = 15
"""How long Kubernetes waits for the end of a program that no longer answers `live`: it has nothing to finish."""
LIVE: Final = "live"
"""The name under which health tells whether a process lives: peavine.serving.LIVE, which is not imported here."""
CLOSE_SECONDS: Final = 10
"""How long it may take to close its Executor and to end after that."""


PATIENCE_SECONDS: Final = 30
"""How long after its deadline code may run before its Pea exits by itself: peavine.pea.watch, not imported here."""
PROBE_SECONDS: Final = 10
"""How often a liveness probe asks."""
LOST: Final = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
"""Taints of a node that is lost."""
LOST_SECONDS: Final = 30
"""How long a core Pod without a volume stays on a lost node before another one takes its place."""


@dataclass(frozen=True)
class Program:
    """What runs in the container of one component."""

    component: str
    """gateway, head or pea."""
    image: str
    pull_policy: str
    arguments: Sequence[str]
    """Of the command `peavine`."""
    config: str
    """Name of the ConfigMap that holds its files."""
    ports: Mapping[str, int]
    """By name; `grpc` answers health checks, whether it can take requests."""
    timeouts: Timeouts
    """How long its requests may take."""
    env: Sequence[EnvVar] = ()
    env_from: Sequence[EnvFrom] = ()
    files_from: Sequence[FilesFrom] = ()
    """ConfigMaps that are mounted at FILES."""
    resources: Resources = field(default_factory=Resources)
    memory_limit: str | None = None
    """Its default limit, where what it needs is known."""
    sharded: bool = False
    """Whether its index in a StatefulSet is the number of its shard."""
    volume: bool = False
    """Whether /data is a volume of its own, claimed by the StatefulSet, and it is the only one who may write there."""
    service_account: str | None = None
    fs_group: int | None = USER
    """The group that owns its volumes; None where the cluster assigns one."""
    pull_secrets: Sequence[str] = ()
    """Secrets with which nodes fetch its image."""


def pod_template(
    program: Program, labels: dict[str, str], selector: dict[str, str], own: dict[str, Any]
) -> dict[str, Any]:
    """Return the template of a component's core Pods with a user's `own` over it, labelled with its version."""
    whole = filled(overlay(_rendered(program, labels, selector), own), program.component, program.memory_limit)
    if not program.volume:
        whole = _leaving_lost_nodes(whole)
    version = {names.VERSION: names.content_hash(whole)}
    metadata = {**whole["metadata"], "labels": {**whole["metadata"]["labels"], **version}}
    return {**whole, "metadata": metadata}


def _leaving_lost_nodes(template: dict[str, Any]) -> dict[str, Any]:
    """Return a template whose core Pods are replaced soon after their node is lost, unless it has such tolerations.

    Kubernetes fills in 300 s. A core Pod with a volume keeps that: its volume cannot be attached elsewhere before.
    """
    own = template["spec"].get("tolerations") or []
    if not isinstance(own, list):
        return template  # the API server refuses it
    tolerated = {each.get("key") for each in own if isinstance(each, Mapping)}
    more = [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": LOST_SECONDS}
        for key in LOST
        if key not in tolerated and None not in tolerated
    ]
    return {**template, "spec": {**template["spec"], "tolerations": [*own, *more]}} if more else template


def _rendered(program: Program, labels: dict[str, str], selector: dict[str, str]) -> dict[str, Any]:
    keeps = program.component != "gateway"
    drain = 0 if program.volume or program.sharded else DRAIN_SECONDS
    ready: dict[str, Any] = {"grpc": {"port": program.ports["grpc"]}}
    alive: dict[str, Any] = {"grpc": {"port": program.ports["grpc"], "service": LIVE}}
    # A gateway and a head wait for others to be ready, however long that takes. A Pea has started when it has loaded
    # its Executor: only then does the liveness probe begin, since code that loads a model may hold the interpreter.
    if program.component == "pea":
        started = {**ready, "periodSeconds": 1, "timeoutSeconds": 3, "failureThreshold": START_SECONDS}
    else:
        started = {**alive, "periodSeconds": 1, "timeoutSeconds": 3, "failureThreshold": 600}
    silence = program.timeouts.longest + max(PATIENCE_SECONDS, program.timeouts.timeout_seconds)
    container: dict[str, Any] = {
        "name": program.component,
        "image": program.image,
        "imagePullPolicy": program.pull_policy,
        "command": ["peavine"],
        "args": list(program.arguments),
        "env": _env(program),
        "ports": [
            {"name": name, "containerPort": port, "protocol": "TCP"}
            for name, port in {**program.ports, "metrics": METRICS_PORT}.items()
        ],
        "startupProbe": started,
        # A probe that is late on a busy node says nothing about the program, and taking its share of the load away
        # would make the others late, too. A program that has exited is not ready at once, whatever this says.
        "readinessProbe": {**ready, "periodSeconds": 2, "timeoutSeconds": 5, "failureThreshold": 3},
        # Code that holds Python's lock keeps health silent, too. It may, until its Pea would give it up itself.
        "livenessProbe": {
            **alive,
            "periodSeconds": PROBE_SECONDS,
            "timeoutSeconds": 5,
            "failureThreshold": max(6, 2 + math.ceil(silence / PROBE_SECONDS)),
            "terminationGracePeriodSeconds": HUNG_SECONDS,
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "config", "mountPath": "/etc/peavine", "readOnly": True},
            *([{"name": "data", "mountPath": "/data"}] if keeps else []),
            {"name": "tmp", "mountPath": "/tmp"},
            *([{"name": "files", "mountPath": FILES, "readOnly": True}] if program.files_from else []),
        ],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    if program.env_from:
        container["envFrom"] = [source.manifest() for source in program.env_from]
    resources = program.resources.manifest()
    if resources:
        container["resources"] = resources
    if drain:
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": drain}}}
    spec: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            **({} if program.fs_group is None else {"fsGroup": program.fs_group}),
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationGracePeriodSeconds": drain + math.ceil(program.timeouts.grace_seconds) + CLOSE_SECONDS,
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": selector},
                "matchLabelKeys": [names.VERSION],
            }
        ],
        # Not another spread constraint: where nodes have no zones, the scheduler would then heed none of the two.
        "affinity": {
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {
                        "weight": 100,
                        "podAffinityTerm": {
                            "topologyKey": "topology.kubernetes.io/zone",
                            "labelSelector": {"matchLabels": selector},
                        },
                    }
                ]
            }
        },
        "containers": [container],
        "volumes": [
            {"name": "config", "configMap": {"name": program.config}},
            *([{"name": "data", "emptyDir": {"sizeLimit": PEA_DISK}}] if keeps and not program.volume else []),
            {"name": "tmp", "emptyDir": {"sizeLimit": PEA_DISK if keeps else GATEWAY_DISK}},
            *([{"name": "files", "projected": {"sources": _sources(program)}}] if program.files_from else []),
        ],
    }
    if program.pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in program.pull_secrets]
    if program.service_account:
        spec["serviceAccountName"] = program.service_account
    annotations = {
        "kubectl.kubernetes.io/default-container": program.component,
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(METRICS_PORT),
    }
    return {
        "metadata": {"labels": labels, "annotations": annotations},
        "spec": spec,
    }


def _sources(program: Program) -> list[dict[str, Any]]:
    return [{"configMap": source.config_map_ref.manifest()} for source in program.files_from]


def _env(program: Program) -> list[dict[str, Any]]:
    env: list[dict[str, Any]] = [{"name": "PEAVINE_TERMINATION_LOG", "value": "/dev/termination-log"}]
    if program.component != "gateway":  # routes and logs tell replicas apart by it
        env.append({"name": "PEAVINE_PEA_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}})
    if program.sharded:
        path = "metadata.labels['apps.kubernetes.io/pod-index']"
        env.append({"name": "PEAVINE_PEA_SHARD", "valueFrom": {"fieldRef": {"fieldPath": path}}})
    return env + [variable.manifest() for variable in program.env]
