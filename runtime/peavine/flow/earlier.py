"""Upgrade manifests of an earlier peavine to the form of today: what `peavine convert` does besides reading files.

Pure: from plain data to plain data. What cannot be understood stays as it is; the schema says what is wrong with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from peavine.flow.order import in_order
from peavine.spec.rules import GATEWAY

Plain = dict[str, Any]


def upgraded(manifest: Any) -> Any:
    """Return a Flow manifest with its fields under the names of today, and with what each of its Pods needs."""
    body = manifest.get("spec") if isinstance(manifest, Mapping) else None
    if not isinstance(body, Mapping):
        return manifest
    spec = _flow(dict(body))
    if isinstance(spec.get("pods"), list):
        spec["pods"] = in_order([_pod(dict(pod)) if isinstance(pod, Mapping) else pod for pod in spec["pods"]])
    return {**manifest, "spec": spec}


def _flow(spec: Plain) -> Plain:
    _within(spec, "gateway", _gateway)
    return _timeouts(spec)


def _pod(pod: Plain) -> Plain:
    if pod.get("needs") == []:  # which was the request itself
        pod["needs"] = [GATEWAY]
    if "ref" in pod:
        pod["podRef"] = {"name": pod.pop("ref")}
    _move(pod, "usesWith", "executor", "with")
    _move(pod, "usesBefore", "head", "before")
    _move(pod, "usesAfter", "head", "after")
    _within(pod, "storage", _storage)
    _within(pod, "batching", _batching)
    _within(pod, "autoscaling", _autoscaling)
    return _timeouts(pod)


def _gateway(gateway: Plain) -> Plain:
    ports = {name: gateway[f"{name}Port"] for name in ("grpc", "http") if f"{name}Port" in gateway}
    service = gateway.get("service") or {}
    if ports and isinstance(service, Mapping):
        gateway["service"] = {**service, "ports": ports}
        for name in ports:
            del gateway[f"{name}Port"]
    _within(gateway, "autoscaling", _autoscaling)
    return gateway


def _storage(storage: Plain) -> Plain:
    if "className" in storage:
        storage["storageClassName"] = storage.pop("className")
    if "retain" in storage:
        storage["retentionPolicy"] = {"whenDeleted": "Retain" if storage.pop("retain") else "Delete"}
    return storage


def _batching(batching: Plain) -> Plain:
    if "maxDelayMs" in batching:
        batching["maxDelayMilliseconds"] = _whole(batching.pop("maxDelayMs"))
    return batching


def _autoscaling(scaling: Plain) -> Plain:
    if "targetCPU" in scaling:
        target = {"type": "Utilization", "averageUtilization": scaling.pop("targetCPU")}
        scaling["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    return scaling


def _timeouts(spec: Plain) -> Plain:
    for field in ("timeoutSeconds", "indexTimeoutSeconds", "trainTimeoutSeconds"):
        if field in spec:
            spec[field] = _whole(spec[field])
    return spec


def _move(parent: Plain, old: str, new: str, name: str) -> None:
    """Move a field into the object under `new`, as `name`. Where `new` is something else, both stay."""
    into = parent.get(new) or {}
    if old in parent and isinstance(into, Mapping):
        parent[new] = {**into, name: parent.pop(old)}


def _within(parent: Plain, field: str, upgrade: Callable[[Plain], Plain]) -> None:
    if isinstance(parent.get(field), Mapping):
        parent[field] = upgrade(dict(parent[field]))


def _whole(number: Any) -> Any:
    """Return a number that may have had a fraction, rounded up."""
    return math.ceil(number) if isinstance(number, float) and math.isfinite(number) else number
