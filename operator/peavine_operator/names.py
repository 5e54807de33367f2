"""What things are called: names of the objects made, labels by which they are found again, hashes of their content.

Names end up in DNS labels and in labels of Kubernetes, 63 characters at the most, and a StatefulSet adds to its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from peavine.spec import FLOW_LABEL

FIELD_MANAGER: Final = "peavine-operator"
"""The owner of every field that is applied."""
REPLICAS_MANAGER: Final = "peavine-replicas"
"""The owner of replicas that a manifest says no longer, until somebody scales."""
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
COMPONENT: Final = "app.kubernetes.io/component"
COMPONENTS: Final = ("gateway", "head", "pea", "rehearsal")
"""What that label says of core Pods."""
FLOW: Final = FLOW_LABEL
"""Label: the Flow that an object belongs to."""
POD: Final = "peavine.dev/pod"
"""Label: the Pod resource that an object belongs to."""
STEP: Final = "peavine.dev/step"
"""Label: what a Flow calls the Pod resource that it made."""
VERSION: Final = "peavine.dev/version"
"""Label of core Pods: the hash of the template that they were made from. So an old one is told from a new one."""
FINDS: Final = (MANAGED_BY, COMPONENT, FLOW, POD, VERSION)
"""The labels by which core Pods are found."""
RENDERED: Final = "peavine.dev/rendered"
"""Annotation: the hash of an object as it was rendered. So a field that is rendered no longer is noticed."""
NAMED: Final = "peavine.dev/named-pods"
"""Annotation of a gateway's Deployment: the Pod resources that its plan names."""
ACCEPT_VOLUME: Final = "peavine.dev/accept-volume"
"""Annotation of a Pod resource: the volume, as a condition's message names it, that takes the place of a lost one."""
PAUSED: Final = "peavine.dev/paused"
"""Annotation of a Flow or Pod resource: with "true" the operator writes nothing of it but its status."""
OPERATOR: Final = "peavine.dev/operator"
"""Annotation of a Flow, or of a Pod resource that no Flow made: the operator that serves it, as NAMESPACE/LEASE."""
SELECTOR: Final = f"{MANAGED_BY}=peavine"
"""Finds all that the operator made, in all Kubernetes kinds."""

LONGEST: Final = 40
"""Names of Flows and Pods, as the manifest bounds them."""


def child(flow: str, pod: str) -> str:
    """Return the name of the Pod resource that a Flow makes for its Pod; a long one ends in a hash."""
    name = f"{flow}-{pod}"
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 9].rstrip('-')}-{content_hash(name)[:8]}"


def gateway(flow: str) -> str:
    """Return the name of a Flow's gateway. No Pod of a Flow may be called gateway, so it is free."""
    return f"{flow}-gateway"


def head(pod: str) -> str:
    """Return the name of a Pod's head."""
    return f"{pod}-head"


def rehearsal(pod: str) -> str:
    """Return the name of what starts a new version of a Pod's shards before they do."""
    return f"{pod}-rehearsal"


def peas(pod: str) -> str:
    """Return the name of the Service of a Pod's Peas where they have another one than the Pod's own."""
    return f"{pod}-peas"


def content_hash(content: object) -> str:
    """Return ten characters that differ when plain data differs."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def data_digest(config_map: Mapping[str, Any]) -> str:
    """Return the hash of all that a ConfigMap holds. It is as long as hashes that nobody can forge."""
    data = [config_map.get("data") or {}, config_map.get("binaryData") or {}]
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def labels(component: str, **own: str) -> dict[str, str]:
    """Return the labels of an object; `own` is `flow=` or `pod=`, the resource that it is made for."""
    known = {"flow": FLOW, "pod": POD}
    return {
        "app.kubernetes.io/name": "peavine",
        COMPONENT: component,
        MANAGED_BY: "peavine",
        **{known[kind]: name for kind, name in own.items()},
    }


def selector(component: str, **own: str) -> dict[str, str]:
    """Return the labels that select the core Pods of a component: few, because selectors can never change."""
    every = labels(component, **own)
    return {key: every[key] for key in (COMPONENT, FLOW, POD) if key in every}


def metadata(name: str, namespace: str, labels: dict[str, str]) -> dict[str, Any]:
    """Return the metadata of an object."""
    return {"name": name, "namespace": namespace, "labels": labels}
