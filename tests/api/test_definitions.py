"""The custom resource definitions come, go and change, on an API server of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cluster.plane import Plane, plane
from peavine_operator import kinds
from peavine_operator.crds import definitions
from peavine_operator.kinds import Kind
from tests.api.client import DEFINITION, Refused, Space
from tests.api.conftest import connected, installed, namespace, wait_established
from tests.api.flows import Flow
from tests.api.operators import CHART_USER, Operator
from tests.cluster.flow import manifest
from tests.cluster.kube import condition, until

EARLIER = list(yaml.safe_load_all((Path(__file__).parent / "earlier" / "definitions.yaml").read_text()))
EARLIER_POD = Kind("peavine.dev/v1alpha1", "Pod", "pods")
FLOWS, PODS, EARLIER_PODS = "flows.peavine.dev", "peapods.peavine.dev", "pods.peavine.dev"


@pytest.fixture
def own() -> Iterator[tuple[Plane, Space]]:
    """An installation of the test's own, and a namespace in it."""
    with installed() as server, connected(server) as api, namespace(api, "own") as space:
        yield server, space


def test_definitions_that_are_deleted_are_waited_for(own: tuple[Plane, Space]) -> None:
    server, space = own
    first = Operator(server.kubeconfig(CHART_USER))
    try:
        first.wait_until_leading()
        until("it has begun", lambda: first.metric("peavine_operator_api_requests_total", verb="WATCH") > 0)
        space.delete(DEFINITION, FLOWS)
        assert first.wait_for_exit() == 1
        assert "a watch ended by itself" in first.said()
    finally:
        first.close()
    until("it is gone", lambda: space.get(DEFINITION, FLOWS) is None)
    second = Operator(server.kubeconfig(CHART_USER), "second")
    try:
        missing = "flows.peavine.dev cannot be listed: its definition is missing"
        until("it reports what is missing", lambda: missing in second.said())
        space.create(DEFINITION, definitions()["peavine.dev_flows.yaml"])
        wait_established(space, FLOWS)
        flow = Flow(space)
        flow.apply(manifest(pods=[{"name": "only"}]))
        flow.wait_ready()
        assert second.terminate() == 0
    finally:
        second.close()


def test_definitions_of_today_replace_earlier_ones_as_the_page_on_upgrades_says() -> None:
    new = {body["metadata"]["name"]: body for body in definitions().values()}
    earlier = {"apiVersion": "peavine.dev/v1alpha1", "kind": "Flow", "metadata": {"name": "pictures"}}
    pod = {"name": "index", "uses": "_index", "usesWith": {"metric": "euclidean"}}
    with plane() as server, connected(server) as api:
        system = Space(api, "default")
        for definition in EARLIER:
            system.create(DEFINITION, definition)
            wait_established(system, definition["metadata"]["name"])
        with namespace(api, "earlier") as space:
            space.create(kinds.FLOW, {**earlier, "spec": {"pods": [pod]}})
            space.create(EARLIER_POD, {**earlier, "kind": "Pod", "spec": {"uses": "_pass"}})
            for definition in new.values():
                system.apply(DEFINITION, definition, force="true")

            def is_refused() -> bool:
                """Whether Kubernetes does not take the new plural, because the old one has the kind."""
                found = condition(system.must(DEFINITION, PODS), "NamesAccepted")
                return found["status"] == "False" and "already in use" in found["message"]

            until("the new Pods are not taken", is_refused)
            with pytest.raises(Refused):
                space.all(kinds.POD)

            system.delete(DEFINITION, EARLIER_PODS)
            wait_established(system, PODS)  # as soon as the kind is free
            until("Pods can be listed", lambda: space.all(kinds.POD) == [])
            (kept,) = until("Flows can be listed", lambda: space.all(kinds.FLOW))
            left = {"name": "index", "uses": "_index"}
            assert left.items() <= kept["spec"]["pods"][0].items()
            assert "usesWith" not in kept["spec"]["pods"][0], "what a field no longer has is not even shown"
            space.delete(kinds.FLOW, "pictures")
            with pytest.raises(Refused, match=re.escape('unknown field "spec.pods[0].usesWith"')):
                space.create(kinds.FLOW, {**earlier, "spec": {"pods": [pod]}})
            space.create(kinds.FLOW, manifest(pods=[{"name": "index", "uses": "_index"}]))
