"""What the schema cannot say: rules between fields, and between the Pods of a Flow.

Each rule is a small function over the manifest's plain data, so it also works on a manifest that the schema refuses,
and every problem is reported at once. Those that are cheap are in the custom resource definitions as CEL, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from peavine.errors import Problem, did_you_mean
from peavine.spec.executor import executor_problems
from peavine.spec.order import ordered
from peavine.spec.timeouts import Timeouts
from peavine.spec.uses import Image, parse_uses

GATEWAY = "gateway"
"""The start of every graph, as a name in `needs`."""

TIMEOUTS = {str(field.alias): float(field.default) for field in Timeouts.model_fields.values()}
"""The timeouts of a Flow when they are left out, by field."""

MAX_DOCUMENTS = 4096
"""A Flow's `maxDocuments` when it is left out."""

GRPC_PORT, HTTP_PORT = 8081, 8080
"""A gateway's ports when they are left out."""

METRICS_PORT = 9090
"""The port on which every program in a cluster serves its metrics."""

FILE_NAME = re.compile(r"[-_a-zA-Z0-9][-._a-zA-Z0-9]{0,252}")
"""What a ConfigMap takes as a key, but for names that begin with a dot."""

RUNS = (
    "uses", "executor", "head", "image", "files", "replicas", "storage", "env", "batching",
    "autoscaling", "podTemplate",
)  # fmt: skip
"""What only the owner of a Pod resource says."""

Plain = Mapping[str, Any]


def pod_problems(pod: Plain, path: str) -> list[Problem]:
    """Return what is wrong with one Pod's fields taken together."""
    return [problem for rule in POD_RULES for problem in rule(pod, path)]


def flow_problems(spec: Plain, path: str) -> list[Problem]:
    """Return what is wrong with the graph, and with each Pod of it."""
    listed = spec.get("pods")
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        return []
    pods = [pod if isinstance(pod, Mapping) else {} for pod in listed]
    problems = [found for i, pod in enumerate(pods) for found in pod_problems(pod, f"{path}.pods[{i}]")]
    problems += _env(spec, path)
    wrong = [*_names(pods, f"{path}.pods"), *_needs(pods, f"{path}.pods")]
    problems += wrong
    times = {field: list(_times(field, spec, pods, path)) for field in TIMEOUTS}
    problems += [problem for found in times.values() for problem in found]
    # What leads where is known when every Pod has a name of its own, and is needed by it.
    if not wrong and all(isinstance(pod.get("name"), str) for pod in pods):
        graph = edges(pods)
        cycles = list(_cycles(graph, pods, f"{path}.pods"))
        problems += cycles or list(_hanging(graph, pods, f"{path}.pods"))
        for field, found in times.items():
            if not (cycles or found):
                problems += _critical_path(field, spec, graph, pods, path)
    said = spec.get("gateway")
    gateway = said if isinstance(said, Mapping) else {}
    problems += [*_ports(gateway, f"{path}.gateway"), *_pod_template(gateway, f"{path}.gateway")]
    for scaled, where in (*((pod, f"{path}.pods[{i}]") for i, pod in enumerate(pods)), (gateway, f"{path}.gateway")):
        problems += _owner_of_replicas(scaled, where)
    for i, pod in enumerate(pods):
        problems += _ref(pod, f"{path}.pods[{i}]")
    return problems


def edges(pods: Sequence[Plain]) -> list[list[str]]:
    """Return for each Pod the names it needs: those it says, or the Pod before it, or the gateway."""
    found: list[list[str]] = []
    for i, pod in enumerate(pods):
        said = pod.get("needs")
        if isinstance(said, Sequence) and not isinstance(said, str):
            found.append([str(name) for name in said] or [GATEWAY])
        else:
            found.append([str(pods[i - 1].get("name", "")) if i else GATEWAY])
    return found


def _shards_and_replicas(pod: Plain, path: str) -> Iterator[Problem]:
    shards, replicas = pod.get("shards", 1), pod.get("replicas")
    if isinstance(shards, int) and shards > 1:
        if isinstance(replicas, int) and replicas > 1:
            yield Problem(
                f"{path}.replicas", "a shard has one writer, so shards > 1 excludes replicas > 1; leave replicas out"
            )
        if pod.get("autoscaling") is not None:
            yield Problem(f"{path}.autoscaling", "a shard has one writer, so shards > 1 excludes autoscaling")


def _storage_and_replicas(pod: Plain, path: str) -> Iterator[Problem]:
    replicas = pod.get("replicas")
    if pod.get("storage") is None:
        return
    if isinstance(replicas, int) and replicas > 1:
        yield Problem(
            f"{path}.replicas", "a volume has one writer: use shards to split the data, or leave replicas out"
        )
    if pod.get("autoscaling") is not None:
        yield Problem(f"{path}.autoscaling", "a volume has one writer, so storage excludes autoscaling")


def _autoscaling(pod: Plain, path: str) -> Iterator[Problem]:
    scaling = pod.get("autoscaling")
    if not isinstance(scaling, Mapping):
        return
    low, high = scaling.get("minReplicas", 1), scaling.get("maxReplicas")
    if isinstance(low, int) and isinstance(high, int) and low > high:
        yield Problem(f"{path}.autoscaling.minReplicas", f"{low} is more than maxReplicas, {high}")


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
    head, template = pod.get("head"), pod.get("podTemplate")
    if isinstance(head, Mapping):
        yield from _pod_template(head, f"{path}.head")
    spec = template.get("spec") if isinstance(template, Mapping) else None
    containers = spec.get("containers") if isinstance(spec, Mapping) else None
    for i, container in enumerate(containers if isinstance(containers, list) else ()):
        if isinstance(container, Mapping) and container.get("name") == "head":
            yield Problem(f"{path}.podTemplate.spec.containers[{i}]", "goes under `head.podTemplate`")


def _env(pod: Plain, path: str) -> Iterator[Problem]:
    seen: set[str] = set()
    env = pod.get("env")
    for i, variable in enumerate(env if isinstance(env, Sequence) else ()):
        if not isinstance(variable, Mapping):
            continue
        name = str(variable.get("name", ""))
        if name in seen:
            yield Problem(f"{path}.env[{i}].name", f'"{name}" is set twice')
        seen.add(name)
        if variable.get("value") is not None and variable.get("valueFrom") is not None:
            yield Problem(f"{path}.env[{i}]", "has value and valueFrom; leave one out")
        source = variable.get("valueFrom")
        if isinstance(source, Mapping) and len([one for one in source.values() if one is not None]) != 1:
            yield Problem(f"{path}.env[{i}].valueFrom", "names one of secretKeyRef, configMapKeyRef and fieldRef")


def _file_names(pod: Plain, path: str) -> Iterator[Problem]:
    files = pod.get("files")
    for name in files if isinstance(files, Mapping) else ():
        if not FILE_NAME.fullmatch(str(name)):
            yield Problem(
                f"{path}.files.{name}",
                "a file's name is letters, digits, hyphens, underscores and dots, without a folder or a dot at the "
                "beginning",
            )


def _pod_template(pod: Plain, path: str) -> Iterator[Problem]:
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
    _shards_and_replicas, _storage_and_replicas, _autoscaling, _skip_and_storage, _uses_and_image, executor_problems,
    _env, _file_names, _pod_template, _head_template,
)  # fmt: skip


def _owner_of_replicas(scaled: Plain, path: str) -> Iterator[Problem]:
    """A Pod resource has replicas beside autoscaling, as the autoscaler writes them; a Flow has one of the two."""
    if scaled.get("autoscaling") is not None and scaled.get("replicas") is not None:
        yield Problem(f"{path}.replicas", "the autoscaler owns the number of replicas; leave one of the two out")


def _ports(gateway: Plain, path: str) -> Iterator[Problem]:
    grpc, http = gateway.get("grpcPort", GRPC_PORT), gateway.get("httpPort", HTTP_PORT)
    if grpc == http:
        yield Problem(f"{path}.httpPort", f"{http} is grpcPort, too; give each its own")
    for field, port in (("grpcPort", grpc), ("httpPort", http)):
        if port == METRICS_PORT:
            yield Problem(f"{path}.{field}", f"{port} is the port of the metrics in a cluster; choose another")


def _ref(pod: Plain, path: str) -> Iterator[Problem]:
    """What another Pod resource runs is said there. Defaults, which the API server fills in, do not count."""
    if pod.get("ref") is None:
        return
    for field in RUNS:
        if pod.get(field) and not (field == "uses" and pod["uses"] == "_pass"):
            yield Problem(f"{path}.{field}", f'belongs in the Pod resource "{pod["ref"]}" that is referred to')


def _names(pods: Sequence[Plain], path: str) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for i, pod in enumerate(pods):
        name = pod.get("name")
        if name == GATEWAY:
            yield Problem(f"{path}[{i}].name", f'"{GATEWAY}" is the start of the graph; choose another name')
        elif isinstance(name, str):
            if name in seen:
                yield Problem(f"{path}[{i}].name", f'"{name}" is the name of {path}[{seen[name]}] already')
            seen.setdefault(name, i)


def _needs(pods: Sequence[Plain], path: str) -> Iterator[Problem]:
    names = [pod["name"] for pod in pods if isinstance(pod.get("name"), str)]
    for i, pod in enumerate(pods):
        said = pod.get("needs")
        if not isinstance(said, Sequence) or isinstance(said, str):
            continue
        for j, name in enumerate(said):
            where = f"{path}[{i}].needs[{j}]"
            if name == pod.get("name"):
                yield Problem(where, f'"{name}" needs itself')
            elif name != GATEWAY and name not in names:
                hint = did_you_mean(str(name), [*names, GATEWAY])
                yield Problem(where, f'no Pod named "{name}"{hint or "; known: " + ", ".join(map(str, names))}')
            elif name in said[:j]:
                yield Problem(where, f'"{name}" is named twice')


def _cycles(graph: Sequence[Sequence[str]], pods: Sequence[Plain], path: str) -> Iterator[Problem]:
    needs = {str(pod["name"]): names for pod, names in zip(pods, graph, strict=True)}
    done = ordered(needs)
    left = [name for name in needs if name not in done]
    if left:
        trail = [left[0]]
        while (parent := next(name for name in needs[trail[-1]] if name in left)) not in trail:
            trail.append(parent)
        cycle = [*trail[trail.index(parent) :], parent]
        yield Problem(f"{path}[{list(needs).index(parent)}].needs", f"is a cycle: {' needs '.join(cycle)}")


def _hanging(graph: Sequence[Sequence[str]], pods: Sequence[Plain], path: str) -> Iterator[Problem]:
    """Every Pod but one leads to another: else an answer would leave before all its Pods were done."""
    needed = {name for names in graph for name in names}
    ends = [i for i, pod in enumerate(pods) if pod.get("name") not in needed]
    names = [str(pods[i].get("name")) for i in ends]
    for i in ends[:-1]:
        yield Problem(
            f"{path}[{i}]",
            f'no Pod needs "{pods[i].get("name")}", so its answer would be lost; join it with a last Pod '
            f"that has `needs: [{', '.join(names)}]` and `uses: _merge`",
        )


def _times(field: str, spec: Plain, pods: Sequence[Plain], path: str) -> Iterator[Problem]:
    """A Pod's own timeout is within the Flow's: it could never be used up."""
    whole = _seconds(spec.get(field, TIMEOUTS[field]))
    for i, pod in enumerate(pods):
        own = _seconds(pod.get(field))
        if own > whole > 0:
            yield Problem(
                f"{path}.pods[{i}].{field}",
                f"{own:g} s is longer than the whole Flow's {whole:g} s; raise {path}.{field} or lower this",
            )


def _critical_path(
    field: str, spec: Plain, graph: Sequence[Sequence[str]], pods: Sequence[Plain], path: str
) -> Iterator[Problem]:
    """The timeouts that Pods set fit into the Flow's, one after another: else it would end a request before they do.

    A Pod that sets none does not count. It may take what the others leave.
    """
    whole = _seconds(spec.get(field, TIMEOUTS[field]))
    needs = {str(pod["name"]): names for pod, names in zip(pods, graph, strict=True)}
    seconds = {str(pod["name"]): _seconds(pod.get(field)) for pod in pods}
    longest: dict[str, tuple[float, tuple[str, ...]]] = {GATEWAY: (0, ())}
    for name in ordered(needs):
        own = seconds[name]
        before, way = max((longest[need] for need in needs[name]), key=lambda found: found[0])
        longest[name] = (before + own, (*way, f"{name} ({own:g} s)") if own else way)
    total, way = max(longest.values(), key=lambda found: found[0])
    if round(total, 6) > whole > 0:
        yield Problem(
            f"{path}.{field}",
            f"{whole:g} s is less than what the Pods on one way may take, {' + '.join(way)}; "
            f"raise it to {total:.12g}, or lower theirs or leave them out",
        )


def _seconds(said: object) -> float:
    """Return a timeout, or 0 where there is none; what is no number, the schema refuses."""
    return said if isinstance(said, int | float) and not isinstance(said, bool) else 0
