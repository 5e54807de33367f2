"""The environment of a Pea: variables and files, from the manifest and from objects of a cluster."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from peavine.spec.model import ATOMIC, MAP_BY_NAME, PREFIX, VARIABLE, Model, Quantity, cel


class KeyRef(Model):
    """A key of a Secret or ConfigMap in the same namespace."""

    name: str
    """Name of the object."""
    key: str
    """Key in the object."""
    optional: bool | None = None
    """Whether the object or its key may be missing."""


class FieldRef(Model):
    """A field of the core pod."""

    field_path: str
    """Path of the field, such as metadata.name or status.hostIP."""


class ResourceFieldRef(Model):
    """A request or limit of a container of the core pod."""

    resource: str
    """Name of the resource, such as limits.cpu or requests.memory."""
    container_name: str | None = None
    """Name of the container; the one that gets the variable when left out."""
    divisor: Quantity | None = None
    """Unit in which the amount is given, such as 1Mi; 1 when left out."""


class EnvSource(Model):
    """Where an environment variable's value comes from. Kubernetes only."""

    secret_key_ref: KeyRef | None = None
    """Key of a Secret that holds the value."""
    config_map_key_ref: KeyRef | None = None
    """Key of a ConfigMap that holds the value."""
    field_ref: FieldRef | None = None
    """Field of the core pod that is the value."""
    resource_field_ref: ResourceFieldRef | None = None
    """Request or limit of a container that is the value."""

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
    """Name of the variable."""
    value: str | None = None
    """Value of the variable."""
    value_from: EnvSource | None = None
    """Where the variable's value comes from, instead of `value`."""


class ObjectRef(Model):
    """A Secret or ConfigMap in the same namespace."""

    name: Annotated[str, Field(max_length=253)]
    """Name of the object."""
    optional: bool | None = None
    """Whether the object may be missing."""


class EnvFrom(Model):
    """Environment variables of a Pea from all keys of a Secret or ConfigMap."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("has(self.configMapRef) != has(self.secretRef)", "names one of configMapRef and secretRef")
        )
    )

    prefix: Annotated[str, Field(pattern=PREFIX, max_length=256)] | None = None
    """Text put before the name of each variable."""
    config_map_ref: ObjectRef | None = None
    """ConfigMap whose keys become variables."""
    secret_ref: ObjectRef | None = None
    """Secret whose keys become variables."""

    @property
    def optional(self) -> bool:
        """Whether the object may be missing."""
        return any(each.optional for each in (self.config_map_ref, self.secret_ref) if each)


class FilesFrom(Model):
    """Files next to the Executor's YAML from all keys of a ConfigMap."""

    config_map_ref: ObjectRef
    """ConfigMap whose keys become files."""

    @property
    def optional(self) -> bool:
        """Whether the object may be missing."""
        return bool(self.config_map_ref.optional)


ENV_FROM_REMEDY = "only a cluster has it; set its variables before `peavine run`, and make it `optional: true`"

Env = Annotated[list[EnvVar], Field(max_length=128, json_schema_extra=MAP_BY_NAME)]
EnvFroms = Annotated[list[EnvFrom], Field(max_length=32, json_schema_extra=ATOMIC)]
FilesFroms = Annotated[list[FilesFrom], Field(max_length=16, json_schema_extra=ATOMIC)]
