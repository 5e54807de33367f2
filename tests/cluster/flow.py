"""A Flow in a namespace of the cluster, and the manifests that the tests apply."""

from __future__ import annotations

import copy
from typing import Any

from peavine.flow.order import in_order
from tests.cluster.kube import PATIENCE, Kube, Object, condition, is_ready, name, pod_is_ready, until

STAMP = """\
from peavine.executors import Crafter


class Stamp(Crafter):
    def __init__(self, text="one"):
        self.text = text

    def craft(self, tags):
        return {"tags": {**tags, "stamp": self.text}}
"""
"""An Executor of the user's own, which tells in each answer which arguments it was started with."""
MANIFEST: dict[str, Any] = {
    "apiVersion": "peavine.dev/v1alpha1",
    "kind": "Flow",
    "metadata": {"name": "pictures"},
    "spec": {
        "pods": [
            {
                "name": "stamp",
                "uses": "!Stamp {metas: {py_modules: stamp.py}}",
                "files": {"stamp.py": STAMP},
                "replicas": 2,
            },
            {
                "name": "index",
                "uses": "_index",
                "executor": {"with": {"metric": "euclidean"}},
                "shards": 2,
                "storage": {"size": "100Mi"},
            },
        ],
        "gateway": {"replicas": 2},
        # Requests wait for a shard that restarts, which takes longer on a machine that is busy.
        "timeoutSeconds": 30,
    },
}
"""Two Pods, one with replicas and one sharded and on disk: what most of the tests use."""


def manifest(**spec: Any) -> dict[str, Any]:
    """Return the manifest with other values in its spec. Pods that do not say what they need follow each other."""
    made = copy.deepcopy(MANIFEST)
    made["spec"].update(spec)
    made["spec"]["pods"] = in_order(made["spec"]["pods"])
    return made


class Flow:
    """What a test sees of one Flow."""

    def __init__(self, kube: Kube, flow: str = "pictures") -> None:
        self.kube, self.name = kube, flow

    @property
    def resource(self) -> Object | None:
        return self.kube.get("flows.peavine.dev", self.name)

    def wait_ready(self, seconds: float = PATIENCE) -> Object:
        """Wait until the Flow is Ready with what its manifest says now."""

        def check() -> Object:
            found = self.resource
            ready = condition(found, "Ready")
            assert is_ready(found), f"{ready.get('reason')}: {ready.get('message')}"
            assert found is not None
            return found

        return until(f"Flow {self.name} Ready", check, seconds)

    @property
    def host(self) -> str:
        """The address of the gateway's Service for gRPC, which this machine reaches."""
        service = self.kube.must("service", f"{self.name}-gateway")
        ports = {port["name"]: port["port"] for port in service["spec"]["ports"]}
        return f"{service['spec']['clusterIP']}:{ports['grpc']}"

    def pods(self, step: str) -> list[Object]:
        """Return the core pods of a Pod's Peas, or of the `gateway`."""
        if step == "gateway":
            return self.kube.all("pods", f"peavine.dev/flow={self.name}")
        return self.kube.all("pods", f"peavine.dev/pod={self.name}-{step},app.kubernetes.io/component=pea")

    def serving_pods(self, step: str) -> list[Object]:
        """Return those that serve and stay: one that is about to end may still be listed after its replacement."""
        return [pod for pod in self.pods(step) if pod_is_ready(pod)]

    def ready_pods(self, step: str) -> list[str]:
        return [name(pod) for pod in self.serving_pods(step)]

    def edit(self, *patch: dict[str, Any]) -> None:
        """Change the manifest by a JSON patch."""
        self.kube.patch("flows.peavine.dev", self.name, list(patch))
