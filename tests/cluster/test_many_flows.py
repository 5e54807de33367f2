"""Two hundred Flows are no more work than they should be."""

from __future__ import annotations

import copy
import time
import urllib.request
from collections import Counter

from tests.cluster import install
from tests.cluster.audit import WRITES, Audit
from tests.cluster.flow import manifest
from tests.cluster.kube import Kube, is_ready, name, until

FLOWS = 200


def memory(pod_ip: str) -> float:
    """Return what the process behind /metrics holds, in MB."""
    with urllib.request.urlopen(f"http://{pod_ip}:9090/metrics", timeout=5) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith("process_resident_memory_bytes "):
                return float(line.split()[1]) / 1e6
    raise AssertionError("no process_resident_memory_bytes")


@install.built_in
@install.alone
def test_two_hundred_flows_at_once(kube: Kube) -> None:
    one = manifest(pods=[{"name": "a", "replicas": 0}, {"name": "b", "replicas": 0}], gateway={"replicas": 0})
    many = []
    for number in range(FLOWS):
        each = copy.deepcopy(one)
        each["metadata"]["name"] = f"flow-{number}"
        many.append(each)
    system, audit = Kube(install.SYSTEM), Audit()
    began = time.monotonic()
    kube.apply(*many)

    def all_seen() -> bool:
        flows = kube.all("flows.peavine.dev")
        return len(flows) == FLOWS and all(
            flow.get("status", {}).get("observedGeneration") == flow["metadata"]["generation"] for flow in flows
        )

    until("all are reconciled", all_seen, 600, pause=1)
    until("all objects are there", lambda: len(kube.all("deployments")) == 3 * FLOWS, pause=1)
    seconds = time.monotonic() - began
    calls = Counter(event["verb"] for event in audit.requests())
    writes = sum(calls[verb] for verb in WRITES)
    leader = system.must("lease", install.RELEASE)["spec"]["holderIdentity"]
    used = memory(system.must("pod", leader)["status"]["podIP"])
    print(f"{FLOWS} Flows in {seconds:.0f} s, {writes} writes, {sum(calls.values()) - writes} reads, {used:.0f} MB")
    assert used < 150
    assert not any(is_ready(flow) for flow in kube.all("flows.peavine.dev"))
    assert writes < FLOWS * 25
    assert {name(pod) for pod in system.all("pods")} >= {leader}
