"""What the operator reports of a Flow or a Pod: the `status` of the resources. Users read it and never write it."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from peavine.spec.model import ATOMIC, SET, Model

LONGEST_MESSAGE: Final = 32768
"""Maximum number of characters of a condition's message."""


class Condition(Model):
    """One thing that is true of the resource, or is not, or is not known, and why."""

    type: Annotated[str, Field(max_length=64)]
    """Type of the condition: Ready, Available, Progressing, Degraded, Accepted, Reconciling or Stalled."""
    status: Literal["True", "False", "Unknown"]
    """Whether the condition is true."""
    reason: Annotated[str, Field(max_length=128)]
    """Reason in one word; docs/conditions.md lists all of them."""
    message: Annotated[str, Field(max_length=LONGEST_MESSAGE)] = ""
    """Reason and place, for people."""
    observed_generation: int
    """Generation of the resource that the condition describes."""
    last_transition_time: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    """When the status of the condition last changed."""


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


class VolumeStatus(Model):
    """The volume of a shard."""

    shard: int
    """Number of the shard."""
    requested: str
    """Size that its claim asks for."""
    capacity: str
    """Size that it has; 0 while there is none."""


CONDITIONS = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}


class Address(Model):
    """Where clients reach a gateway."""

    protocol: Literal["grpc", "http"]
    """Protocol of the address."""
    host: str
    """Name, or IP address, of the host."""
    port: int
    """Port of the address."""


class FlowStatus(Model):
    """What is known of a Flow."""

    observed_generation: int | None = None
    """Generation of the resource that the operator saw last."""
    conditions: Annotated[list[Condition], Field(json_schema_extra=CONDITIONS)] = []
    """Conditions Ready, Available, Progressing, Degraded, Accepted, Reconciling and Stalled."""
    last_progress_time: Annotated[str | None, Field(json_schema_extra={"format": "date-time"})] = None
    """When what the Flow waits for last changed; not set while it is ready."""
    rollout: Literal["Waiting", "RollingOut"] | None = None
    """Whether the Flow waits for its turn to roll out after an upgrade of the operator, or has it."""
    release: str | None = None
    """Identifies the version and settings of the operator that last applied all of the Flow."""
    ready_pods: int | None = None
    """Number of Pods of the Flow that are ready."""
    pods: int | None = None
    """Number of Pods of the Flow."""
    addresses: Annotated[list[Address], Field(json_schema_extra=ATOMIC)] = []
    """Where clients reach the gateway: addresses outside the cluster first, then those inside."""


class PodStatus(Model):
    """What is known of a Pod."""

    observed_generation: int | None = None
    """Generation of the resource that the operator saw last."""
    conditions: Annotated[list[Condition], Field(json_schema_extra=CONDITIONS)] = []
    """Conditions Ready, Available, Progressing, Degraded, Accepted, Reconciling and Stalled."""
    last_progress_time: Annotated[str | None, Field(json_schema_extra={"format": "date-time"})] = None
    """When what the Pod waits for last changed; not set while it is ready."""
    release: str | None = None
    """Identifies the version and settings of the operator that last applied all of the Pod."""
    ready_replicas: int | None = None
    """Number of replicas that are ready. A replica is one Pea of each shard."""
    replicas: int | None = None
    """Number of replicas that exist."""
    ready_shards: int | None = None
    """Number of shards that have a Pea that is ready."""
    shards: int | None = None
    """Number of shards of the Pod."""
    selector: str | None = None
    """Label selector of the Peas, for `kubectl scale` and autoscalers."""
    volumes: Annotated[list[VolumeStatus], Field(json_schema_extra=ATOMIC)] = []
    """The volumes of a Pod with storage, by shard."""
    used_by: Annotated[list[str], Field(json_schema_extra=SET)] = []
    """Names of the Flows that use the Pod: the one that made it, and those that refer to it."""
    stores: list[StoreStatus] = []
    """The stores of a Pod with storage, so that a volume that is lost or older than before is noticed."""
