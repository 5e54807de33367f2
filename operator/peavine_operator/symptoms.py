"""What is wrong with core Pods, in their own words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

from peavine_operator import names, reasons
from peavine_operator.kinds import Body

WAITING = {
    "ImagePullBackOff": reasons.IMAGE_FAILED,
    "ErrImagePull": reasons.IMAGE_FAILED,
    "ErrImageNeverPull": reasons.IMAGE_FAILED,
    "InvalidImageName": reasons.IMAGE_FAILED,
    "CreateContainerConfigError": reasons.NOT_STARTED,
    "CreateContainerError": reasons.NOT_STARTED,
    "RunContainerError": reasons.NOT_STARTED,
}
"""Why containers wait for what will not come by itself."""
LONGEST = 1024
MOST_PARTS = 3
"""Objects of one kind whose warnings are read."""


class Finding(NamedTuple):
    """Why something is not as it should be: a reason of `reasons`, and words for people."""

    reason: str
    message: str


def merged(findings: Iterable[Finding]) -> Finding | None:
    """Return all findings as one: the reason of the first, and each message once, one a line."""
    found = list(findings)
    if not found:
        return None
    return Finding(found[0].reason, "\n".join(dict.fromkeys(finding.message for finding in found)))


def symptoms(core_pods: Iterable[Body]) -> list[Finding]:
    """Return what is wrong with each core Pod that cannot do its work, the newest first.

    Those that only need time are well.
    """
    newest = sorted(core_pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), reverse=True)
    return [found for pod in newest if (found := _symptom(pod)) is not None]


def is_ready(core_pod: Body) -> bool:
    """Tell whether a core Pod takes requests."""
    conditions = core_pod.get("status", {}).get("conditions") or ()
    ready = any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
    return ready and "deletionTimestamp" not in core_pod["metadata"]


def _symptom(core_pod: Body) -> Finding | None:
    if "deletionTimestamp" in core_pod["metadata"] or is_ready(core_pod):
        return None
    status, name = core_pod.get("status", {}), core_pod["metadata"]["name"]
    if status.get("phase") == "Failed":
        return None  # A node evicted it, or was shut down: it stays listed, and another has taken its place.
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        found = _container(container, f"{_component(core_pod)} {name}")
        if found:
            return found
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return Finding(reasons.UNSCHEDULABLE, f"{_component(core_pod)} {name}: {condition.get('message', '')}")
    return None


def _container(container: Body, where: str) -> Finding | None:
    state, last = container.get("state") or {}, container.get("lastState") or {}
    waiting = state.get("waiting") or {}
    if waiting.get("reason") in WAITING:
        # Between its tries the kubelet says the same with a prefix; a status that turned with it would never rest.
        words = str(waiting.get("message") or waiting["reason"]).rpartition("ErrImagePull: ")[2]
        return Finding(WAITING[waiting["reason"]], f"{where}: {words}")
    ended = state.get("terminated") or last.get("terminated")
    # Whoever ends well again and again is told to, because it does not become ready.
    if ended and (ended.get("exitCode") or waiting.get("reason") == "CrashLoopBackOff"):
        return Finding(reasons.CONTAINER_FAILED, f"{where}: {_last_words(ended)}")
    return None


def _last_words(ended: Body) -> str:
    """Return what a program said at its end: the error it wrote for us, else the end of its log, else its code."""
    text = str(ended.get("message") or "").strip()
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if isinstance(said, dict) and said.get("error"):
        executor = f" (Executor {str(said['executor']).splitlines()[0]})" if said.get("executor") else ""
        return _short(f"{said['error']}{executor}")
    if text:
        return _short(text)
    reason = ended.get("reason") or "Error"
    hint = "; give it more memory under resources.limits" if reason == "OOMKilled" else ""
    return f"ended with code {ended['exitCode']} ({reason}){hint}"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else "..." + text[-LONGEST:]


def _component(core_pod: Body) -> str:
    labels = core_pod["metadata"].get("labels") or {}
    component = labels.get(names.COMPONENT, "")
    return "Pea" if component == "pea" else component if component in names.COMPONENTS else "pod"
