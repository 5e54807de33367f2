"""An API server for the session, a namespace of its own for each test, and an operator for modules that want one.

There are no nodes: tests do what controllers and kubelets would (`controllers.settle`).
"""

from __future__ import annotations

import re
import secrets
import subprocess
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
import yaml

from cluster.place import BIN
from cluster.plane import ADMIN, Plane, plane
from peavine_operator import kinds
from peavine_operator.crds import definitions
from tests.api.client import DEFINITION, NAMESPACE, ROLES, Api, Space
from tests.api.flows import Flow, two
from tests.api.operators import CHART_USER, OTHER_USER, STARTED, SYSTEM, Operator
from tests.cluster.install import CHART
from tests.cluster.kube import condition, until


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what the operators wrote to the report of a test that failed."""
    report = yield
    if report.failed:
        report.sections += [(f"operator {each.identity}", each.said()[-8000:]) for each in STARTED]
    return report


@pytest.fixture(scope="session")
def server() -> Iterator[Plane]:
    """An API server with the definitions and the chart's rights."""
    with installed() as made:
        yield made


@contextmanager
def installed() -> Iterator[Plane]:
    """Have an API server with the definitions and the chart's rights."""
    with plane({CHART_USER: (), OTHER_USER: ()}) as made, connected(made) as connection:
        system = Space(connection, SYSTEM)
        system.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM}})
        for definition in definitions().values():
            system.create(DEFINITION, definition)
        for definition in definitions().values():
            wait_established(system, definition["metadata"]["name"])
        for item in chart_roles():
            system.create(ROLES[item["kind"]], item)
        system.create(ROLES["ClusterRoleBinding"], binding("cluster-admin"))
        yield made


def chart_roles() -> list[dict[str, Any]]:
    """Return the roles of the chart and who has them."""
    command = [str(BIN / "helm"), "template", "peavine", str(CHART), "--namespace", SYSTEM]
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=180).stdout
    return [item for item in yaml.safe_load_all(text) if item and item["kind"] in ROLES]


def binding(role: str) -> dict[str, object]:
    """Return what gives a role to the second operator."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"other-{role}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": OTHER_USER}],
    }


def wait_established(system: Space, called: str) -> None:
    """Wait until objects of a definition can be written."""
    until(called, lambda: condition(system.must(DEFINITION, called), "Established")["status"] == "True")


@contextmanager
def connected(server: Plane) -> Iterator[Api]:
    """Have the administrator's connection."""
    with closing(Api(server.url, server.ca, server.token(ADMIN))) as made:
        yield made


@pytest.fixture(scope="session")
def api(server: Plane) -> Iterator[Api]:
    """The administrator's connection."""
    with connected(server) as made:
        yield made


@pytest.fixture
def space(api: Api, request: pytest.FixtureRequest) -> Iterator[Space]:
    """A namespace of the test's own."""
    with namespace(api, request.node.name.removeprefix("test_")) as made:
        yield made


@contextmanager
def namespace(api: Api, words: str) -> Iterator[Space]:
    """Have a namespace that takes only what the restricted Pod Security Standard allows."""
    made = Space(api, f"{re.sub(r'[^a-z0-9]+', '-', words.lower())[:40].strip('-')}-{secrets.token_hex(2)}")
    enforce = {"pod-security.kubernetes.io/enforce": "restricted"}
    metadata = {"name": made.namespace, "labels": enforce}
    made.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    try:
        yield made
    finally:
        for kind in (kinds.FLOW, kinds.POD, kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.CORE_POD):
            made.clear(kind)


@pytest.fixture(scope="module")
def operator(server: Plane) -> Iterator[Operator]:
    """The operator with the rights that the chart gives it, for all namespaces."""
    running = Operator(server.kubeconfig(CHART_USER))
    try:
        running.wait_until_leading()
        yield running
        assert running.terminate() == 0, running.said()
    finally:
        running.close()


@pytest.fixture
def flow(space: Space, operator: Operator) -> Flow:
    """A Flow that is Ready."""
    made = Flow(space)
    made.apply(two())
    made.wait_ready()
    return made
