"""The Flow files of old, `!Flow` of version 1 and the map before it, as a Flow manifest.

Pure: from plain data to plain data. What an argument has become is a note; an argument that is not known is an error.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from peavine.errors import ManifestError, Problem, did_you_mean
from peavine.flow.order import in_order
from peavine.spec import API_VERSION
from peavine.spec.rules import GATEWAY
from peavine.yaml import Tagged

Arguments = Mapping[str, Any]

RENAMED = {
    "uses": "uses",
    "replicas": "replicas",
    "read_only": "readOnly",
}
"""Arguments that are fields now."""

GONE = {
    "py_modules": "name the files under `metas: {py_modules: [..]}` in the Executor's YAML",
    "workspace": "a Pod keeps its data under `storage:`, and `peavine run` under --data",
    "separated_workspace": "every shard has a folder of its own",
    "volumes": "a Pod keeps its data under `storage:`",
    "memory_hwm": "say `resources: {limits: {memory: 2Gi}}`",
    "dump_interval": "every batch is on disk before it is answered",
    "runtime_backend": "every Pea is a process",
    "runtime": "every Pea is a process",
    "runtime_cls": "every Pea is a process",
    "uses_internal": "an Executor image brings its own executor.yml",
    "entrypoint": "say it in the image's Dockerfile",
    "docker_kwargs": "say it under `podTemplate:`",
    "pull_latest": "say `imagePullPolicy` under `podTemplate:`",
    "host": "Kubernetes chooses the machine; `podTemplate:` can limit the choice",
    "scheduling": "the least busy Pea gets the request",
    "timeout_ready": "`peavine run --timeout` says how long the start may take",
    "rest_api": "every gateway serves gRPC and HTTP",
    "restful": "every gateway serves gRPC and HTTP",
    "prefetch": "`spec.maxInFlight` bounds the requests under way",
    "prefetch_on_recv": "`spec.maxInFlight` bounds the requests under way",
    "compress": "connections between Peas are not compressed",
    "compress_min_bytes": "connections between Peas are not compressed",
    "compress_min_ratio": "connections between Peas are not compressed",
    "compress_hwm": "connections between Peas are not compressed",
    "log_config": "PEAVINE_LOG_LEVEL and PEAVINE_LOG_FORMAT set the log",
    "show_exc_info": "the log has every stack; `spec.exposeTracebacks` shows it to clients",
    "inspect": "evaluations are always collected",
    "optimize_level": "an answer takes the shortest way already",
    "check_version": "peers always compare their versions",
    "daemon": "a Flow runs until it is stopped",
    "ssh_server": "Services connect Pods",
    "ssh_keyfile": "Services connect Pods",
    "ssh_password": "Services connect Pods",
    "upload_files": "`peavine convert` takes the Executor's files along",
    "workspace_id": "`peavine convert` takes the Executor's files along",
    "silent_remote_logs": "`kubectl logs` shows what a Pea says",
}
"""Arguments that have no field, and what does their job now."""

IGNORED = re.compile(
    r"^(port_.*|socket_.*|host_in|host_out|ctrl_with_ipc|timeout_ctrl|identity|name|expose_public|proxy"
    r"|num_part|pea_id|pea_role|pod_role)$"
)
"""Arguments about sockets and roles, which nobody sets by hand any more."""


@dataclass
class Conversion:
    """A manifest, as far as it could be made, with what there is to say about it."""

    manifest: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def convert(document: object, name: str) -> Conversion:
    """Return the manifest of an old Flow file's content, under `name`; raise ManifestError with every problem."""
    if not isinstance(document, Mapping):
        raise ManifestError("an old Flow file has `pods:`, a list, or a map in the oldest ones")
    made = _Conversion(name)
    made.flow(document)
    if made.problems:
        raise ManifestError(made.problems)
    return Conversion(made.manifest, list(dict.fromkeys(made.notes)))


def kubernetes_name(old: str) -> str:
    """Return an old name as Kubernetes allows it: small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9-]+", "-", old.lower()).strip("-")[:40].strip("-") or "pod"


class _Conversion:
    """Collects pods, notes and problems while a document is read."""

    def __init__(self, name: str) -> None:
        self.pods: list[dict[str, Any]] = []
        self.spec: dict[str, Any] = {"pods": self.pods}
        metadata = {"name": kubernetes_name(name)}
        self.manifest = {"apiVersion": API_VERSION, "kind": "Flow", "metadata": metadata, "spec": self.spec}
        self.notes: list[str] = []
        self.problems: list[Problem] = []
        self.inspected: list[str] = []
        self.last = ""

    def flow(self, document: Mapping[str, Any]) -> None:
        version = str(document.get("version", "")).partition(".")[0]
        if version not in ("", "1"):
            self.problems.append(Problem("version", f"{document['version']} is not known; versions 1 and none are"))
        for key in document:
            if key not in ("version", "env", "with", "pods", "!cls"):
                self.problems.append(Problem(str(key), "is not part of an old Flow file: version, env, with, pods"))
        if env := _environment(document.get("env")):
            self.spec["env"] = env
        shared = self.shared(document.get("with"))
        for old in ("port_expose", "port"):
            if (port := shared.pop(old, None)) is not None:
                self.spec["gateway"] = {"service": {"ports": {"grpc": port}}}
        if (size := shared.pop("max_message_size", None)) is not None:
            self.message_size(self.spec, size, shared)
        listed = document.get("pods") or []
        if isinstance(listed, Mapping):
            listed = [_named(name, arguments) for name, arguments in listed.items()]
        if not isinstance(listed, list):
            self.problems.append(Problem("pods", "is a list of Pods, or a map in the oldest files"))
            return
        for i, arguments in enumerate(listed):
            if not isinstance(arguments, Mapping):
                self.problems.append(Problem(f"pods[{i}]", "is not a map of arguments"))
            elif arguments.get("name") != "gateway":
                self.pod({**shared, **arguments}, arguments, i)
        if self.inspected:
            self.pods.append({"name": "gather", "uses": "_merge_eval", "needs": [self.last, *self.inspected]})
        self.spec["pods"] = in_order(self.pods)

    def shared(self, arguments: object) -> dict[str, Any]:
        """Return what all Pods share: arguments by name, or `{args: [..], kwargs: {..}}` as they were handed over."""
        given = arguments or {}
        by_name = given.get("kwargs") or {} if isinstance(given, Mapping) else None
        if not isinstance(given, Mapping) or not isinstance(by_name, Mapping):
            self.problems.append(Problem("with", "is a map of arguments, or {args: [], kwargs: {name: value}}"))
            return {}
        if given.get("args"):
            self.problems.append(Problem("with.args", "have no names; write them by name under `with:`"))
        return {**by_name, **{name: value for name, value in given.items() if name not in ("args", "kwargs")}}

    def pod(self, arguments: Arguments, own: Arguments, position: int) -> None:
        """Read a Pod's arguments: its own, and those that it shares with all."""
        path = f"pods[{position}]"
        method = arguments.get("method", "add")
        name = kubernetes_name(str(arguments.get("name") or ("joiner" if method == "needs" else f"pod{position}")))
        pod: dict[str, Any] = {"name": name}
        if method not in ("add", "needs", "inspect"):
            self.problems.append(Problem(f"{path}.method", f'"{method}" is not one of add, needs, inspect'))
        needs = arguments.get("needs")
        needs = [needs] if isinstance(needs, str) else needs
        if isinstance(needs, list | tuple):
            pod["needs"] = [kubernetes_name(str(need)) for need in needs] or [GATEWAY]
        elif needs is not None:
            self.problems.append(Problem(f"{path}.needs", "is a Pod's name, or a list of names"))
        elif self.inspected or method == "inspect":
            pod["needs"] = [self.last or GATEWAY]
        if method == "needs" and "uses" not in arguments:
            pod["uses"] = "_merge"
        for key, value in arguments.items():
            if key not in ("name", "method", "needs") and value is not None:
                self.argument(pod, key, value, path if key in own else "with", arguments)
        self.pods.append(pod)
        if method == "inspect":
            self.inspected.append(name)
        else:
            self.last = name

    def argument(self, pod: dict[str, Any], key: str, value: Any, path: str, arguments: Arguments) -> None:
        if key in RENAMED:
            pod[RENAMED[key]] = value
        elif key in SPECIAL:
            SPECIAL[key](self, pod, value, arguments)
        elif key in GONE:
            self.notes.append(f"{path}.{key}: left out; {GONE[key]}")
        elif not IGNORED.match(key):
            hint = did_you_mean(key, [*RENAMED, *SPECIAL, *GONE])
            self.problems.append(Problem(f"{path}.{key}", f"is not an argument of a Pod{hint or '; delete it'}"))

    def parallel(self, pod: dict[str, Any], count: Any, arguments: Arguments) -> None:
        """`parallel` meant both: with polling `all` the data was split, else the Peas were alike."""
        split = _word(arguments.get("polling", "any")) == "ALL"
        if count != 1:
            pod["shards" if split else "replicas"] = count

    def shards(self, pod: dict[str, Any], count: Any, arguments: Arguments) -> None:
        if count != 1:
            pod["shards"] = count
            pod.pop("replicas", None)

    def polling(self, pod: dict[str, Any], policy: Any, arguments: Arguments) -> None:
        self.notes.append(
            f"{pod['name']}: polling is by kind of request now: index, update and delete go to the shard that owns "
            "the Document, search and train to all"
        )

    def on_error(self, pod: dict[str, Any], strategy: Any, arguments: Arguments) -> None:
        if _word(strategy) == "SKIP_EXECUTOR":
            pod["onError"] = "Skip"
        else:
            self.notes.append(
                f"{pod['name']}: on_error_strategy {_word(strategy)} is left out; an error ends its request, and "
                "`onError: Skip` lets it go on"
            )

    def uses_before(self, pod: dict[str, Any], uses: Any, arguments: Arguments) -> None:
        pod.setdefault("head", {})["before"] = uses

    def uses_after(self, pod: dict[str, Any], uses: Any, arguments: Arguments) -> None:
        pod.setdefault("head", {})["after"] = uses

    def env(self, pod: dict[str, Any], env: Any, arguments: Arguments) -> None:
        pod["env"] = _environment(env)

    def timeout(self, pod: dict[str, Any], milliseconds: Any, arguments: Arguments) -> None:
        number = isinstance(milliseconds, int | float) and not isinstance(milliseconds, bool)
        pod["timeoutSeconds"] = seconds = max(1, math.ceil(milliseconds / 1000)) if number else milliseconds
        if number and seconds * 1000 != milliseconds:
            self.notes.append(f"{pod['name']}: timeout: {milliseconds} ms is rounded up to {seconds} s")

    def message_size(self, pod: dict[str, Any], size: Any, arguments: Arguments) -> None:
        if size == -1:
            self.notes.append("max_message_size: left out; 16 MiB, unless `spec.maxMessageBytes` says otherwise")
        else:
            pod["maxMessageBytes"] = size


SPECIAL: dict[str, Callable[[_Conversion, dict[str, Any], Any, Arguments], None]] = {
    "parallel": _Conversion.parallel,
    "shards": _Conversion.shards,
    "polling": _Conversion.polling,
    "on_error_strategy": _Conversion.on_error,
    "uses_before": _Conversion.uses_before,
    "uses_after": _Conversion.uses_after,
    "env": _Conversion.env,
    "timeout": _Conversion.timeout,
    "max_message_size": _Conversion.message_size,
}
"""Arguments that became something else than a field of another name."""


def _named(name: object, arguments: object) -> object:
    """Return a Pod of the oldest files, which stands under its name, as it stands in a list."""
    return {"name": name, **arguments} if isinstance(arguments, Mapping) else {"name": name} if not arguments else None


def _word(value: object) -> str:
    """Return a word of old: `ALL`, `all` and `!PollingType ALL` are the same."""
    return str(value.value if isinstance(value, Tagged) else value).upper()


def _environment(env: object) -> list[dict[str, str]]:
    if isinstance(env, Mapping):
        return [{"name": str(name), "value": str(value)} for name, value in env.items()]
    pairs = [str(pair).partition("=") for pair in env] if isinstance(env, list | tuple) else []
    return [{"name": name, "value": value} for name, _, value in pairs]
