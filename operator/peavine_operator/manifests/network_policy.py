"""NetworkPolicies: who may connect to the core Pods of a Flow (docs/decisions/0032).

They admit traffic and never limit what a core Pod connects to: Executors reach models, databases and engines of which a
manifest says nothing. Policies add up, so a policy of the user's own can admit more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from peavine.spec.rules import METRICS_PORT
from peavine_operator import names
from peavine_operator.manifests.service import GRPC, HTTP

Labels = dict[str, str]
Rule = dict[str, Any]


def gateway_policy(name: str, namespace: str, labels: Labels, flow: str) -> dict[str, Any]:
    """Return a policy by which everybody reaches a Flow's gateway on the ports of clients and of metrics."""
    selected = {"matchLabels": names.selector("gateway", flow=flow)}
    return _policy(name, namespace, labels, selected, [_rule([GRPC, HTTP, METRICS_PORT])])


def pod_policy(pod: str, namespace: str, labels: Labels, flow: str | None) -> dict[str, Any]:
    """Return a policy by which the gateway of the Pod's Flow, and the Pod's head, reach its core Pods.

    Everybody reaches the port of metrics. A Pod that belongs to no Flow is reached by gateways as `shared_policy` of
    their Flows says.
    """
    callers = [{"matchLabels": names.selector("head", pod=pod)}]
    if flow is not None:
        callers.append({"matchLabels": names.selector("gateway", flow=flow)})
    rules = [_rule([GRPC], callers), _rule([METRICS_PORT])]
    return _policy(pod, namespace, labels, {"matchLabels": {names.POD: pod}}, rules)


def shared_policy(namespace: str, labels: Labels, flow: str, pods: Iterable[str]) -> dict[str, Any]:
    """Return a policy by which a Flow's gateway reaches the Pod resources that it uses by `podRef`.

    Its name has the hash of theirs: while gateways of an older version run, their policy stays next to the new one.
    """
    used = sorted(set(pods))
    selected = {"matchExpressions": [{"key": names.POD, "operator": "In", "values": used}]}
    name = f"{names.gateway(flow)}-{names.content_hash(used)}"
    caller = {"matchLabels": names.selector("gateway", flow=flow)}
    return _policy(name, namespace, labels, selected, [_rule([GRPC], [caller])])


def _rule(ports: Sequence[int], callers: Sequence[dict[str, Any]] = ()) -> Rule:
    rule: Rule = {"ports": [{"port": port, "protocol": "TCP"} for port in ports]}
    if callers:
        rule["from"] = [{"podSelector": caller} for caller in callers]
    return rule


def _policy(
    name: str, namespace: str, labels: Labels, selected: dict[str, Any], rules: Sequence[Rule]
) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": names.metadata(name, namespace, labels),
        "spec": {"podSelector": selected, "policyTypes": ["Ingress"], "ingress": list(rules)},
    }
