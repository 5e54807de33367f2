"""Volumes grow with the manifest: their shards go on, and a StatefulSet is made anew around its core pods."""

from __future__ import annotations

from typing import Any

from peavine import Client
from tests.cluster.flow import Flow, manifest
from tests.cluster.kube import Kube, condition, until
from tests.cluster.load import document

CLASS = "peavine-test-growing"


def sized(size: str, storage_class: str | None = None) -> dict[str, Any]:
    made = manifest()
    storage = {"size": size} if storage_class is None else {"size": size, "storageClassName": storage_class}
    made["spec"]["pods"][1]["storage"] = storage
    return made


def uids(flow: Flow) -> set[str]:
    return {pod["metadata"]["uid"] for pod in flow.pods("index")}


def test_volumes_grow_and_no_shard_restarts(flow: Flow, kube: Kube) -> None:
    standard = kube.must("storageclass", "standard")
    kube.apply(
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": CLASS},
            "provisioner": standard["provisioner"],
            "allowVolumeExpansion": True,
        }
    )
    kube.apply(sized("100Mi", CLASS))
    flow.wait_ready()
    client = Client(flow.host)
    client.index([document(1)], progress=False)
    before, old = uids(flow), kube.must("statefulset", "pictures-index")["metadata"]["uid"]
    kube.apply(sized("200Mi", CLASS))

    def grows() -> bool:
        assert condition(kube.must("peapods.peavine.dev", "pictures-index"), "Ready")["reason"] == "VolumeGrowing"
        return bool(condition(flow.resource, "Available")["status"] == "True")

    until("the volumes grow, and requests are answered", grows)
    made = kube.must("statefulset", "pictures-index")
    assert made["metadata"]["uid"] != old
    assert made["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"] == "200Mi"
    for claim in ("data-pictures-index-0", "data-pictures-index-1"):
        # The provisioner of the test cluster has nothing that grows: this is what a driver reports.
        grown = '{"status": {"capacity": {"storage": "200Mi"}}}'
        kube.run("patch", "pvc", claim, "--subresource=status", "--type=merge", "-p", grown)
    flow.wait_ready()
    assert uids(flow) == before, "no shard restarted"
    (found,) = client.search([document(1)], top_k=1, progress=False)
    assert found.matches[0].id == "doc-1"
    volumes = kube.must("peapods.peavine.dev", "pictures-index")["status"]["volumes"]
    assert volumes == [{"shard": shard, "requested": "200Mi", "capacity": "200Mi"} for shard in (0, 1)]
    kube.run("delete", "storageclass", CLASS)


def test_volumes_that_cannot_grow_are_reported_and_the_size_can_be_set_back(flow: Flow, kube: Kube) -> None:
    kube.apply(sized("100Mi"))
    flow.wait_ready()
    before = uids(flow)
    kube.apply(sized("200Mi"))

    def degraded() -> bool:
        found = condition(flow.resource, "Degraded")
        return found["reason"] == "VolumeNotGrown" and "set storage.size back to 100Mi" in found["message"]

    until("Degraded says that the volume cannot grow", degraded)
    assert condition(flow.resource, "Available")["status"] == "True"
    kube.apply(sized("100Mi"))
    flow.wait_ready()
    kube.apply(sized("50Mi"))
    until("a smaller size is refused", lambda: condition(flow.resource, "Accepted")["status"] == "False")
    assert "spec.pods[1].storage.size" in condition(flow.resource, "Accepted")["message"]
    kube.apply(sized("100Mi"))
    flow.wait_ready()
    assert uids(flow) == before
