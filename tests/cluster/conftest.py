"""A cluster with the chart installed for the session, and a namespace of its own for each test."""

from __future__ import annotations

import re
import secrets
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest

from tests.cluster import install
from tests.cluster.flow import Flow
from tests.cluster.kube import Kube, Refused, name

RUNNING = "flows.peavine.dev,peapods.peavine.dev,deployments,statefulsets,replicasets,pods"
"""Whatever runs in a namespace, owners first."""
OPEN: list[Kube] = []
"""The namespaces that tests use now."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what the cluster says to the report of a test that failed."""
    report = yield
    if report.failed:
        report.sections += [(f"namespace {kube.namespace}", describe(kube)) for kube in OPEN]
    return report


@pytest.fixture(scope="session")
def installed() -> Iterator[None]:
    """The cluster with images and chart."""
    with install.cluster():
        yield


@contextmanager
def space(words: str) -> Iterator[Kube]:
    """A namespace that takes only what the restricted Pod Security Standard allows.

    What runs in it is gone when this ends; the rest goes later, for which Kubernetes takes half a minute.
    """
    made = Kube(f"{words[:40].strip('-')}-{secrets.token_hex(2)}")
    enforce = {"pod-security.kubernetes.io/enforce": "restricted"}
    made.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": made.namespace, "labels": enforce}})
    OPEN.append(made)
    try:
        yield made
    finally:
        OPEN.remove(made)
        made.run("delete", RUNNING, "--all", "--grace-period=0", "--force", "--wait=false", seconds=120)
        made.run("delete", "namespace", made.namespace, "--ignore-not-found", "--wait=false")


@pytest.fixture
def kube(installed: None, request: pytest.FixtureRequest) -> Iterator[Kube]:
    """A namespace of the test's own."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())
    with space(words) as made:
        yield made


@pytest.fixture(scope="module")
def shared(installed: None, request: pytest.FixtureRequest) -> Iterator[Kube]:
    """A namespace that the tests of a module share."""
    with space(request.node.path.stem.removeprefix("test_").replace("_", "-")) as made:
        yield made


@pytest.fixture
def flow(kube: Kube) -> Flow:
    """A Flow that the test applies."""
    return Flow(kube)


def describe(kube: Kube) -> str:
    """Return what a person would look at after a failure: objects, events, statuses, last words and logs."""
    parts = []
    kinds = "flows.peavine.dev,peapods.peavine.dev,deployments,statefulsets,pods,services,pvc"
    for argv in (
        ["get", kinds, "-o", "wide"],
        ["get", "flows.peavine.dev,peapods.peavine.dev", "-o", "yaml", "--show-managed-fields=false"],
        ["get", "events", "--sort-by=.lastTimestamp"],
    ):
        parts.append(_try(kube, *argv))
    for pod in kube.all("pods"):
        for previous in ([], ["--previous"]):
            log = _try(kube, "logs", name(pod), "--all-containers", "--tail=40", *previous)
            if log and "previous terminated container" not in log:
                parts.append(f"--- log of {name(pod)} {' '.join(previous)}\n{log}")
    operator = Kube(install.SYSTEM)
    for pod in operator.all("pods", "app.kubernetes.io/name=peavine-operator"):
        parts.append(f"--- log of {name(pod)}\n{_try(operator, 'logs', name(pod), '--tail=60')}")
    return "\n".join(parts)


def _try(kube: Kube, *argv: str) -> str:
    try:
        return kube.run(*argv)
    except Refused as error:
        return str(error)
