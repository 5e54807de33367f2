"""Status never lies: whenever it says Ready, a search is answered and by nothing old; and it says why it is not."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from peavine import Client
from peavine.errors import PeavineError
from tests.cluster.flow import Flow, manifest
from tests.cluster.kube import PATIENCE, Kube, condition, is_ready, name, until
from tests.cluster.load import document


def old_pods(flow: Flow, step: str, text: str) -> list[str]:
    """Return the core pods that run with another argument than `text` and are not on their way out."""
    configs = {name(each): each for each in flow.kube.all("configmaps", f"peavine.dev/pod={flow.name}-{step}")}
    found = []
    for pod in flow.pods(step):
        mounted = [volume["configMap"]["name"] for volume in pod["spec"]["volumes"] if "configMap" in volume]
        if "deletionTimestamp" not in pod["metadata"] and not any(
            f'"{text}"' in "".join(configs[each]["data"].values()) for each in mounted if each in configs
        ):
            found.append(name(pod))
    return found


def test_ready_is_never_said_while_a_search_fails_or_a_replica_is_old(flow: Flow, kube: Kube) -> None:
    kube.apply(manifest())
    flow.wait_ready()
    client = Client(flow.host)
    client.index([document(1)], progress=False)
    probes = 0
    for text in ("two", "three", "four"):
        flow.edit({"op": "add", "path": "/spec/pods/0/executor", "value": {"with": {"text": text}}})
        deadline = time.monotonic() + PATIENCE
        ready_since = None
        while ready_since is None or time.monotonic() < ready_since + 2:
            assert time.monotonic() < deadline, f"not Ready: {condition(flow.resource, 'Ready')}"
            if not is_ready(flow.resource):
                assert ready_since is None, "Ready, and then not, while nothing changed"
                continue
            ready_since = ready_since or time.monotonic()
            probes += 1
            try:
                (found,) = client.search([document(1)], top_k=1, timeout=10, progress=False)
            except PeavineError as error:
                pytest.fail(f"Ready, and a search fails: {error}")
            assert found.matches[0].id == "doc-1"
            assert found.tags["stamp"] == text, "Ready, and an old Pea answers"
            assert old_pods(flow, "stamp", text) == []
    print(f"{probes} probes while Ready")


def broken(**pod: Any) -> dict[str, Any]:
    """Return a change that the first Pod cannot run with."""
    return {"op": "replace", "path": "/spec/pods/0", "value": {"name": "stamp", "needs": ["gateway"], **pod}}


def shards(**spec: Any) -> dict[str, Any]:
    """Return a change that the shards cannot run with."""
    return {"op": "replace", "path": "/spec/pods/1", "value": {**manifest()["spec"]["pods"][1], **spec}}


FILE = {"files": {"own.py": "raise RuntimeError('no such model: resnet')\n"}}
TEMPLATE = {"spec": {"tolerations": [{"operator": "Sometimes"}]}}
BROKEN = {
    "a pod template that Kubernetes refuses": (broken(uses="_pass", podTemplate=TEMPLATE), "Sometimes"),
    "an Executor that fails to start": (
        broken(uses="!Own {metas: {py_modules: own.py}}", **FILE),
        "no such model: resnet",
    ),
    "a class that is not there": (broken(uses="!Encodr {}"), "Encodr"),
    "an image that is not there": (broken(uses="_pass", image="localhost/none:1"), "localhost/none:1"),
    "more memory than any node has": (
        broken(uses="_pass", resources={"requests": {"memory": "9Ti"}}),
        "memory",
    ),
    "an argument that the shards' Executor does not take": (
        shards(executor={"with": {"metric": "manhatten"}}),
        "manhatten",
    ),
    "an image of the shards that is not there": (shards(image="localhost/none:2"), "localhost/none:2"),
}


@pytest.fixture(scope="module")
def serving(shared: Kube) -> Flow:
    """A Flow that is up, shared by these tests: each breaks it, and it goes on as it was."""
    flow = Flow(shared)
    shared.apply(manifest())
    flow.wait_ready()
    Client(flow.host).index([document(1)], progress=False)
    return flow


@pytest.mark.parametrize(("change", "told"), BROKEN.values(), ids=BROKEN.keys())
def test_degraded_tells_of(serving: Flow, change: dict[str, Any], told: str) -> None:
    before = {pod["metadata"]["uid"] for pod in serving.pods("index")}
    serving.edit(change)
    began = time.monotonic()

    def tells() -> str:
        found = condition(serving.resource, "Degraded")
        return found["message"] if found["status"] == "True" and told in found["message"] else ""

    try:
        message = until(f"Degraded tells of {told}", tells)
        print(f"told after {time.monotonic() - began:.1f} s: {message}")
        assert not is_ready(serving.resource)
        (found,) = Client(serving.host).search([document(1)], top_k=1, progress=False)
        assert (found.matches[0].id, found.tags["stamp"]) == ("doc-1", "one"), "the version before still serves"
    finally:
        serving.edit({"op": "replace", "path": "/spec/pods", "value": manifest()["spec"]["pods"]})
        serving.wait_ready()
    assert {pod["metadata"]["uid"] for pod in serving.pods("index")} == before, "no shard was ended for it"


def test_columns_tell_what_people_look_for(serving: Flow) -> None:
    header, row = serving.kube.run("get", "flows.peavine.dev").strip().splitlines()
    assert re.split("  +", header)[:6] == ["NAME", "READY", "READY PODS", "PODS", "HOST", "PORT"]
    assert row.split()[:4] == ["pictures", "True", "2", "2"]
    assert f"pictures-gateway.{serving.kube.namespace}.svc" in row
    header, *rows = serving.kube.run("get", "peapods").strip().splitlines()
    assert re.split("  +", header)[2:6] == ["READY REPLICAS", "REPLICAS", "READY SHARDS", "SHARDS"]
    assert [row.split()[:6] for row in sorted(rows)] == [
        ["pictures-index", "True", "1", "1", "2", "2"],
        ["pictures-stamp", "True", "2", "2", "1", "1"],
    ]
    assert "pod.peavine.dev/pictures-index" in serving.kube.run("get", "all")
    assert "pictures" in serving.kube.run("get", "peavine")
