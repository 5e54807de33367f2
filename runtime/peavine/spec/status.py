"""What the operator reports of a Flow or a Pod: the `status` of the resources. Users read it and never write it."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from peavine.spec.model import ATOMIC, Model

LONGEST_MESSAGE: Final = 32768
"""Characters of a condition's message, at the most."""


class Condition(Model):
    """One thing that is true of the resource, or is not, or is not known, and why."""

    type: Annotated[str, Field(max_length=64)]
    """Ready, Progressing, Degraded or Accepted."""
    status: Literal["True", "False", "Unknown"]
    """Whether it is so."""
    reason: Annotated[str, Field(max_length=128)]
    """Why, in one word; docs/conditions.md lists all of them."""
    message: Annotated[str, Field(max_length=LONGEST_MESSAGE)] = ""
    """Why and where, for people."""
    observed_generation: int
    """The generation of the resource that this was said of."""
    last_transition_time: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    """When the status of this condition last changed."""


class StoreStatus(Model):
    """The store of a shard, as it was when the operator last asked for it."""

    shard: int
    """Number of the shard."""
    name: str
    """Folder of the store within the volume; "." is the volume itself."""
    id: str
    """Identifies the store. Drawn when it was created; a snapshot has the same."""
    epoch: int
    """How often it was opened for writing."""
    counter: int
    """Number of commits since it was created."""
    writer: str
    """Identifies the process that last opened it for writing."""
    accepted: str | None = None
    """The value of the annotation peavine.dev/accept-volume by which this store took the place of another one."""


CONDITIONS = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}


class Address(Model):
    """Where clients reach a gateway."""

    protocol: Literal["grpc", "http"]
    """What is spoken there."""
    host: str
    """Name, or IP address, of the host."""
    port: int
    """Its port."""


class FlowStatus(Model):
    """What is known of a Flow."""

    observed_generation: int | None = None
    """The generation that the operator saw last."""
    conditions: Annotated[list[Condition], Field(json_schema_extra=CONDITIONS)] = []
    """Ready, Progressing, Degraded, Accepted."""
    ready_pods: int | None = None
    """How many of its Pods are ready."""
    pods: int | None = None
    """How many Pods it has."""
    addresses: Annotated[list[Address], Field(json_schema_extra=ATOMIC)] = []
    """Where clients reach the gateway, those from outside of the cluster first."""


class PodStatus(Model):
    """What is known of a Pod."""

    observed_generation: int | None = None
    """The generation that the operator saw last."""
    conditions: Annotated[list[Condition], Field(json_schema_extra=CONDITIONS)] = []
    """Ready, Progressing, Degraded, Accepted."""
    ready_replicas: int | None = None
    """How many replicas are ready. A replica is one Pea of each shard."""
    replicas: int | None = None
    """How many replicas there are."""
    ready_shards: int | None = None
    """How many shards have a Pea that is ready."""
    shards: int | None = None
    """How many shards the Pod has."""
    selector: str | None = None
    """Selects the Peas, for `kubectl scale` and autoscalers."""
    stores: list[StoreStatus] = []
    """The stores of a Pod with storage, so that a volume that is lost or older than before is noticed."""
