"""What all manifest models share: camelCase in YAML, snake_case in Python, unknown fields refused."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from peavine.spec.docstrings import attribute_docstrings

GROUP: Final = "peavine.dev"
FLOW_LABEL: Final = f"{GROUP}/flow"
"""Label of a Pod: the Flow that it belongs to."""
ApiVersion = Literal["peavine.dev/v1alpha1"]
API_VERSION: Final[ApiVersion] = "peavine.dev/v1alpha1"
VERSION: Final = API_VERSION.rpartition("/")[2]


class Model(BaseModel):
    """A part of a manifest. Immutable, so that a plan made from it stays true."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, defer_build=True
    )

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe each field with the docstring under it.

        pydantic's own `use_attribute_docstrings` reads the source of every class as soon as it is imported. Only the
        custom resources and the reference need it, and every process would pay for it when it starts.
        """
        schema = handler(core)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for name, text in attribute_docstrings(cls).items():
            if name in cls.model_fields and (alias := cls.model_fields[name].alias or name) in properties:
                properties[alias].setdefault("description", text)
        return schema

    def manifest(self) -> dict[str, Any]:
        """Return it as plain data of a manifest: in camelCase, and only what was set."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)


def cel(*rules: tuple[str, str]) -> dict[str, Any]:
    """Return rules, each an expression and a message for when it is false, as an extra of a model's JSON schema.

    They are in the custom resource definitions, so `kubectl apply` refuses what breaks them. The API server bounds
    their cost beforehand, which is why lists and strings that they read are bounded.
    """
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in rules]}


MAP_BY_NAME: Final[dict[str, Any]] = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
"""Marks a list whose items are identified by their names, so that several owners can apply their own."""

ATOMIC: Final[dict[str, Any]] = {"x-kubernetes-list-type": "atomic"}
"""Marks a list with one owner, who applies it as a whole."""
SET: Final[dict[str, Any]] = {"x-kubernetes-list-type": "set"}
"""Marks a list that has each item once, so that several owners can apply their own."""

NAME: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
# Kubernetes takes these names since 1.34, and since 1.30 behind a feature gate.
VARIABLE: Final = r"^[ -<>-~]+$"
PREFIX: Final = r"^[ -<>-~]*$"
QUANTITY: Final = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$"
AMOUNT_OR_SHARE: Final = r"^([0-9]{1,4}|[1-9]?[0-9]%|100%)$"
IN_WORDS: Final = {
    NAME: "small letters, digits and hyphens, with a letter or digit at both ends",
    VARIABLE: "printable ASCII characters without =",
    PREFIX: "printable ASCII characters without =",
    QUANTITY: "an amount such as 2, 500m or 1Gi",
    AMOUNT_OR_SHARE: "a number such as 1, or a percentage such as 25%",
}
"""What the patterns of this schema ask for."""

# RFC 1123 labels: they become parts of Kubernetes names and of DNS names. 40 characters leave room for what the
# operator adds to a Flow's and a Pod's name.
Name = Annotated[str, Field(pattern=NAME, min_length=1, max_length=40)]
Quantity = Annotated[
    str,
    BeforeValidator(lambda given: str(given) if type(given) in (int, float) else given),
    Field(
        pattern=QUANTITY,
        max_length=32,
        json_schema_extra={"x-kubernetes-int-or-string": True},
    ),
]

AmountOrShare = Annotated[
    str,
    BeforeValidator(lambda given: str(given) if type(given) is int else given),
    Field(
        pattern=AMOUNT_OR_SHARE,
        max_length=4,
        # pydantic's schema leaves out the pattern of what is converted first.
        json_schema_extra={"x-kubernetes-int-or-string": True, "pattern": AMOUNT_OR_SHARE},
    ),
]

Replicas = Annotated[int, Field(ge=0, le=10000)]
MAX_MESSAGE_BYTES: Final = 16777216
"""A Flow's `maxMessageBytes` when it is left out."""
MessageBytes = Annotated[int, Field(ge=1024, le=1073741824)]
"""gRPC and protobuf take no messages of 2 GiB."""
MaxDocuments = Annotated[int, Field(ge=1, le=1048576)]


class Metadata(Model):
    """The part of Kubernetes metadata that peavine reads; the rest passes through."""

    model_config = ConfigDict(extra="allow")

    name: Name
    """Name of the resource."""
    namespace: str | None = None
    """Namespace of the resource."""
    labels: dict[str, str] | None = None
    """Labels of the resource."""
    annotations: dict[str, str] | None = None
    """Annotations of the resource."""
