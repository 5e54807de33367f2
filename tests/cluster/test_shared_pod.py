"""A Pod resource that somebody wrote by hand, and Flows that refer to it."""

from __future__ import annotations

from peavine import Client
from tests.cluster.flow import Flow, manifest
from tests.cluster.kube import Kube, condition, until
from tests.cluster.load import document

POD = {
    "apiVersion": "peavine.dev/v1alpha1",
    "kind": "Pod",
    "metadata": {"name": "shared"},
    "spec": {"uses": "_index", "executor": {"with": {"metric": "euclidean"}}},
}


def test_flows_share_a_pod_that_outlives_them(kube: Kube) -> None:
    flows = [Flow(kube, name) for name in ("one", "two")]
    for flow in flows:
        kube.apply(
            {**manifest(pods=[{"name": "index", "podRef": {"name": "shared"}}]), "metadata": {"name": flow.name}}
        )

    def missing() -> bool:
        return all(condition(flow.resource, "Degraded")["reason"] == "PodMissing" for flow in flows)

    until("both say that the Pod is missing", missing)
    kube.apply(POD)
    first, second = flows
    first.wait_ready()
    second.wait_ready()
    Client(first.host).index([document(1)], progress=False)
    (found,) = Client(second.host).search([document(1)], top_k=1, progress=False)
    assert found.matches[0].id == "doc-1"
    kube.delete("flows.peavine.dev", first.name)
    until("the first Flow is gone", lambda: kube.get("deployment", "one-gateway") is None)
    (found,) = Client(second.host).search([document(1)], top_k=1, progress=False)
    assert found.matches[0].id == "doc-1"
    kube.delete("peapods.peavine.dev", "shared")
    until("the other says that it is missing", lambda: condition(second.resource, "Ready")["reason"] == "PodMissing")
