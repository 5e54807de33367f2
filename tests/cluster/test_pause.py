"""A Flow that is paused goes on as it is, whatever its manifest says and whoever changes its objects."""

from __future__ import annotations

from tests.cluster.flow import Flow, manifest
from tests.cluster.kube import Kube, condition, is_ready, until

PAUSED = "peavine.dev/paused"


def test_nothing_of_a_paused_flow_is_changed_until_it_goes_on(flow: Flow, kube: Kube) -> None:
    kube.apply(manifest())
    flow.wait_ready()
    assert {kind: condition(flow.resource, kind)["status"] for kind in ("Available", "Reconciling", "Stalled")} == {
        "Available": "True",
        "Reconciling": "False",
        "Stalled": "False",
    }
    kube.run("annotate", "flows.peavine.dev", flow.name, f"{PAUSED}=true")
    until("Ready says Paused", lambda: condition(flow.resource, "Ready")["reason"] == "Paused")
    assert is_ready(flow.resource), "all is as the manifest says"
    before = kube.must("deployment", "pictures-stamp")["metadata"]["generation"]
    flow.edit({"op": "add", "path": "/spec/pods/0/env", "value": [{"name": "A", "value": "1"}]})

    def waits() -> bool:
        ready = condition(flow.resource, "Ready")
        return ready["status"] == "False" and "Pod pictures-stamp would be changed" in ready["message"]

    until("the edit waits", waits)
    kube.delete("poddisruptionbudget", "pictures-stamp")
    until("the Pod says what it lacks", lambda: "would be changed: it is new" in message(kube, "pictures-stamp"))
    assert condition(flow.resource, "Available")["status"] == "True"
    assert kube.must("deployment", "pictures-stamp")["metadata"]["generation"] == before
    kube.run("annotate", "flows.peavine.dev", flow.name, f"{PAUSED}-")
    flow.wait_ready()
    assert kube.must("deployment", "pictures-stamp")["metadata"]["generation"] > before
    assert kube.get("poddisruptionbudget", "pictures-stamp") is not None


def message(kube: Kube, pod: str) -> str:
    return str(condition(kube.must("peapods.peavine.dev", pod), "Ready")["message"])
