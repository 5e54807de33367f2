"""The versions of the manifest that this peavine reads, and what has replaced fields of earlier ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel

from peavine.spec.flow import Flow, FlowPod, Gateway
from peavine.spec.model import API_VERSION
from peavine.spec.pod import Autoscaling, Batching, Pod, PodSpec
from peavine.spec.storage import Storage

MODELS: Final[Mapping[str, Mapping[str, type[Flow] | type[Pod]]]] = {API_VERSION: {"Flow": Flow, "Pod": Pod}}
"""The model of each kind by `apiVersion`."""

MOVED: Final[Mapping[type[BaseModel], Mapping[str, str]]] = {
    PodSpec: {
        "usesWith": "executor: {with: ..}",
        "usesBefore": "head: {before: {class: ..}}",
        "usesAfter": "head: {after: {class: ..}}",
    },
    FlowPod: {"ref": "podRef: {name: NAME}"},
    Storage: {
        "className": "storageClassName: NAME",
        "retain": "retentionPolicy: {whenDeleted: Retain}` or `retentionPolicy: {whenDeleted: Delete}",
    },
    Batching: {"maxDelayMs": "maxDelayMilliseconds: NUMBER"},
    Autoscaling: {"targetCPU": "metrics:` as in a HorizontalPodAutoscaler of `autoscaling/v2"},
    Gateway: {"grpcPort": "service: {ports: {grpc: PORT}}", "httpPort": "service: {ports: {http: PORT}}"},
}
"""What is written instead of a field that a model had in an earlier peavine."""


def moved(model: type[BaseModel] | None, field: str) -> str | None:
    """Return what is written instead of a field that a model had, or None where it never had it."""
    parts = model.__mro__ if model else ()
    return next((MOVED[part][field] for part in parts if part in MOVED and field in MOVED[part]), None)
