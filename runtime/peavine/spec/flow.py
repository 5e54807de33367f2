"""A Flow: the graph of Pods and its gateway."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from peavine.spec.facts import Facts, Reader
from peavine.spec.model import (
    API_VERSION,
    MAP_BY_NAME,
    MAX_MESSAGE_BYTES,
    MaxDocuments,
    MessageBytes,
    Metadata,
    Model,
    Name,
    Replicas,
    cel,
)
from peavine.spec.pod import POD_RULES, Autoscaling, Env, PodSpec, Resources
from peavine.spec.rules import GRPC_PORT, HTTP_PORT, MAX_DOCUMENTS, METRICS_PORT
from peavine.spec.timeouts import Timeouts

Needs = Annotated[list[Name], Field(max_length=32)]


class FlowPod(PodSpec):
    """A Pod of a Flow."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            *POD_RULES,
            ("self.name != 'gateway'", "gateway is the start of the graph; choose another name"),
            ("!has(self.needs) || !(self.name in self.needs)", "a Pod cannot need itself"),
            (
                "!has(self.autoscaling) || !has(self.replicas)",
                "the autoscaler owns the number of replicas; leave replicas or autoscaling out",
            ),
        )
    )

    name: Annotated[Name, Facts(Reader.GATEWAY, owner=False)]
    """Its name, unique in the Flow."""
    needs: Annotated[Needs | None, Facts(Reader.GATEWAY, owner=False)] = None
    """The Pods whose answers it takes, or `gateway` for the request itself. The Pod before it when left out."""
    ref: Annotated[
        Name | None,
        Facts(
            Reader.GATEWAY,
            owner=False,
            cluster=True,
            remedy="names a Pod resource of a cluster; on one machine give `uses`",
        ),
    ] = None
    """A Pod resource in the same namespace to use, instead of one that this Flow makes. Kubernetes only."""


class GatewayService(Model):
    """The Service before the gateway."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """How it is reached."""
    annotations: dict[str, str] = {}
    """Annotations of the Service, such as those a cloud's load balancer reads."""


class Gateway(Model):
    """Where requests come in: gRPC and HTTP."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "!has(self.autoscaling) || !has(self.replicas)",
                "the autoscaler owns the number of replicas; leave replicas or autoscaling out",
            ),
            ("self.grpcPort != self.httpPort", "grpcPort and httpPort are the same"),
            (f"self.grpcPort != {METRICS_PORT}", f"grpcPort is {METRICS_PORT}, the port of the metrics"),
            (f"self.httpPort != {METRICS_PORT}", f"httpPort is {METRICS_PORT}, the port of the metrics"),
        )
    )

    replicas: Annotated[Replicas | None, Facts(Reader.OPERATOR, cluster=True)] = None
    """Gateways that share the load. One when left out."""
    autoscaling: Annotated[Autoscaling | None, Facts(Reader.OPERATOR, cluster=True)] = None
    """Gateways by load."""
    grpc_port: Annotated[int, Field(ge=1, le=65535), Facts(Reader.CONTAINER)] = GRPC_PORT
    """Port of the gRPC service."""
    http_port: Annotated[int, Field(ge=1, le=65535), Facts(Reader.CONTAINER)] = HTTP_PORT
    """Port of the HTTP service."""
    docs: Annotated[bool, Facts(Reader.GATEWAY)] = True
    """Whether the gateway serves its description at /docs and /openapi.json."""
    reflection: Annotated[bool, Facts(Reader.GATEWAY)] = True
    """Whether the gateway serves gRPC reflection, from which clients without stubs learn its services."""
    resources: Annotated[Resources, Facts(Reader.CONTAINER, cluster=True)] = Resources()
    """What each gateway asks of the machine. By default it requests 50m CPU and 128Mi of memory, with a memory limit of
    512Mi + 32 times maxMessageBytes."""
    service: Annotated[GatewayService, Facts(Reader.OPERATOR, cluster=True)] = GatewayService()
    """The Service before the gateway."""
    pod_template: Annotated[dict[str, Any], Facts(Reader.CONTAINER, cluster=True)] = {}
    """Merged over the Kubernetes pod template of gateways, as that of a Pod is over its own. The container is called
    gateway."""


class FlowSpec(Timeouts):
    """The graph of Pods, its gateway and its limits."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "self.pods.all(pod, !has(pod.needs) || pod.needs.all(name, "
                "name == 'gateway' || self.pods.exists(other, other.name == name)))",
                "a Pod needs one that is not in the Flow; look for a spelling mistake under needs",
            ),
        )
    )

    pods: Annotated[
        list[FlowPod], Field(min_length=1, max_length=64, json_schema_extra=MAP_BY_NAME), Facts(Reader.GATEWAY)
    ]
    """The Pods, in the order in which requests pass them unless `needs` says otherwise."""
    gateway: Annotated[Gateway, Facts(Reader.OPERATOR)] = Gateway()
    """Where requests come in."""
    max_message_bytes: Annotated[MessageBytes, Facts(Reader.GATEWAY)] = MAX_MESSAGE_BYTES
    """The largest request or answer."""
    max_documents: Annotated[MaxDocuments, Facts(Reader.GATEWAY)] = MAX_DOCUMENTS
    """Maximum number of root Documents in a request. Together with their chunks and matches there may be 16 times as
    many."""
    max_in_flight: Annotated[int, Field(ge=1, le=1000000), Facts(Reader.GATEWAY)] = 1024
    """Requests that a gateway works on at once; more are refused with a delay to try again after."""
    expose_tracebacks: Annotated[bool, Facts(Reader.GATEWAY)] = False
    """Whether clients are shown the stack of an Executor's error."""
    env: Annotated[Env, Facts(Reader.CONTAINER)] = []
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
