"""The operator that leads: who it is, and what it counts."""

from __future__ import annotations

import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from tests.cluster import install
from tests.cluster.kube import Kube, until


def metric(name: str, **labels: str) -> float:
    """Return a number from the leader's metrics: the sum of the samples that have these labels."""
    system = Kube(install.SYSTEM)
    pod = system.must("pod", str(system.must("lease", install.RELEASE)["spec"].get("holderIdentity")))
    try:
        with urllib.request.urlopen(f"http://{pod['status']['podIP']}:9090/metrics", timeout=30) as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
    except OSError as error:
        raise AssertionError(f"no metrics of {pod['metadata']['name']}: {error}") from error
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


def looks(kind: str = "Flow") -> float:
    """Return how often the leader has looked at a Flow or a Pod."""
    return metric("peavine_operator_reconciles_total", kind=kind)


def wait_until_it_looked(before: float, count: int = 1) -> None:
    """Wait until the leader has looked at so many more Flows than `before`, and has nothing left to look at."""

    def looked() -> bool:
        return looks() >= before + count and metric("peavine_operator_queued") == 0

    until("the operator looked", looked, 60)
