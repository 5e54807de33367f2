"""A Flow: the graph of Pods and its gateway."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from peavine.spec.model import API_VERSION, Metadata, Model, Name
from peavine.spec.pod import Autoscaling, EnvVar, PodSpec, Resources


class FlowPod(PodSpec):
    """A Pod of a Flow."""

    name: Name
    """Its name, unique in the Flow."""
    needs: list[str] | None = None
    """The Pods whose answers it takes, or `gateway` for the request itself. The Pod before it when left out."""
    ref: Name | None = None
    """A Pod resource in the same namespace to use, instead of one that this Flow makes. Kubernetes only."""


class GatewayService(Model):
    """The Service before the gateway."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """How it is reached."""
    annotations: dict[str, str] = {}
    """Annotations of the Service, such as those a cloud's load balancer reads."""


class Gateway(Model):
    """Where requests come in: gRPC and HTTP."""

    replicas: Annotated[int, Field(ge=0)] | None = None
    """Gateways that share the load. One when left out."""
    autoscaling: Autoscaling | None = None
    """Gateways by load."""
    grpc_port: Annotated[int, Field(ge=1, le=65535)] = 8081
    """Port of the gRPC service."""
    http_port: Annotated[int, Field(ge=1, le=65535)] = 8080
    """Port of the HTTP service."""
    resources: Resources = Resources()
    """What each gateway asks of the machine."""
    service: GatewayService = GatewayService()
    """The Service before the gateway."""


class FlowSpec(Model):
    """The graph of Pods, its gateway and its limits."""

    pods: Annotated[list[FlowPod], Field(min_length=1, max_length=256)]
    """The Pods, in the order in which requests pass them unless `needs` says otherwise."""
    gateway: Gateway = Gateway()
    """Where requests come in."""
    timeout_seconds: Annotated[float, Field(gt=0, le=86400)] = 10
    """Time that a request may take from end to end, unless the client asks for less."""
    max_message_bytes: Annotated[int, Field(ge=1024, le=1073741824)] = 16777216
    """The largest request or answer."""
    max_in_flight: Annotated[int, Field(ge=1, le=1000000)] = 1024
    """Requests that a gateway works on at once; more are refused with a delay to try again after."""
    expose_tracebacks: bool = False
    """Whether clients are shown the stack of an Executor's error."""
    env: list[EnvVar] = []
    """Environment variables of every Pea."""


class Flow(Model):
    """A Flow manifest."""

    api_version: Literal["peavine.dev/v1alpha1"] = API_VERSION
    """The version of this schema."""
    kind: Literal["Flow"] = "Flow"
    """The kind of this resource."""
    metadata: Metadata
    """Its name and labels."""
    spec: FlowSpec
    """The graph."""
