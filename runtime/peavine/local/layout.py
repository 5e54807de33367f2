"""Which processes a Flow is, as plain data: names, arguments, environment, sockets. Pure; starts and writes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from peavine import graph, spec
from peavine.errors import ManifestError, Problem
from peavine.spec.facts import stated
from peavine.spec.uses import Image, parse_uses

CHILD_ENV = {
    # A Pea is one of many processes on this machine: a pool of threads in each would only make them wait.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # Without the first three, glibc returns the memory of each large message and asks for it again. The trim threshold
    # is what it keeps at most, in each of its arenas, of which there would be one for each thread of gRPC.
    "MALLOC_MMAP_THRESHOLD_": "33554432",
    "MALLOC_TRIM_THRESHOLD_": "67108864",
    "MALLOC_TOP_PAD_": "16777216",
    "MALLOC_ARENA_MAX": "2",
    "PYTHONSAFEPATH": "1",
    "PYTHONUNBUFFERED": "1",
    "PEAVINE_LOG_FORMAT": "text",
}
"""Environment of every child, unless this process's own or the manifest says otherwise."""

PLAN, ADDRESSES = "gateway.json", "gateway.addresses"
"""The gateway's files."""

LONGEST_SOCKET_PATH = 100
"""Bytes; the kernel's limit is 107."""


@dataclass(frozen=True)
class Process:
    """One process: `peavine COMMAND...`, what the manifest sets in its environment, and where it serves gRPC.

    The gateway has no `address`: a free port is known only when it has written its `addresses`.
    """

    name: str
    role: Literal["pea", "head", "gateway"]
    command: tuple[str, ...]
    env: Mapping[str, str]
    address: str = ""


@dataclass(frozen=True)
class Listen:
    """Where the gateway listens; port 0 is any free one."""

    host: str = "127.0.0.1"
    grpc_port: int = 0
    http_port: int = 0


@dataclass(frozen=True)
class Layout:
    """All processes of a Flow, the files they read (path to text), and the one where the gateway says its addresses."""

    processes: tuple[Process, ...]
    files: Mapping[Path, str]
    addresses: Path


def layout(
    flow: spec.Flow,
    folder: Path,
    data: Path | None = None,
    listen: Listen = Listen(),
    sources: Sequence[Path] = (),
) -> Layout:
    """Return the processes of `flow`; sockets and files go to `folder`, the Peas' data below `data`.

    `sources` are the folders that the files in the manifest were read from.

    Raises ManifestError for what only a cluster can do, with its remedy.
    """
    problems = _cluster_only(flow)
    if len(os.fsencode(folder)) > LONGEST_SOCKET_PATH - 60:
        problems.append(Problem("", f"the path of sockets, {folder}, is too long; set TMPDIR to a short one"))
    if problems:
        raise ManifestError(problems)
    processes: list[Process] = []
    files: dict[Path, str] = {}
    heads: dict[str, list[str]] = {}
    origins = tuple(word for source in sources for word in ("--source", str(source.resolve())))
    for pod in graph.pods(flow):
        name, env = pod.metadata.name, _environment(pod)
        described = folder / f"{name}.json"
        files[described] = pod.model_dump_json(by_alias=True, exclude_unset=True)
        peas = [[f"{name}-{shard}-{replica}" for replica in range(_replicas(pod))] for shard in range(pod.spec.shards)]
        targets = [[f"unix:{folder / pea}.sock" for pea in shard] for shard in peas]
        for shard, (names, addresses) in enumerate(zip(peas, targets, strict=True)):
            for pea, address in zip(names, addresses, strict=True):
                # Replicas that write have a folder each, as in a cluster, where it lives as long as they do.
                own = folder / "data" / pea if data is None or _writes_apart(pod) else data / f"{name}-{shard}"
                command = ("pea", "--pod", str(described), "--shard", str(shard), "--name", pea, "--data", str(own))
                processes.append(Process(pea, "pea", (*command, "--listen", address, *origins), env, address))
        heads[name] = [address for shard in targets for address in shard]
        if pod.spec.has_head:
            plan, address = folder / f"{name}-head.json", f"unix:{folder / name}-head.sock"
            files[plan] = graph.head_plan(pod, targets).model_dump_json(by_alias=True)
            head = ("pea", "--pod", str(described), "--plan", str(plan), "--name", f"{name}-head", "--listen", address)
            processes.append(Process(f"{name}-head", "head", (*head, *origins), env, address))
            heads[name] = [address]
    files[folder / PLAN] = graph.plan(flow, lambda pod: heads[pod.name]).model_dump_json(by_alias=True)
    processes.append(gateway(folder, listen))
    return Layout(tuple(processes), files, folder / ADDRESSES)


def gateway(folder: Path, listen: Listen) -> Process:
    """Return the gateway's process, which reads its plan in `folder` and says there where it listens."""
    where = ("--host", listen.host, "--grpc-port", str(listen.grpc_port), "--http-port", str(listen.http_port))
    command = ("gateway", "--plan", str(folder / PLAN), *where, "--addresses", str(folder / ADDRESSES))
    return Process("gateway", "gateway", command, {})


def _replicas(pod: spec.Pod) -> int:
    if pod.spec.autoscaling is not None:
        return pod.spec.autoscaling.min_replicas
    return 1 if pod.spec.replicas is None else pod.spec.replicas


def _writes_apart(pod: spec.Pod) -> bool:
    return _replicas(pod) > 1 and not pod.spec.read_only


def _environment(pod: spec.Pod) -> dict[str, str]:
    """Return what a Pod sets in the environment of its Peas; those with `valueFrom` are inherited from this process."""
    return {variable.name: variable.value or "" for variable in pod.spec.env if variable.value_from is None}


def _cluster_only(flow: spec.Flow) -> list[Problem]:
    """Return what this Flow asks for that a single machine cannot do."""
    problems = list(_refused("spec", flow.spec))
    for i, pod in enumerate(flow.spec.pods):
        path = f"spec.pods[{i}]"
        problems += _refused(path, pod)
        if isinstance(parse_uses(pod.runs), Image):
            problems.append(Problem(f"{path}.uses", "an image runs in a cluster; on one machine give its YAML"))
    return problems


def _refused(path: str, given: spec.FlowSpec | spec.FlowPod) -> Iterator[Problem]:
    """Yield the fields that only a cluster supports, and the variables whose values only a cluster knows.

    What is optional may be missing here, and a variable of this process replaces one of the cluster.
    """
    for name, facts in stated(type(given)).items():
        value = getattr(given, name)
        if not facts.remedy or not value or (isinstance(value, list) and all(item.optional for item in value)):
            continue
        yield Problem(f"{path}.{type(given).model_fields[name].alias}", facts.remedy)
    for i, variable in enumerate(given.env):
        source = variable.value_from
        if source is None or variable.name in os.environ or source.optional:
            continue
        remedy = f"only a cluster has it; set {variable.name} before `peavine run`"
        yield Problem(f"{path}.env[{i}].valueFrom", remedy)
