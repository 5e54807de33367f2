"""The volume of a Pod, with the fields of a Kubernetes claim."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from peavine.spec.model import SET, Model, Quantity, cel


class RetentionPolicy(Model):
    """What becomes of the volumes of a Pod."""

    when_deleted: Literal["Retain", "Delete"] = "Retain"
    """Whether the volumes outlive the Pod resource."""


class DataSourceRef(Model):
    """An object in the same namespace that a new volume is filled from, such as a VolumeSnapshot."""

    api_group: Annotated[str, Field(max_length=253)] | None = None
    """API group of the object, such as snapshot.storage.k8s.io; the core group when left out."""
    kind: Annotated[str, Field(max_length=63)]
    """Kind of the object."""
    name: Annotated[str, Field(max_length=253)]
    """Name of the object."""


FIXED = ("storageClassName", "accessModes", "dataSourceRef", "volumeAttributesClassName")
"""Fields that Kubernetes takes from a StatefulSet once, when it makes its volumes."""


class Storage(Model):
    """The volume that a Pea keeps its data on: one for each shard."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            *(
                (
                    f"has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || "
                    f"self.{field} == oldSelf.{field})",
                    f"the {field} of a volume cannot change; make a Pod of another name",
                )
                for field in FIXED
            )
        )
    )

    size: Quantity
    """Size of the volume of one shard, such as 10Gi. It can be enlarged where the storage class allows that
    (`allowVolumeExpansion`), and never made smaller."""
    storage_class_name: Annotated[str, Field(max_length=253)] | None = None
    """Storage class of the volume; the cluster's default when left out."""
    retention_policy: RetentionPolicy = RetentionPolicy()
    """What becomes of the volumes when they are no longer used."""
    access_modes: (
        Annotated[
            list[Literal["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"]],
            Field(min_length=1, max_length=3, json_schema_extra=SET),
        ]
        | None
    ) = None
    """How nodes may mount the volume; ReadWriteOnce when left out. One Pea at a time writes to it in any case."""
    data_source_ref: DataSourceRef | None = None
    """What a new volume is filled from. The data must be that of a Pod of the same name with one shard."""
    volume_attributes_class_name: Annotated[str, Field(max_length=253)] | None = None
    """VolumeAttributesClass of the volume, such as one with more IOPS. To change it later, edit the claims."""
