"""One operator works at a time: the one that holds the Lease. Whoever lost it writes nothing more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from cluster.plane import Plane
from peavine_operator import kinds
from tests.api.client import Space
from tests.api.flows import Flow
from tests.api.operators import OTHER_USER, SYSTEM, Operator
from tests.api.proxy import BROKEN, Fault, Proxy, failure, proxy
from tests.cluster.audit import Audit
from tests.cluster.flow import manifest
from tests.cluster.kube import until

Start = Callable[..., Operator]
FOREVER = 600
"""Seconds that nobody waits for here."""


@pytest.fixture
def start(server: Plane, space: Space) -> Iterator[Start]:
    """Return a function that starts an operator for the test's namespace, with a Lease named like that."""
    with ExitStack() as running:

        def one(identity: str, through: Proxy | None = None, **settings: object) -> Operator:
            config = server.kubeconfig(OTHER_USER, through.url if through else "")
            names = {"watch_namespaces": space.namespace, "lease_name": space.namespace}
            made = Operator(config, identity, **names | settings)
            running.callback(made.close)
            return made

        yield one


@pytest.fixture
def system(space: Space) -> Space:
    return Space(space.api, SYSTEM)


@pytest.fixture
def flow(space: Space) -> Flow:
    made = Flow(space)
    made.apply(manifest(pods=[{"name": "only"}]))
    return made


def holder(system: Space, lease: str) -> str:
    return str(system.must(kinds.LEASE, lease)["spec"]["holderIdentity"])


def test_another_operator_takes_over_when_the_leader_is_killed(start: Start, flow: Flow) -> None:
    first = start("first", lease_seconds=6)
    first.wait_until_leading()
    second = start("second", lease_seconds=6)
    until("the second one waits", lambda: "waiting for the Lease" in second.said())
    flow.wait_ready()
    assert not second.leads()
    first.kill()
    second.wait_until_leading()
    flow.edit("/spec/pods/0/maxDocuments", 7)
    flow.wait_ready()
    assert flow.space.must(kinds.POD, "pictures-only")["spec"]["maxDocuments"] == 7


def test_a_leader_that_is_terminated_lets_go_of_the_lease(
    start: Start, flow: Flow, space: Space, system: Space
) -> None:
    first = start("first", lease_seconds=FOREVER)
    first.wait_until_leading()
    assert first.terminate() == 0
    assert holder(system, space.namespace) == ""
    start("second", lease_seconds=FOREVER).wait_until_leading()
    flow.wait_ready()


def test_a_leader_whose_lease_is_taken_exits_and_leaves_it(start: Start, space: Space, system: Space) -> None:
    leader = start("first")
    leader.wait_until_leading()
    system.patch(kinds.LEASE, space.namespace, {"spec": {"holderIdentity": "a-stranger"}})
    assert leader.wait_for_exit() == 1
    assert "the Lease is lost" in leader.said()
    assert holder(system, space.namespace) == "a-stranger"


@pytest.mark.parametrize("answer", [failure(500), BROKEN], ids=["refused", "unreachable"])
def test_a_leader_that_cannot_renew_its_lease_writes_nothing_more(
    start: Start, flow: Flow, server: Plane, answer: tuple[int, object]
) -> None:
    with proxy(server) as between:
        leader = start("first", between, lease_seconds=9)
        flow.wait_ready()
        between.faults.append(Fault("PUT", ("/leases/",), [answer], forever=True))
        assert leader.wait_for_exit() == 1
        audit = Audit(server.audit_log)
        flow.edit("/spec/pods/0/maxDocuments", 7)
        next_one = start("second", lease_seconds=9)
        next_one.wait_until_leading()
        flow.wait_ready()
        assert audit.writes(OTHER_USER), "the next one does what the first one left"
        assert "the Lease was not written" in leader.said()


def test_two_operators_that_both_work_do_not_fight(start: Start, flow: Flow, server: Plane, space: Space) -> None:
    both = [start(identity, lease_name=f"{space.namespace}-{identity}") for identity in ("first", "second")]
    for each in both:
        each.wait_until_leading()
    flow.wait_ready()
    for text in (7, 8):
        flow.edit("/spec/pods/0/maxDocuments", text)
        flow.wait_ready()

    def are_quiet() -> bool:
        """Look once more, both of them: what they saw before may have been old."""
        audit, before = Audit(server.audit_log), [each.looks() for each in both]
        flow.touch(sum(before))
        for each, looked in zip(both, before, strict=True):
            each.wait_until_it_looked(looked)
        assert audit.writes(OTHER_USER) == []
        return True

    until("both are quiet", are_quiet)


def test_an_edit_while_the_api_server_is_away_is_caught_up_with(start: Start, flow: Flow, server: Plane) -> None:
    with proxy(server) as between:
        operator = start("first", between, lease_seconds=FOREVER)
        flow.wait_ready()
        between.goes_away()
        flow.edit("/spec/pods/0/maxDocuments", 7)
        until("every watch has failed to open again", lambda: len(between.failed) >= len(kinds.ALL))
        between.is_back()
        flow.wait_ready()
        assert operator.leads()
