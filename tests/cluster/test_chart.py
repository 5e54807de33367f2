"""The chart: what its values make, how it is upgraded, and what an uninstall leaves."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from peavine import Client
from tests.cluster import install
from tests.cluster.flow import Flow, manifest
from tests.cluster.kube import Kube, Object, name, until
from tests.cluster.load import Load, document

VALUES: dict[str, list[str]] = {
    "defaults": [],
    "namespaces": ["watchNamespaces={one,two}"],
    "everything": [
        "networkPolicy.enabled=true",
        "serviceMonitor.enabled=true",
        "serviceMonitor.labels.release=prometheus",
        "image.pullSecrets={registry}",
        "podLabels.team=search",
        "nodeSelector.disk=ssd",
        "priorityClassName=high",
        "replicas=3",
    ],
    "no resources and no budget": ["crds.install=false", "podDisruptionBudget.enabled=false"],
}


def render(*values: str) -> list[Object]:
    """Return the objects that the chart makes."""
    settings = [f"--set={value}" for value in values]
    text = install.helm("template", "peavine", str(install.CHART), "--namespace", "system", *settings)
    return [each for each in yaml.safe_load_all(text) if each]


def kinds(objects: list[Object]) -> list[str]:
    return sorted(each["kind"] for each in objects)


@pytest.fixture(autouse=True, scope="module")
def tools(installed: None) -> None:
    """helm comes with the cluster."""


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES.keys())
def test_the_chart_is_sound_with(values: list[str]) -> None:
    install.helm("lint", "--strict", str(install.CHART), *(f"--set={value}" for value in values))
    made = render(*values)
    called = [(each["kind"], each["metadata"].get("namespace"), name(each)) for each in made]
    assert len(set(called)) == len(called)


def test_rights_are_for_the_namespaces_alone_that_are_watched() -> None:
    assert "ClusterRoleBinding" in kinds(render())
    made = render("watchNamespaces={one,two}")
    assert "ClusterRoleBinding" not in kinds(made)
    roles = [each["metadata"]["namespace"] for each in made if each["kind"] == "Role" and name(each) == "peavine"]
    assert roles == ["one", "two"]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("replica=2", "replica"),
        ("replicas=0", "replicas"),
        ("image.tag=a b", "tag"),
        ("logLevel=loud", "logLevel"),
        ("watchNamespaces={A}", "watchNamespaces"),
        ("crds.keep=false", "keep"),
        (r"podLabels.app\.kubernetes\.io/name=mine", "app.kubernetes.io/name"),
    ],
)
def test_a_wrong_value_is_refused(value: str, told: str) -> None:
    with pytest.raises(AssertionError, match=told):
        render(value)


def test_helm_test_makes_a_flow_searches_it_and_deletes_it() -> None:
    said = install.helm("test", install.RELEASE, "--namespace", install.SYSTEM, "--logs", "--timeout", "2m")
    assert "found the right one" in said
    assert Kube(install.SYSTEM).all("flows.peavine.dev") == []


def older(folder: Path) -> Path:
    """Return a chart like this one as an earlier version might have been: its resources lack a column and a field."""
    chart = folder / "peavine"
    shutil.copytree(install.CHART, chart)
    about = yaml.safe_load((chart / "Chart.yaml").read_text()) | {"version": "0.0.1"}
    (chart / "Chart.yaml").write_text(yaml.safe_dump(about))
    path = chart / "files" / "crds" / "peavine.dev_flows.yaml"
    resource: dict[str, Any] = yaml.safe_load(path.read_text())
    version = resource["spec"]["versions"][0]
    version["additionalPrinterColumns"] = version["additionalPrinterColumns"][:1]
    del version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["exposeTracebacks"]
    path.write_text(yaml.safe_dump(resource))
    return chart


def columns() -> int:
    resource = Kube("default").must("customresourcedefinition", "flows.peavine.dev")
    return len(resource["spec"]["versions"][0]["additionalPrinterColumns"])


@install.alone
def test_an_upgrade_brings_the_resources_and_loses_nothing(flow: Flow, kube: Kube, tmp_path: Path) -> None:
    try:
        install.install(chart=older(tmp_path))
        assert columns() == 1
        kube.apply(manifest())
        flow.wait_ready()
        with Load(flow.host) as load:
            install.install()
            until("an operator leads", lambda: columns() > 1)
            flow.edit({"op": "add", "path": "/spec/exposeTracebacks", "value": True})
            flow.wait_ready()
        print(load.check())
    finally:
        install.install()


@install.alone
def test_an_uninstall_leaves_flows_and_their_data_and_a_new_install_takes_them_up(flow: Flow, kube: Kube) -> None:
    kube.apply(manifest())
    flow.wait_ready()
    Client(flow.host).index([document(1)], progress=False)
    try:
        install.helm("uninstall", install.RELEASE, "--namespace", install.SYSTEM, "--wait")
        assert flow.resource is not None
        (found,) = Client(flow.host).search([document(1)], top_k=1, progress=False)
        assert found.matches[0].id == "doc-1", "it serves without an operator"
    finally:
        install.install()
    flow.edit({"op": "add", "path": "/spec/pods/0/executor", "value": {"with": {"text": "two"}}})
    flow.wait_ready()
    (found,) = Client(flow.host).search([document(1)], top_k=1, progress=False)
    assert (found.matches[0].id, found.tags["stamp"]) == ("doc-1", "two")


@install.alone
def test_an_operator_of_some_namespaces_needs_no_rights_in_others(kube: Kube) -> None:
    flow, other = Flow(kube), Kube("default")
    try:
        install.install(f"watchNamespaces={{{kube.namespace}}}")
        kube.apply(manifest(pods=[{"name": "only"}]))
        flow.wait_ready()
        other.apply(manifest(pods=[{"name": "only"}]))
        kube.run("label", "flows.peavine.dev", "pictures", "touched=1")
        assert "status" not in other.must("flows.peavine.dev", "pictures")
    finally:
        other.delete("flows.peavine.dev", "pictures")
        install.install()
