from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine.errors import ManifestError
from peavine_operator import names
from peavine_operator.acceptance import MAX_CARRIED_BYTES, accept_flow, accept_pod
from peavine_operator.render import Target, pod_objects


def pod(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "a", "namespace": "default", "uid": "u", "generation": 1, "resourceVersion": "1"}
    return {"apiVersion": "peavine.dev/v1alpha1", "kind": "Pod", "metadata": metadata, "spec": spec}


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"uses": "_index"}, id="a built-in name"),
        pytest.param({"uses": "HashingTextEncoder"}, id="the name of a class"),
        pytest.param({"executor": {"class": "Mine", "with": {"dim": 3}}}, id="an object"),
        pytest.param({"head": {"after": {"class": "_merge"}, "replicas": 2}}, id="an Executor of the head"),
        pytest.param({"uses": "!Mine\nwith: {}"}, id="YAML text"),
        pytest.param({"uses": "# mine\n!Mine {}"}, id="YAML text that begins with a comment"),
        pytest.param({"uses": "docker://me/mine:1"}, id="an image"),
        pytest.param({"uses": "mine.yml", "files": {"mine.yml": "!Mine {}"}}, id="a file that the manifest brings"),
        pytest.param({"uses": "/executor/mine.yml", "image": "me/mine:1"}, id="a file of the image"),
        pytest.param({"replicas": 1, "autoscaling": {"maxReplicas": 3}}, id="what an autoscaler wrote"),
    ],
)
def test_what_a_cluster_can_run_is_accepted(spec: dict[str, Any]) -> None:
    assert accept_pod(pod(**spec)).metadata.name == "a"


@pytest.mark.parametrize("name", ["mine.yml", "folder/mine.yaml", "no name of a class"])
def test_a_file_name_is_refused_with_what_to_do_instead(name: str) -> None:
    with pytest.raises(ManifestError, match="peavine convert") as error:
        accept_pod(pod(uses=name))
    assert [problem.path for problem in error.value.problems] == ["spec.uses"]


def test_files_that_no_config_map_holds_are_refused_and_the_largest_others_fit_into_one() -> None:
    largest = "é" * ((MAX_CARRIED_BYTES - 100) // 2)
    accepted = accept_pod(pod(files={"a.py": largest}))
    (config,) = (body for body in pod_objects(accepted, Target("default", "i")).every() if body["kind"] == "ConfigMap")
    assert sum(len(text.encode()) for text in config["data"].values()) < 1048576
    with pytest.raises(ManifestError, match="filesFrom") as error:
        accept_pod(pod(files={"a.py": largest, "b.py": "x" * 200}))
    assert [problem.path for problem in error.value.problems] == ["spec.files"]


@pytest.mark.parametrize("head", [{}, {"head": {"before": {"class": "_pass"}}}], ids=["Peas", "a head"])
@pytest.mark.parametrize(
    ("template", "path"),
    [
        pytest.param({"metadata": None}, "metadata", id="no metadata"),
        pytest.param({"metadata": {"labels": None}}, "metadata.labels", id="no labels"),
        pytest.param({"metadata": {"labels": "x"}}, "metadata.labels", id="labels that are none"),
        pytest.param({"metadata": {"labels": {names.MANAGED_BY: "me"}}}, "metadata.labels", id="a label of ours"),
        pytest.param({"spec": None}, "spec", id="no spec"),
        pytest.param({"spec": ["x"]}, "spec", id="a spec that is none"),
        pytest.param({"containers": []}, "containers", id="a field at the wrong place"),
    ],
)
def test_a_pod_template_that_cannot_be_merged_is_refused(
    head: dict[str, Any], template: dict[str, Any], path: str
) -> None:
    with pytest.raises(ManifestError) as error:
        accept_pod(pod(podTemplate=template, **head))
    assert [problem.path for problem in error.value.problems] == [f"spec.podTemplate.{path}"]


JSON = st.recursive(
    st.none() | st.integers() | st.sampled_from(["pea", "data"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["name", "containers", "volumes", "labels", "env"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["metadata", "spec"]), JSON, max_size=2))
def test_a_pod_template_is_refused_or_rendered_whatever_it_says(template: dict[str, Any]) -> None:
    try:
        accepted = accept_pod(pod(podTemplate=template, head={"before": {"class": "_pass"}}))
    except ManifestError:
        return
    assert pod_objects(accepted, Target("default", "i")).workload


def test_a_gateways_pod_template_is_checked_like_that_of_a_pod() -> None:
    templates = ({"metadata": {"labels": {names.FLOW: "another"}}}, {"spec": None})
    for template, path in zip(templates, ("metadata.labels", "spec"), strict=True):
        spec = {"pods": [{"name": "a"}], "gateway": {"podTemplate": template}}
        with pytest.raises(ManifestError) as error:
            accept_flow({**pod(), "kind": "Flow", "spec": spec})
        assert [problem.path for problem in error.value.problems] == [f"spec.gateway.podTemplate.{path}"]


def test_what_was_given_is_repeated_only_where_it_is_short() -> None:
    with pytest.raises(ManifestError) as error:
        accept_pod(pod(uses="no YAML and no name " * 10000))
    assert len(str(error.value)) < 500


def test_every_problem_of_a_flow_has_its_path() -> None:
    pods = [{"name": "a", "needs": ["gateway"], "uses": "a.yml"}, {"name": "b", "needs": ["a"], "uses": "b.yml"}]
    with pytest.raises(ManifestError) as error:
        accept_flow({**pod(), "kind": "Flow", "spec": {"pods": pods}})
    assert [problem.path for problem in error.value.problems] == ["spec.pods[0].uses", "spec.pods[1].uses"]
