"""The Kubernetes kinds that the operator reads and writes, and where the API server has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from peavine.spec import API_VERSION
from peavine_operator import names

Body = Mapping[str, Any]
"""An object as the API server has it."""
Object = dict[str, Any]
"""An object that is made, or about to be written."""


@dataclass(frozen=True)
class Kind:
    """One kind of object."""

    api_version: str
    name: str
    plural: str

    @property
    def group(self) -> str:
        """The API group; the core group is empty."""
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        """The version within the group."""
        return self.api_version.rpartition("/")[2]

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """Return the path of an object, or of all in a namespace, or in all namespaces."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"
        within = f"/namespaces/{namespace}" if namespace else ""
        return f"{root}{within}/{self.plural}" + (f"/{name}" if name else "")

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


FLOW = Kind(API_VERSION, "Flow", "flows")
POD = Kind(API_VERSION, "Pod", "peapods")
CORE_POD = Kind("v1", "Pod", "pods")
SERVICE = Kind("v1", "Service", "services")
CONFIG_MAP = Kind("v1", "ConfigMap", "configmaps")
SERVICE_ACCOUNT = Kind("v1", "ServiceAccount", "serviceaccounts")
DEPLOYMENT = Kind("apps/v1", "Deployment", "deployments")
STATEFUL_SET = Kind("apps/v1", "StatefulSet", "statefulsets")
DISRUPTION_BUDGET = Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")
AUTOSCALER = Kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
NETWORK_POLICY = Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies")
CLAIM = Kind("v1", "PersistentVolumeClaim", "persistentvolumeclaims")
ENDPOINT_SLICE = Kind("discovery.k8s.io/v1", "EndpointSlice", "endpointslices")
LEASE = Kind("coordination.k8s.io/v1", "Lease", "leases")

RESOURCES = (FLOW, POD)
"""What users write."""
APPLIED = (
    CONFIG_MAP, SERVICE_ACCOUNT, NETWORK_POLICY, SERVICE, DEPLOYMENT, STATEFUL_SET, DISRUPTION_BUDGET, AUTOSCALER,
)  # fmt: skip
"""What the operator makes of them, beside Pods."""
SEEN = (CORE_POD, CLAIM, ENDPOINT_SLICE)
"""What Kubernetes makes of that."""
ALL = (*RESOURCES, *APPLIED, *SEEN)

_BY_NAME = {(kind.api_version, kind.name): kind for kind in (*ALL, LEASE)}


def label_selector(kind: Kind) -> str:
    """Return what finds the objects of a kind that concern the operator; empty for all."""
    if kind in RESOURCES:
        return ""
    # The labels of claims come from a StatefulSet's template, which cannot change.
    return f"{names.COMPONENT}=pea,{names.POD}" if kind == CLAIM else names.SELECTOR


def of(body: Body) -> Kind:
    """Return the kind of an object."""
    return _BY_NAME[body["apiVersion"], body["kind"]]


class Ref(NamedTuple):
    """One object, by kind, namespace and name."""

    kind: Kind
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind.name} {self.namespace}/{self.name}"


def ref(body: Body) -> Ref:
    """Return which object this is."""
    metadata = body["metadata"]
    return Ref(of(body), metadata["namespace"], metadata["name"])
