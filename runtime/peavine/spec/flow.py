"""A Flow: the graph of Pods and its gateway."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from peavine.spec.environment import ENV_FROM_REMEDY, Env, EnvFroms
from peavine.spec.facts import Facts, Reader
from peavine.spec.model import (
    API_VERSION,
    ATOMIC,
    MAP_BY_NAME,
    MAX_MESSAGE_BYTES,
    SET,
    ApiVersion,
    MaxDocuments,
    MessageBytes,
    Metadata,
    Model,
    Name,
    Replicas,
    cel,
)
from peavine.spec.pod import POD_RULES, Autoscaling, PodSpec, Resources
from peavine.spec.rules import GATEWAY, GRPC_PORT, HTTP_PORT, MAX_DOCUMENTS, MAX_PODS, SERVICE_TYPES
from peavine.spec.timeouts import Timeouts


class PodRef(Model):
    """A Pod resource in the same namespace."""

    name: Name
    """Name of the Pod resource."""


Needs = Annotated[list[Name], Field(min_length=1, max_length=32, json_schema_extra=SET)]


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
    """Name of the Pod, unique in the Flow."""
    needs: Annotated[Needs | None, Facts(Reader.GATEWAY, owner=False)] = None
    """Pods whose answers the Pod takes, or `gateway` for the request itself. Only the Pod of a Flow with one Pod may
    leave it out. `peavine convert` fills it in by the order of the Pods."""
    pod_ref: Annotated[
        PodRef | None,
        Facts(
            Reader.GATEWAY,
            owner=False,
            cluster=True,
            remedy="refers to a Pod resource of a cluster; on one machine give `uses`",
        ),
    ] = None
    """A Pod resource in the same namespace to use, instead of one that this Flow makes. Kubernetes only."""

    @property
    def parents(self) -> list[str]:
        """The names under `needs`; the request where the only Pod of a Flow leaves them out."""
        return self.needs or [GATEWAY]


Port = Annotated[int, Field(ge=1, le=65535)]


def _one_of(types: tuple[str, ...]) -> str:
    """Return a rule that a Service is of one of these types."""
    return " || ".join(f"self.type == '{each}'" for each in types)


class GatewayPorts(Model):
    """Ports on which clients reach the gateway."""

    model_config = ConfigDict(json_schema_extra=cel(("self.grpc != self.http", "grpc and http are the same port")))

    grpc: Port = GRPC_PORT
    """Port of the gRPC service."""
    http: Port = HTTP_PORT
    """Port of the HTTP service."""


class GatewayService(Model):
    """The Service in front of the gateway."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            *(
                (f"!has(self.{field}) || {_one_of(types)}", f"{field} needs type {' or '.join(types)}")
                for field, types in SERVICE_TYPES.items()
            )
        )
    )

    type: Annotated[Literal["ClusterIP", "NodePort", "LoadBalancer"], Facts(Reader.OPERATOR, cluster=True)] = (
        "ClusterIP"
    )
    """How clients reach the Service."""
    ports: Annotated[GatewayPorts, Facts(Reader.OPERATOR)] = GatewayPorts()
    """Ports of the Service. On a single machine the gateway listens on them."""
    labels: Annotated[dict[str, str], Facts(Reader.OPERATOR, cluster=True)] = {}
    """Labels of the Service. Those that peavine sets stay as they are."""
    annotations: Annotated[dict[str, str], Facts(Reader.OPERATOR, cluster=True)] = {}
    """Annotations of the Service, such as those that a cloud's load balancer reads."""
    load_balancer_class: Annotated[
        Annotated[str, Field(max_length=253)] | None, Facts(Reader.OPERATOR, cluster=True)
    ] = None
    """Implementation of load balancers that serves the Service; the cluster's default when left out."""
    load_balancer_source_ranges: Annotated[
        Annotated[
            list[Annotated[str, Field(max_length=64)]], Field(min_length=1, max_length=64, json_schema_extra=ATOMIC)
        ]
        | None,
        Facts(Reader.OPERATOR, cluster=True),
    ] = None
    """Addresses of clients that the load balancer lets in, as CIDR; all when left out."""
    external_traffic_policy: Annotated[Literal["Cluster", "Local"] | None, Facts(Reader.OPERATOR, cluster=True)] = None
    """Whether traffic from outside may go on to other nodes; with Local the gateway sees the client's address."""
    ip_family_policy: Annotated[
        Literal["SingleStack", "PreferDualStack", "RequireDualStack"] | None, Facts(Reader.OPERATOR, cluster=True)
    ] = None
    """Whether the Service has addresses of one IP family or of both; one when left out."""


DocumentField = Literal[
    "*", "id", "text", "buffer", "tensor", "embedding", "chunks", "matches", "tags", "uri", "mime_type", "modality",
    "parent_id", "level_name", "root_id", "granularity", "adjacency", "siblings", "offset", "weight", "location",
    "score", "evaluations",
]  # fmt: skip
"""A field of a Document as a request asks for it."""


class Gateway(Model):
    """Where requests come in: gRPC and HTTP."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "!has(self.autoscaling) || !has(self.replicas)",
                "the autoscaler owns the number of replicas; leave replicas or autoscaling out",
            ),
        )
    )

    replicas: Annotated[Replicas | None, Facts(Reader.OPERATOR, cluster=True)] = None
    """Number of gateways that share the load. One when left out."""
    autoscaling: Annotated[Autoscaling | None, Facts(Reader.OPERATOR, cluster=True)] = None
    """Number of gateways by load."""
    docs: Annotated[bool, Facts(Reader.GATEWAY)] = True
    """Whether the gateway serves its description at /docs and /openapi.json."""
    reflection: Annotated[bool, Facts(Reader.GATEWAY)] = True
    """Whether the gateway serves gRPC reflection, from which clients without stubs learn its services."""
    fields: Annotated[list[DocumentField], Field(max_length=32, json_schema_extra=SET), Facts(Reader.GATEWAY)] = []
    """Fields of Documents and matches in the answer to a search that does not ask for others; `*` for all. All but
    tensor, buffer and embedding when left out. Id, score and place in the tree always come along."""
    resources: Annotated[Resources, Facts(Reader.CONTAINER, cluster=True)] = Resources()
    """What each gateway asks of the machine. By default it requests 50m CPU and 128Mi of memory, with a memory limit of
    512Mi + 32 times maxMessageBytes."""
    service: Annotated[GatewayService, Facts(Reader.OPERATOR)] = GatewayService()
    """The Service in front of the gateway."""
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
            (
                "size(self.pods) == 1 || self.pods.all(pod, has(pod.needs))",
                "the order of Pods has no meaning, so each Pod of several says what it needs: `needs: [gateway]` for "
                "the request, or `needs: [NAME]` for the answer of another Pod; `peavine convert` fills it in",
            ),
        )
    )

    pods: Annotated[
        list[FlowPod], Field(min_length=1, max_length=MAX_PODS, json_schema_extra=MAP_BY_NAME), Facts(Reader.GATEWAY)
    ]
    """The Pods. Their order has no meaning: `needs` says how requests pass them."""
    gateway: Annotated[Gateway, Facts(Reader.OPERATOR)] = Gateway()
    """Where requests come in."""
    max_message_bytes: Annotated[MessageBytes, Facts(Reader.GATEWAY)] = MAX_MESSAGE_BYTES
    """Maximum size of a request or answer, in bytes."""
    max_documents: Annotated[MaxDocuments, Facts(Reader.GATEWAY)] = MAX_DOCUMENTS
    """Maximum number of root Documents in a request. Together with their chunks and matches there may be 16 times as
    many."""
    max_in_flight: Annotated[int, Field(ge=1, le=1000000), Facts(Reader.GATEWAY)] = 1024
    """Maximum number of requests that a gateway works on at once; more are refused with a delay to try again after."""
    expose_tracebacks: Annotated[bool, Facts(Reader.GATEWAY)] = False
    """Whether clients are shown the stack of an Executor's error."""
    env: Annotated[Env, Facts(Reader.CONTAINER)] = []
    """Environment variables of every Pea."""
    env_from: Annotated[EnvFroms, Facts(Reader.CONTAINER, cluster=True, remedy=ENV_FROM_REMEDY)] = []
    """Environment variables of every Pea from whole Secrets and ConfigMaps. Kubernetes only."""


class Flow(Model):
    """A Flow manifest."""

    api_version: ApiVersion = API_VERSION
    """The version of this schema."""
    kind: Literal["Flow"] = "Flow"
    """The kind of this resource."""
    metadata: Metadata
    """Name and labels of the resource."""
    spec: FlowSpec
    """The graph of Pods, its gateway and its limits."""
