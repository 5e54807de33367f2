"""The custom resource definitions, made from `peavine.spec`: structural schemas with defaults, rules and columns."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from peavine.spec import Flow, FlowSpec, Pod, PodSpec
from peavine.spec.model import GROUP, VERSION, Model
from peavine.spec.status import FlowStatus, PodStatus

Schema = dict[str, Any]
OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
SAME = ("type", "enum", "pattern", "format", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")
"""What JSON schema and Kubernetes say alike."""
READY = {
    "name": "Ready",
    "type": "string",
    "jsonPath": '.status.conditions[?(@.type=="Ready")].status',
    "description": "Whether a request would be answered by all that the manifest asks for.",
}
REASON = {
    "name": "Reason",
    "type": "string",
    "jsonPath": '.status.conditions[?(@.type=="Ready")].reason',
    "description": "Why it is ready, or is not.",
}
AGE = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


def _column(name: str, kind: str, path: str, description: str) -> Schema:
    return {"name": name, "type": kind, "jsonPath": path, "description": description}


def schema(model: type[Model]) -> Schema:
    """Return a model's schema as Kubernetes wants it."""
    _, made = models_json_schema([(model, "validation")], by_alias=True)
    definitions = made["$defs"]
    return structural(definitions[model.__name__], definitions)


def structural(node: Schema, definitions: dict[str, Schema]) -> Schema:
    """Return JSON schema as a structural one: nothing referred to, nothing optional by null, only simple defaults."""
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[1]
        if name == "JsonValue":
            return {"x-kubernetes-preserve-unknown-fields": True}
        return structural(
            {**definitions[name], **{key: value for key, value in node.items() if key != "$ref"}}, definitions
        )
    if "anyOf" in node:
        (only,) = (choice for choice in node["anyOf"] if choice.get("type") != "null")
        own = {key: value for key, value in node.items() if key != "anyOf"}
        return structural({**only, **own}, definitions)
    found: Schema = {}
    if "description" in node:
        found["description"] = " ".join(node["description"].split())
    for key in SAME:
        if key in node:
            found[key] = node[key]
    if "const" in node:
        found["enum"] = [node["const"]]
    if "exclusiveMinimum" in node:
        found |= {"minimum": node["exclusiveMinimum"], "exclusiveMinimum": True}
    if isinstance(node.get("default"), str | int | float | bool):
        found["default"] = node["default"]
    if node.get("x-kubernetes-int-or-string"):
        found.pop("type")
    if "items" in node:
        found["items"] = structural(node["items"], definitions)
    if node.get("type") == "object":
        values = node.get("additionalProperties")
        if "properties" in node:
            found["properties"] = {name: structural(value, definitions) for name, value in node["properties"].items()}
            if node.get("required"):
                found["required"] = sorted(node["required"])
        elif values is True or values == {"$ref": "#/$defs/JsonValue"}:
            found |= OPEN
        else:
            found["additionalProperties"] = structural(node["additionalProperties"], definitions)
    return found | {key: value for key, value in node.items() if key.startswith("x-kubernetes-")}


def definition(resource: type[Model], spec: type[Model], status: type[Model], plural: str, **names: Any) -> Schema:
    """Return the definition of one resource."""
    kind = resource.__name__
    name = structural(resource.model_json_schema()["$defs"]["Metadata"]["properties"]["name"], {})
    columns, scale = names.pop("columns"), names.pop("scale", None)
    subresources: Schema = {"status": {}}
    spec_schema = schema(spec)
    if scale:
        subresources["scale"] = scale
        # What a scale subresource reads and writes must be there.
        spec_schema["properties"]["replicas"]["default"] = 1
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": plural[:-1],
                "categories": ["peavine", "all"],
                **names,
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": subresources,
                    "additionalPrinterColumns": columns,
                    "schema": {
                        "openAPIV3Schema": {
                            "description": " ".join((resource.__doc__ or "").split()),
                            "type": "object",
                            "required": ["spec"],
                            "properties": {
                                "apiVersion": {"type": "string"},
                                "kind": {"type": "string"},
                                "metadata": {
                                    "type": "object",
                                    "properties": {
                                        "name": {
                                            key: name[key] for key in ("type", "pattern", "minLength", "maxLength")
                                        }
                                    },
                                },
                                "spec": spec_schema,
                                "status": schema(status),
                            },
                        }
                    },
                }
            ],
        },
    }


def definitions() -> dict[str, Schema]:
    """Return every definition by the name of its file."""
    flow = definition(
        Flow,
        FlowSpec,
        FlowStatus,
        plural="flows",
        shortNames=["fl"],
        columns=[
            READY,
            _column("Ready Pods", "integer", ".status.readyPods", "Pods that are ready."),
            _column("Pods", "integer", ".status.pods", "Pods of the Flow."),
            _column("Host", "string", ".status.addresses[0].host", "Where clients connect."),
            _column("Port", "integer", ".status.addresses[0].port", "The port of gRPC there."),
            REASON,
            AGE,
        ],
    )
    pod = definition(
        Pod,
        PodSpec,
        PodStatus,
        plural="peapods",
        columns=[
            READY,
            _column("Ready Replicas", "integer", ".status.readyReplicas", "Replicas that are ready."),
            _column("Replicas", "integer", ".status.replicas", "Replicas that there are."),
            _column("Ready Shards", "integer", ".status.readyShards", "Shards that have a Pea that is ready."),
            _column("Shards", "integer", ".status.shards", "Shards of the Pod."),
            REASON,
            AGE,
        ],
        scale={
            "specReplicasPath": ".spec.replicas",
            "statusReplicasPath": ".status.replicas",
            "labelSelectorPath": ".status.selector",
        },
    )
    return {f"peavine.dev_{name}.yaml": body for name, body in (("flows", flow), ("peapods", pod))}
