"""From a Flow to what runs: Pods with the Flow's defaults filled in, and the plan that a gateway or a head follows.

Pure: nothing here opens a file or a socket. The caller knows where a Pod can be reached: a process on this
machine or a Service in a cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from pydantic import Field

from peavine.spec import FLOW_LABEL, Flow, FlowPod, Metadata, OnMissingShard, Pod, PodSpec, Polling, PollingPolicy
from peavine.spec.facts import attributes
from peavine.spec.model import MAX_MESSAGE_BYTES
from peavine.spec.order import ordered
from peavine.spec.rules import GATEWAY, MAX_DOCUMENTS
from peavine.spec.timeouts import FIELDS, Timeouts

__all__ = ["GATEWAY", "Plan", "Step", "head_plan", "plan", "pods"]

Target = str
"""`HOST:PORT`, where HOST may be a name of several addresses (a headless Service), or `unix:PATH`."""


class Step(Timeouts):
    """One Pod of a plan."""

    pod: str
    """Name of the Pod."""
    needs: list[str]
    """The steps whose answers it takes; `gateway` is the request itself."""
    shards: Annotated[list[list[Target]], Field(min_length=1)]
    """For each shard, where its Peas are. A Pod with a head, or without shards, has one entry."""
    shards_behind: int | None = None
    """Number of shards of a Pod with a head, which is all that a gateway sees of it."""
    polling: Polling = Polling(
        index=PollingPolicy.ANY,
        search=PollingPolicy.ANY,
        update=PollingPolicy.ANY,
        delete=PollingPolicy.ANY,
        train=PollingPolicy.ANY,
        read=PollingPolicy.ANY,
    )
    """Which shards each kind of request goes to."""
    on_missing_shard: OnMissingShard = OnMissingShard.WAIT
    """What a search or a read does when a shard cannot answer."""


class Plan(Timeouts):
    """What a router does with a request: its steps, parents before children. The last one's answer is the answer."""

    name: str
    """Name of the Flow, or for a head of the Pod."""
    steps: list[Step]
    max_message_bytes: int
    max_documents: int = MAX_DOCUMENTS
    """Maximum number of root Documents in a request. A plan of an earlier peavine does not set it."""
    max_in_flight: int
    expose_tracebacks: bool = False
    docs: bool = True
    """Whether a gateway serves /docs and /openapi.json."""
    reflection: bool = True
    """Whether a gateway serves gRPC reflection."""
    fields: tuple[str, ...] = ()
    """What searches that do not ask for fields are answered with; empty for the default."""


INHERITED = attributes(PodSpec, lambda facts: facts.inherited)
"""Fields that a Pod takes from its Flow where it does not set them."""


def pods(flow: Flow) -> list[Pod]:
    """Return the Pods that a Flow makes, each complete: what it leaves out is filled in from the Flow."""
    spec = flow.spec
    found = []
    for pod in spec.pods:
        if pod.pod_ref is not None:
            continue
        own = pod.model_fields_set & PodSpec.model_fields.keys()
        fields = {name: getattr(pod, name) for name in own}
        for name in INHERITED:
            fields[name] = _inherited(getattr(spec, name), getattr(pod, name))
            if fields[name] == []:
                del fields[name]
        metadata = Metadata(name=pod.name, labels={FLOW_LABEL: flow.metadata.name})
        found.append(Pod(metadata=metadata, spec=PodSpec.model_validate(fields)))
    return found


def _inherited(given: Any, own: Any) -> Any:
    """Return a Pod's own value, or else the Flow's. A list has the Flow's items too, except those of the same name."""
    if isinstance(given, list):
        named = {getattr(item, "name", None) for item in own} - {None}
        return [item for item in given if getattr(item, "name", None) not in named] + list(own)
    return given if own is None else own


def plan(flow: Flow, targets: Callable[[FlowPod], Sequence[Target]]) -> Plan:
    """Return the gateway's plan; `targets` returns where a Pod's head, or else its Peas, are."""
    spec = flow.spec
    needs = {pod.name: pod.parents for pod in spec.pods}
    # By name, as the order of Pods has no meaning. The one that no Pod needs is last; the rules refuse cycles.
    order = ordered(dict(sorted(needs.items())))
    steps = []
    for pod in sorted(spec.pods, key=lambda pod: order.index(pod.name)):
        timeouts = _timeouts(spec) | {name: own for name, own in _timeouts(pod).items() if own is not None}
        behind = pod.shards if pod.shards > 1 else None
        steps.append(
            Step(pod=pod.name, needs=needs[pod.name], shards=[list(targets(pod))], shards_behind=behind, **timeouts)
        )
    return Plan(
        name=flow.metadata.name,
        steps=steps,
        **_timeouts(spec),
        max_message_bytes=spec.max_message_bytes,
        max_documents=spec.max_documents,
        max_in_flight=spec.max_in_flight,
        expose_tracebacks=spec.expose_tracebacks,
        docs=spec.gateway.docs,
        reflection=spec.gateway.reflection,
        fields=tuple(spec.gateway.fields),
    )


def head_plan(pod: Pod, shards: Sequence[Sequence[Target]]) -> Plan:
    """Return the plan of a Pod's head: one step, over all shards. `shards` is where the Peas of each shard are."""
    spec = pod.spec
    timeouts = _timeouts(spec.timeouts)
    step = Step(
        pod=pod.metadata.name,
        needs=[GATEWAY],
        shards=[list(shard) for shard in shards],
        polling=spec.polling,
        on_missing_shard=spec.on_missing_shard,
        **timeouts,
    )
    return Plan(
        name=pod.metadata.name,
        steps=[step],
        **timeouts,
        max_message_bytes=spec.max_message_bytes or MAX_MESSAGE_BYTES,
        max_documents=spec.max_documents or MAX_DOCUMENTS,
        max_in_flight=1024,
        expose_tracebacks=bool(spec.expose_tracebacks),
    )


def _timeouts(spec: Timeouts | PodSpec) -> dict[str, Any]:
    return {name: getattr(spec, name) for name in FIELDS}
