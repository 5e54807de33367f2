"""The operator as its own process, as it runs in a cluster, and what it reports of itself."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.cluster.kube import until

LEASE, SYSTEM = "peavine", "peavine-system"
CHART_USER = f"system:serviceaccount:{SYSTEM}:peavine"
"""Whom the chart gives its rights."""
OTHER_USER = f"system:serviceaccount:{SYSTEM}:other"
"""A second operator, which tests give the same rights and any Lease."""


STARTED: list[Operator] = []
"""The operators that run now, whose logs belong to the report of a test that failed."""


class Operator:
    """A running operator."""

    def __init__(self, kubeconfig: Path, identity: str = "one", **settings: object) -> None:
        self.identity, self.log = identity, kubeconfig.with_suffix(f".{identity}.log")
        with socket.socket() as free:
            free.bind(("", 0))
            self._port = free.getsockname()[1]
        values = {"namespace": SYSTEM, "lease_name": LEASE, "identity": identity, "port": self._port, **settings}
        own = {f"PEAVINE_OPERATOR_{key.upper()}": str(value) for key, value in values.items()}
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PEAVINE_", "KUBERNETES_"))}
        with open(self.log, "ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "peavine_operator"],
                env={**kept, **own, "KUBECONFIG": str(kubeconfig)},
                stdout=output,
                stderr=output,
            )
        STARTED.append(self)

    def said(self) -> str:
        return self.log.read_text()

    def metric(self, called: str, **labels: str) -> float:
        """Return a number from its metrics: the sum of the samples that have these labels."""
        assert self.process.poll() is None, f"the operator exited with {self.process.returncode}: {self.said()}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://127.0.0.1:{self._port}/metrics", timeout=30) as answer:
                families = list(text_string_to_metric_families(answer.read().decode()))
        except OSError as error:
            raise AssertionError(f"no metrics yet: {error}; {self.said()}") from error
        samples = [sample for family in families for sample in family.samples if sample.name == called]
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())

    def leads(self) -> bool:
        return self.metric("peavine_operator_leading") == 1

    def looks(self, kind: str = "Flow") -> float:
        """Return how often it has looked at a Flow or a Pod."""
        return self.metric("peavine_operator_reconciles_total", kind=kind)

    def wait_until_leading(self) -> None:
        until(f"operator {self.identity} leads", self.leads)

    def wait_until_it_looked(self, before: float) -> None:
        """Wait until it has looked at a Flow again since it had looked `before` times, and has nothing left to do."""
        until("the operator looked", lambda: self.looks() > before and self.metric("peavine_operator_queued") == 0)

    def wait_for_exit(self) -> int:
        return self.process.wait(timeout=180)

    def close(self) -> None:
        """Make sure that it does not run."""
        self.kill()
        STARTED.remove(self)

    def terminate(self) -> int:
        """End it as Kubernetes does, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait_for_exit()

    def kill(self) -> None:
        """End it as a crash does."""
        self.process.kill()
        self.wait_for_exit()
