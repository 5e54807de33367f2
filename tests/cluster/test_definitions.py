"""The custom resource definitions go and come back, as in an installation that is mended."""

from __future__ import annotations

import json

from tests.cluster import install
from tests.cluster.flow import Flow, manifest
from tests.cluster.kube import Kube, until

FLOWS = "flows.peavine.dev"


@install.alone
def test_definitions_that_are_deleted_are_waited_for(flow: Flow, kube: Kube) -> None:
    system = Kube(install.SYSTEM)

    def restarts() -> int:
        pods = system.all("pods", "app.kubernetes.io/name=peavine-operator")
        return sum(pod["status"]["containerStatuses"][0]["restartCount"] for pod in pods)

    before = restarts()
    definition = system.must("crd", FLOWS)
    made = {"name": FLOWS, **{key: definition["metadata"].get(key, {}) for key in ("labels", "annotations")}}
    definition = {key: definition[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": made}
    try:
        system.run("delete", "crd", FLOWS, "--timeout=60s", seconds=90)
        said = "flows.peavine.dev cannot be listed: its definition is missing"
        logs = ("logs", "-l", "app.kubernetes.io/name=peavine-operator", "--tail=100")
        until("the operator says what is missing", lambda: said in system.run(*logs))
    finally:
        system.run("create", "-f", "-", text=json.dumps(definition))
        system.run("wait", "--for=condition=Established", f"crd/{FLOWS}", "--timeout=30s")
    kube.apply(manifest(pods=[{"name": "only"}]))
    flow.wait_ready()
    assert restarts() <= before + 1, "only the one whose watch ended begins anew"
