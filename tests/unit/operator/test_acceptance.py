from __future__ import annotations

from typing import Any

import pytest

from peavine.errors import ManifestError
from peavine_operator.acceptance import accept_flow, accept_pod


def pod(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "a", "namespace": "default", "uid": "u", "generation": 1, "resourceVersion": "1"}
    return {"apiVersion": "peavine.dev/v1alpha1", "kind": "Pod", "metadata": metadata, "spec": spec}


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"uses": "_index"}, id="a built-in name"),
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


@pytest.mark.parametrize("field", ["uses", "usesBefore", "usesAfter"])
def test_a_file_name_is_refused_with_what_to_do_instead(field: str) -> None:
    with pytest.raises(ManifestError, match="peavine convert") as error:
        accept_pod(pod(**{field: "mine.yml"}))
    assert [problem.path for problem in error.value.problems] == [f"spec.{field}"]


def test_what_was_given_is_repeated_only_where_it_is_short() -> None:
    with pytest.raises(ManifestError) as error:
        accept_pod(pod(uses="no YAML and no name " * 10000))
    assert len(str(error.value)) < 500


def test_every_problem_of_a_flow_has_its_path() -> None:
    body = {**pod(), "kind": "Flow", "spec": {"pods": [{"name": "a", "uses": "a.yml"}, {"name": "b", "uses": "b.yml"}]}}
    with pytest.raises(ManifestError) as error:
        accept_flow(body)
    assert [problem.path for problem in error.value.problems] == ["spec.pods[0].uses", "spec.pods[1].uses"]
