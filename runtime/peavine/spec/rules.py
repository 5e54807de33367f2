"""What the schema cannot say of a Flow: rules between its fields, and between its Pods.

Each rule is a small function over the manifest's plain data, so it also works on a manifest that the schema refuses,
and every problem is reported at once. Those that are cheap are in the custom resource definitions as CEL, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from peavine.errors import Problem, did_you_mean
from peavine.spec.facts import attributes
from peavine.spec.model import Model
from peavine.spec.order import ordered
from peavine.spec.plain import Plain, mapping
from peavine.spec.pod import PodSpec
from peavine.spec.pod_rules import env, env_from, pod_problems, pod_template
from peavine.spec.timeouts import Timeouts

GATEWAY = "gateway"
"""The start of every graph, as a name in `needs`."""

TIMEOUTS = {str(field.alias): float(field.default) for field in Timeouts.model_fields.values()}
"""The timeouts of a Flow when they are left out, by field."""

MAX_PODS = 64
"""Maximum number of Pods in a Flow. The time that the rules of the graph take grows faster than the number."""

MAX_DOCUMENTS = 4096
"""A Flow's `maxDocuments` when it is left out."""

GRPC_PORT, HTTP_PORT = 8081, 8080
"""A gateway's ports when they are left out."""

SERVICE_TYPES = {
    "loadBalancerClass": ("LoadBalancer",),
    "loadBalancerSourceRanges": ("LoadBalancer",),
    "externalTrafficPolicy": ("NodePort", "LoadBalancer"),
}
"""Fields of a gateway's Service that Kubernetes takes with some types only."""

METRICS_PORT = 9090
"""The port on which every program in a cluster serves its metrics."""

OWNED = {
    str(PodSpec.model_fields[name].alias): PodSpec.model_fields[name].get_default(call_default_factory=True)
    for name in attributes(PodSpec, lambda facts: facts.owner)
}
"""Fields that a Flow must not set for a Pod resource it uses by `podRef`, and their defaults."""


def flow_problems(spec: Plain, path: str) -> list[Problem]:
    """Return what is wrong with the graph, and with each Pod of it; nothing where there are too many Pods.

    The schema refuses those.
    """
    listed = spec.get("pods")
    if not isinstance(listed, Sequence) or isinstance(listed, str) or len(listed) > MAX_PODS:
        return []
    pods = [mapping(pod) for pod in listed]
    problems = [found for i, pod in enumerate(pods) for found in pod_problems(pod, f"{path}.pods[{i}]")]
    problems += [*env(spec, path), *env_from(spec, path)]
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
    gateway = mapping(spec.get("gateway"))
    problems += [*_service(gateway, f"{path}.gateway"), *pod_template(gateway, f"{path}.gateway")]
    for scaled, where in (*((pod, f"{path}.pods[{i}]") for i, pod in enumerate(pods)), (gateway, f"{path}.gateway")):
        problems += _owner_of_replicas(scaled, where)
    for i, pod in enumerate(pods):
        problems += _pod_ref(pod, f"{path}.pods[{i}]")
    return problems


def edges(pods: Sequence[Plain]) -> list[list[str]]:
    """Return for each Pod the names it needs; one that names none, as the only Pod of a Flow may, needs the request."""
    found = []
    for pod in pods:
        needs = pod.get("needs")
        listed = isinstance(needs, Sequence) and not isinstance(needs, str)
        found.append([str(name) for name in needs or ()] if listed and needs else [GATEWAY])
    return found


def _owner_of_replicas(scaled: Plain, path: str) -> Iterator[Problem]:
    """A Pod resource has replicas next to autoscaling, as the autoscaler writes them; a Flow has one of the two."""
    if scaled.get("autoscaling") is not None and scaled.get("replicas") is not None:
        yield Problem(f"{path}.replicas", "the autoscaler owns the number of replicas; leave one of the two out")


def _service(gateway: Plain, path: str) -> Iterator[Problem]:
    service = mapping(gateway.get("service"))
    ports = mapping(service.get("ports"))
    if ports.get("grpc", GRPC_PORT) == (http := ports.get("http", HTTP_PORT)):
        yield Problem(f"{path}.service.ports.http", f"{http} is the port of grpc, too; give each its own")
    for field, types in SERVICE_TYPES.items():
        if service.get(field) is not None and service.get("type", "ClusterIP") not in types:
            yield Problem(
                f"{path}.service.{field}", f"needs `type: {' or '.join(types)}`; leave it out or set the type"
            )


def _pod_ref(pod: Plain, path: str) -> Iterator[Problem]:
    """A Flow sets nothing that belongs to the Pod resource. Defaults, which the API server fills in, do not count."""
    reference = pod.get("podRef")
    if reference is None:
        return
    name = reference.get("name") if isinstance(reference, Mapping) else reference
    for field, default in OWNED.items():
        plain = default.model_dump(mode="json", by_alias=True) if isinstance(default, Model) else default
        if pod.get(field) not in (None, [], {}, plain):
            yield Problem(f"{path}.{field}", f'belongs in the Pod resource "{name}" that podRef names; delete it here')


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
        needs = pod.get("needs")
        if needs is None and len(pods) > 1:
            yield Problem(f"{path}[{i}].needs", _needed(pods, i))
        if not isinstance(needs, Sequence) or isinstance(needs, str):
            continue
        for j, name in enumerate(needs):
            where = f"{path}[{i}].needs[{j}]"
            if name == pod.get("name"):
                yield Problem(where, f'"{name}" needs itself')
            elif name != GATEWAY and name not in names:
                hint = did_you_mean(str(name), [*names, GATEWAY])
                yield Problem(where, f'no Pod named "{name}"{hint or "; known: " + ", ".join(map(str, names))}')
            elif name in needs[:j]:
                yield Problem(where, f'"{name}" is named twice')


def _needed(pods: Sequence[Plain], i: int) -> str:
    """Return what to write where a Pod of several has no `needs`."""
    request = "`needs: [gateway]` for the request"
    follows = f'`needs: [{pods[i - 1].get("name")}]` to follow "{pods[i - 1].get("name")}", or {request}'
    return (
        f"is required where a Flow has several Pods, whose order has no meaning: {follows if i else request}; "
        "`peavine convert` fills it in by the order"
    )


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


def _seconds(value: object) -> float:
    """Return a timeout, or 0 where there is none, or something that is not a number, which the schema refuses."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0
