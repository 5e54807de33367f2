"""Services: headless ones, in which routers find every Pea, and the one before a gateway."""

from __future__ import annotations

from typing import Any

from peavine.spec import GatewayService
from peavine_operator import names

GRPC, HTTP = 8081, 8080
"""Ports of containers: gateways listen on both, Peas and heads on the first."""

PASSED = GatewayService.model_fields.keys() - {"ports", "labels", "annotations"}
"""Fields that go from the manifest to the Service unchanged."""


def headless(
    name: str, namespace: str, labels: dict[str, str], selector: dict[str, str], publish_not_ready: bool = False
) -> dict[str, Any]:
    """Return a Service that resolves to the address of each Pea that is ready.

    With `publish_not_ready` a shard has its name from its start on: the router that waits for it needs to know where
    it will be, and asks the Pea itself whether it is ready.
    """
    spec: dict[str, Any] = {
        "type": "ClusterIP",
        "clusterIP": "None",
        "selector": selector,
        "ports": [{"name": "grpc", "port": GRPC, "targetPort": "grpc", "protocol": "TCP"}],
        "publishNotReadyAddresses": publish_not_ready,
    }
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": names.metadata(name, namespace, labels),
        "spec": spec,
    }


def gateway_service(
    name: str, namespace: str, labels: dict[str, str], service: GatewayService, flow: str
) -> dict[str, Any]:
    """Return the Service that clients of a Flow connect to."""
    meta = names.metadata(name, namespace, {**service.labels, **labels})
    if service.annotations:
        meta["annotations"] = dict(service.annotations)
    passed = service.model_dump(mode="json", by_alias=True, exclude_none=True, include=PASSED)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {
            **passed,
            "selector": names.selector("gateway", flow=flow),
            "ports": [
                {"name": "grpc", "port": service.ports.grpc, "targetPort": "grpc", "protocol": "TCP"},
                {"name": "http", "port": service.ports.http, "targetPort": "http", "protocol": "TCP"},
            ],
        },
    }
