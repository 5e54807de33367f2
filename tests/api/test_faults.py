"""Requests to the API server fail: they are sent again, and nothing is decided from half of what there is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cluster.plane import Plane
from peavine_operator import kinds
from tests.api.client import Space
from tests.api.controllers import settle
from tests.api.flows import Flow
from tests.api.operators import OTHER_USER, Operator
from tests.api.proxy import BROKEN, EXPIRED, Fault, Proxy, failure, proxy
from tests.cluster.audit import Audit
from tests.cluster.flow import manifest
from tests.cluster.kube import name, until


@pytest.fixture
def between(server: Plane) -> Iterator[Proxy]:
    with proxy(server) as made:
        yield made


@pytest.fixture
def flow(space: Space) -> Flow:
    made = Flow(space)
    made.apply(manifest(pods=[{"name": "only"}]))
    return made


@pytest.fixture
def operator(server: Plane, between: Proxy, flow: Flow) -> Iterator[Operator]:
    """An operator for the test's namespace, which reaches the API server through the proxy."""
    inside = flow.space.namespace
    running = Operator(server.kubeconfig(OTHER_USER, between.url), watch_namespaces=inside, lease_name=inside)
    yield running
    running.close()


def wait_until_said(operator: Operator, words: str) -> None:
    until(f"the operator reports: {words}", lambda: words in operator.said())


def wait_until_used(fault: Fault) -> None:
    until(f"requests fail with {fault}", lambda: not fault.answers)


def test_nothing_is_written_before_everything_could_be_listed(
    between: Proxy, server: Plane, flow: Flow, request: pytest.FixtureRequest
) -> None:
    answers = [failure(500), failure(429, "TooManyRequests"), failure(410, "Expired"), BROKEN]
    between.faults.append(Fault("GET", ("peapods?",), answers))
    audit = Audit(server.audit_log)
    operator = request.getfixturevalue("operator")
    for status in (500, 429, 410):
        wait_until_said(operator, f"peapods.peavine.dev cannot be listed: the proxy answers {status}")
        assert audit.writes(OTHER_USER) == []
    flow.wait_ready()


def test_a_watch_that_fails_is_opened_again(between: Proxy, flow: Flow, operator: Operator) -> None:
    flow.wait_ready()
    for i, answer in enumerate((EXPIRED, failure(500), failure(429, "TooManyRequests"), BROKEN), start=1):
        fault = Fault("GET", ("/flows?", "watch=true"), [answer])
        between.faults.append(fault)
        between.goes_away()  # so that all watches are opened again
        between.is_back()
        wait_until_used(fault)
        flow.edit("/spec/pods/0/maxDocuments", i)
        flow.wait_ready()
    assert operator.process.poll() is None, operator.said()


def test_a_watch_that_is_refused_ends_the_operator_so_that_all_begin_anew(
    between: Proxy, flow: Flow, operator: Operator
) -> None:
    flow.wait_ready()
    between.faults.append(Fault("GET", ("/flows?", "watch=true"), [failure(410, "Expired")]))
    between.goes_away()
    between.is_back()
    assert operator.wait_for_exit() == 1
    assert "a watch ended by itself" in operator.said()


def test_a_write_that_fails_is_tried_again(between: Proxy, flow: Flow, operator: Operator) -> None:
    flow.wait_ready()
    answers = [failure(500), failure(429, "TooManyRequests"), failure(409, "Conflict"), BROKEN]
    between.faults.append(Fault("PATCH", ("deployments",), answers))
    flow.edit("/spec/pods/0/replicas", 3)
    flow.wait_ready()
    assert answers == []


def test_a_deletion_that_fails_is_tried_again(between: Proxy, flow: Flow, operator: Operator) -> None:
    flow.apply(manifest(pods=[{"name": "only"}, {"name": "other"}]))
    flow.wait_ready()
    answers = [failure(500), BROKEN]
    between.faults.append(Fault("DELETE", ("peapods",), answers))
    flow.apply(manifest(pods=[{"name": "only"}]))

    def gone() -> bool:
        settle(flow.space)
        return [name(pod) for pod in flow.space.all(kinds.POD)] == ["pictures-only"]

    until("the Pod is gone", gone)
    assert answers == []
