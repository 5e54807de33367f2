"""The chart: what its values make, how it is upgraded, and what an uninstall leaves."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import chart
import pytest
import yaml

from peavine import Client
from tests.cluster import install
from tests.cluster.flow import Flow, manifest
from tests.cluster.kube import Kube, Object, name, until
from tests.cluster.load import Load, document


def render(*values: str, namespace: str = "system") -> list[Object]:
    """Return the objects that the chart makes."""
    settings = [f"--set={value}" for value in values]
    text = install.helm("template", "peavine", str(install.CHART), "--namespace", namespace, *settings)
    return [each for each in yaml.safe_load_all(text) if each]


def kinds(objects: list[Object]) -> list[str]:
    return sorted(each["kind"] for each in objects)


@pytest.fixture(autouse=True, scope="module")
def tools(installed: None) -> None:
    """helm comes with the cluster."""


def operator(objects: list[Object]) -> Object:
    """Return the template of the operator's core pods."""
    (deployment,) = (each for each in objects if each["kind"] == "Deployment")
    template: Object = deployment["spec"]["template"]
    return template


def environment(objects: list[Object]) -> dict[str, str]:
    (container,) = operator(objects)["spec"]["containers"]
    return {each["name"]: each.get("value", "") for each in container["env"]}


@pytest.mark.parametrize("values", chart.VALUES, ids=lambda values: values.stem if values else "defaults")
def test_the_chart_is_sound_with(values: Path | None) -> None:
    assert chart.check("helm", values)


def test_releases_of_one_name_in_several_namespaces_share_nothing() -> None:
    one, two = (
        {(each["kind"], each["metadata"].get("namespace"), name(each)) for each in made}
        for made in (render("crds.install=false", namespace=namespace) for namespace in ("one", "two"))
    )
    assert one & two == set()


def test_images_come_from_another_registry_and_by_their_digests() -> None:
    digest = f"sha256:{'0' * 64}"
    made = render("global.imageRegistry=mirror.lan:5000", f"image.operatorDigest={digest}", "image.tag=v1")
    (container,) = operator(made)["spec"]["containers"]
    assert container["image"] == f"mirror.lan:5000/peavine/operator:v1@{digest}"
    assert environment(made)["PEAVINE_OPERATOR_IMAGE"] == "mirror.lan:5000/peavine/runtime:v1"


def test_a_cluster_that_assigns_users_and_groups_is_given_none() -> None:
    made = chart.check("helm", chart.CHART.parent / "values" / "openshift.yaml")
    pods = [operator(made)["spec"], *(each["spec"] for each in made if each["kind"] == "Pod")]
    for spec in pods:
        assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert environment(made)["PEAVINE_OPERATOR_FS_GROUP"] == ""
    assert environment(render("fsGroup=1000680000"))["PEAVINE_OPERATOR_FS_GROUP"] == "1000680000"


def test_every_object_has_the_common_labels_and_no_selector_has() -> None:
    made = [each for each in render("commonLabels.team=search") if each["kind"] != "CustomResourceDefinition"]
    assert {each["metadata"]["labels"].get("team") for each in made} == {"search"}
    selectors = [each["spec"]["selector"] for each in made if "selector" in each.get("spec", {})]
    assert selectors
    assert "team" not in str(selectors)


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
        ("image.runtimeDigest=latest", "runtimeDigest"),
        ("fsGroup=root", "fsGroup"),
        ("networkPolicies.enabled=perhaps", "networkPolicies"),
        ("extraEnv[0].value=1", "extraEnv"),
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
def test_policies_go_and_come_with_their_switch(flow: Flow, kube: Kube) -> None:
    kube.apply(manifest(pods=[{"name": "only", "rollout": {"maxSurge": 0, "maxUnavailable": 1}}]))
    flow.wait_ready()
    before = [name(each) for each in kube.all("networkpolicies")]
    assert before == ["pictures-gateway", "pictures-only"]
    try:
        install.install("networkPolicies.enabled=false")
        until("no policy is left", lambda: kube.all("networkpolicies") == [])
    finally:
        install.install()
    until("they are back", lambda: [name(each) for each in kube.all("networkpolicies")] == before)
    flow.wait_ready()


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
