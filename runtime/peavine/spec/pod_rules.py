"""What the schema cannot say of a Pod: rules between its fields, over plain data as in `peavine.spec.rules`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from peavine.errors import Problem
from peavine.spec.executor import executor_problems
from peavine.spec.plain import Plain, mapping
from peavine.spec.uses import Image, parse_uses

FILE_NAME = re.compile(r"[-_a-zA-Z0-9][-._a-zA-Z0-9]{0,252}")
"""What a ConfigMap takes as a key, but for names that begin with a dot."""


def pod_problems(pod: Plain, path: str) -> list[Problem]:
    """Return what is wrong with one Pod's fields taken together."""
    return [problem for rule in POD_RULES for problem in rule(pod, path)]


def _one_writer(pod: Plain, path: str) -> Iterator[Problem]:
    shards = pod.get("shards", 1)
    if isinstance(shards, int) and shards > 1:
        yield from _no_replicas(
            pod,
            path,
            "a shard has one writer, so shards > 1 excludes replicas > 1; leave replicas out",
            "a shard has one writer, so shards > 1 excludes autoscaling",
        )
    if pod.get("storage") is not None:
        yield from _no_replicas(
            pod,
            path,
            "a volume has one writer: use shards to split the data, or leave replicas out",
            "a volume has one writer, so storage excludes autoscaling",
        )


def _no_replicas(pod: Plain, path: str, replicas_message: str, autoscaling_message: str) -> Iterator[Problem]:
    replicas = pod.get("replicas")
    if isinstance(replicas, int) and replicas > 1:
        yield Problem(f"{path}.replicas", replicas_message)
    if pod.get("autoscaling") is not None:
        yield Problem(f"{path}.autoscaling", autoscaling_message)


def _autoscaling(pod: Plain, path: str) -> Iterator[Problem]:
    scaling = pod.get("autoscaling")
    if not isinstance(scaling, Mapping):
        return
    low, high = scaling.get("minReplicas", 1), scaling.get("maxReplicas")
    if isinstance(low, int) and isinstance(high, int) and low > high:
        yield Problem(f"{path}.autoscaling.minReplicas", f"{low} is more than maxReplicas, {high}")


def _rollout(pod: Plain, path: str) -> Iterator[Problem]:
    rollout, shards = pod.get("rollout"), pod.get("shards", 1)
    if not isinstance(rollout, Mapping):
        return
    if pod.get("storage") is not None or (isinstance(shards, int) and shards > 1):
        yield Problem(
            f"{path}.rollout",
            "a shard and a volume have one writer, which is replaced in its place, one at a time; leave rollout out",
        )
    shares = rollout.get("maxSurge", "25%"), rollout.get("maxUnavailable", "0")
    if all(str(share) in ("0", "0%") for share in shares):
        yield Problem(f"{path}.rollout", "maxSurge and maxUnavailable are both 0, so no replica could ever be replaced")


def _skip_and_storage(pod: Plain, path: str) -> Iterator[Problem]:
    if pod.get("onError") == "Skip" and pod.get("storage") is not None:
        yield Problem(
            f"{path}.onError",
            "Skip would answer requests whose data was not stored, so storage excludes it; leave onError out",
        )


def _uses_and_image(pod: Plain, path: str) -> Iterator[Problem]:
    uses = pod.get("uses")
    if isinstance(uses, str) and isinstance(parse_uses(uses), Image) and pod.get("image"):
        yield Problem(f"{path}.image", "the image is named under `uses` already; name it once")


def _head_template(pod: Plain, path: str) -> Iterator[Problem]:
    yield from pod_template(mapping(pod.get("head")), f"{path}.head")
    containers = mapping(mapping(pod.get("podTemplate")).get("spec")).get("containers")
    for i, container in enumerate(containers if isinstance(containers, list) else ()):
        if isinstance(container, Mapping) and container.get("name") == "head":
            yield Problem(f"{path}.podTemplate.spec.containers[{i}]", "goes under `head.podTemplate`")


def env(pod: Plain, path: str) -> Iterator[Problem]:
    """Variables of a Pod, or of a Flow, are set once, and from one source."""
    seen: set[str] = set()
    variables = pod.get("env")
    for i, variable in enumerate(variables if isinstance(variables, Sequence) else ()):
        if not isinstance(variable, Mapping):
            continue
        name = str(variable.get("name", ""))
        if name in seen:
            yield Problem(f"{path}.env[{i}].name", f'"{name}" is set twice')
        seen.add(name)
        if variable.get("value") is not None and variable.get("valueFrom") is not None:
            yield Problem(f"{path}.env[{i}]", "has value and valueFrom; leave one out")
        source = variable.get("valueFrom")
        if isinstance(source, Mapping) and sum(each is not None for each in source.values()) != 1:
            yield Problem(
                f"{path}.env[{i}].valueFrom",
                "names one of secretKeyRef, configMapKeyRef, fieldRef and resourceFieldRef",
            )


def env_from(pod: Plain, path: str) -> Iterator[Problem]:
    """Each source of a Pod, or of a Flow, is one object."""
    sources = pod.get("envFrom")
    for i, source in enumerate(sources if isinstance(sources, Sequence) else ()):
        if isinstance(source, Mapping) and (source.get("configMapRef") is None) == (source.get("secretRef") is None):
            yield Problem(f"{path}.envFrom[{i}]", "names one of configMapRef and secretRef")


def _data_source(pod: Plain, path: str) -> Iterator[Problem]:
    source, shards = mapping(pod.get("storage")).get("dataSourceRef"), pod.get("shards", 1)
    if source is not None and isinstance(shards, int) and shards > 1:
        yield Problem(
            f"{path}.storage.dataSourceRef",
            "fills every volume with the same data, so it excludes shards > 1; restore each shard's claim by itself",
        )


def _file_names(pod: Plain, path: str) -> Iterator[Problem]:
    files = pod.get("files")
    for name in files if isinstance(files, Mapping) else ():
        if not FILE_NAME.fullmatch(str(name)):
            yield Problem(
                f"{path}.files.{name}",
                "a file's name is letters, digits, hyphens, underscores and dots, without a folder or a dot at the "
                "beginning",
            )


def pod_template(pod: Plain, path: str) -> Iterator[Problem]:
    """It can be merged over another one. What is wrong with the fields in it only Kubernetes knows."""
    template, path = pod.get("podTemplate"), f"{path}.podTemplate"
    if not isinstance(template, Mapping):
        return
    for name in template:
        if name not in ("metadata", "spec"):
            yield Problem(f"{path}.{name}", "a pod template has metadata and spec; is this a field of one of them?")
    metadata = template.get("metadata", {})
    parts = {"metadata": metadata, "spec": template.get("spec", {})}
    if isinstance(metadata, Mapping):
        parts["metadata.labels"] = metadata.get("labels", {})
    for name, part in parts.items():
        if not isinstance(part, Mapping):
            yield Problem(f"{path}.{name}", "is not a mapping")


POD_RULES = (
    _one_writer, _autoscaling, _rollout, _skip_and_storage, _uses_and_image, executor_problems,
    env, env_from, _data_source, _file_names, pod_template, _head_template,
)  # fmt: skip
