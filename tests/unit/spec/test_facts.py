"""What each field means is stated where it is declared."""

from __future__ import annotations

from typing import Annotated

import pytest

from peavine import graph, spec
from peavine.spec.facts import Facts, Reader, stated
from peavine.spec.model import Model

MODELS = (spec.PodSpec, spec.FlowPod, spec.FlowSpec, spec.Gateway, spec.GatewayService)


@pytest.mark.parametrize("model", MODELS)
def test_every_field_states_its_facts(model: type[Model]) -> None:
    assert stated(model).keys() == model.model_fields.keys()


def test_a_field_without_facts_is_named() -> None:
    class Forgetful(Model):
        known: Annotated[int, Facts(Reader.PEA)] = 1
        forgotten: int = 2

    with pytest.raises(TypeError, match=r"Forgetful\.forgotten states its facts 0 times"):
        stated(Forgetful)


@pytest.mark.parametrize("name", [name for name, facts in stated(spec.PodSpec).items() if facts.inherited])
def test_what_a_pod_inherits_is_a_field_of_its_flow(name: str) -> None:
    manifest = {"metadata": {"name": "f"}, "spec": {"pods": [{"name": "a"}]}}
    (pod,) = graph.pods(spec.parse(manifest))
    assert getattr(pod.spec, name) == getattr(spec.parse(manifest).spec, name)


@pytest.mark.parametrize("model", MODELS)
def test_only_what_has_no_meaning_on_one_machine_is_refused_there(model: type[Model]) -> None:
    assert not [name for name, facts in stated(model).items() if facts.remedy and not facts.cluster]
