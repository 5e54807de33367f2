"""What a Pea finds in its environment: variables, and files, from the manifest and from objects of a cluster."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from peavine.spec.model import ATOMIC, MAP_BY_NAME, PREFIX, VARIABLE, Model, Quantity, cel


class KeyRef(Model):
    """A key of a Secret or ConfigMap in the same namespace."""

    name: str
    """Name of the object."""
    key: str
    """Key in it."""
    optional: bool | None = None
    """Whether it may be missing."""


class FieldRef(Model):
    """A field of the core pod."""

    field_path: str
    """Such as metadata.name or status.hostIP."""


class ResourceFieldRef(Model):
    """A request or limit of a container of the core pod."""

    resource: str
    """Such as limits.cpu or requests.memory."""
    container_name: str | None = None
    """Name of the container; its own when left out."""
    divisor: Quantity | None = None
    """Unit in which the amount is given, such as 1Mi; 1 when left out."""


class EnvSource(Model):
    """Where an environment variable's value comes from. Kubernetes only."""

    secret_key_ref: KeyRef | None = None
    """From a Secret."""
    config_map_key_ref: KeyRef | None = None
    """From a ConfigMap."""
    field_ref: FieldRef | None = None
    """From the core pod."""
    resource_field_ref: ResourceFieldRef | None = None
    """From the resources of a container."""

    @property
    def optional(self) -> bool:
        """Whether the object that holds the value may be missing."""
        return any(each.optional for each in (self.secret_key_ref, self.config_map_key_ref) if each)


class EnvVar(Model):
    """An environment variable of a Pea."""

    model_config = ConfigDict(
        json_schema_extra=cel(("!(has(self.value) && has(self.valueFrom))", "has value and valueFrom; leave one out"))
    )

    name: Annotated[str, Field(pattern=VARIABLE, min_length=1, max_length=256)]
    """Its name."""
    value: str | None = None
    """Its value."""
    value_from: EnvSource | None = None
    """Where its value comes from, instead of `value`."""


class ObjectRef(Model):
    """A Secret or ConfigMap in the same namespace."""

    name: Annotated[str, Field(max_length=253)]
    """Name of the object."""
    optional: bool | None = None
    """Whether it may be missing."""


class EnvFrom(Model):
    """Environment variables of a Pea from all keys of a Secret or ConfigMap."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("has(self.configMapRef) != has(self.secretRef)", "names one of configMapRef and secretRef")
        )
    )

    prefix: Annotated[str, Field(pattern=PREFIX, max_length=256)] | None = None
    """Put before each name."""
    config_map_ref: ObjectRef | None = None
    """From a ConfigMap."""
    secret_ref: ObjectRef | None = None
    """From a Secret."""

    @property
    def optional(self) -> bool:
        """Whether the object may be missing."""
        return any(each.optional for each in (self.config_map_ref, self.secret_ref) if each)


class FilesFrom(Model):
    """Files beside the Executor's YAML from all keys of a ConfigMap."""

    config_map_ref: ObjectRef
    """The ConfigMap."""

    @property
    def optional(self) -> bool:
        """Whether the object may be missing."""
        return bool(self.config_map_ref.optional)


ENV_FROM_REMEDY = "only a cluster has it; set its variables before `peavine run`, and make it `optional: true`"


Env = Annotated[list[EnvVar], Field(max_length=128, json_schema_extra=MAP_BY_NAME)]
EnvFroms = Annotated[list[EnvFrom], Field(max_length=32, json_schema_extra=ATOMIC)]
FilesFroms = Annotated[list[FilesFrom], Field(max_length=16, json_schema_extra=ATOMIC)]
