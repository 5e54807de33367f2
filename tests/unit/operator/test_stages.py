"""What is applied at each stage of a change, and what goes on as it is meanwhile."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from peavine.flow.order import in_order
from peavine.spec import parse, parse_pod
from peavine_operator import conditions, names, pod_status, reasons, render, stages
from peavine_operator.kinds import POD, Object, Ref
from peavine_operator.observed import Observed
from peavine_operator.symptoms import Finding

TARGET = render.Target("default", "peavine/runtime:test")
HEADED = {"head": {"before": {"class": "_pass"}}}


def pod(**spec: Any) -> Any:
    metadata = {"name": "a", "namespace": "default"}
    return parse_pod({"apiVersion": "peavine.dev/v1alpha1", "kind": "Pod", "metadata": metadata, "spec": spec})


def gateway(*called: str) -> Any:
    spec = {"pods": in_order([{"name": name} for name in called])}
    flow = parse({"apiVersion": "peavine.dev/v1alpha1", "kind": "Flow", "metadata": {"name": "f"}, "spec": spec})
    return render.flow_gateway(flow, TARGET)


def pod_resource(waiting: Finding | None) -> Object:
    told = conditions.conditions(1, conditions.Findings(waiting=waiting))
    return {"metadata": {"generation": 1}, "status": {"conditions": told}}


def component(service: Object) -> str:
    return str(service["spec"]["selector"][names.COMPONENT])


def test_a_pods_service_leads_to_its_peas_until_its_new_head_is_ready() -> None:
    seen = pod_status.see(Observed(), Ref(POD, "default", "a"), pod(**HEADED))
    before = render.pod_objects(pod(), TARGET).service
    after = render.pod_objects(pod(**HEADED), TARGET, stages.entry(before, seen)).service
    assert (component(before), component(after)) == ("pea", "pea")
    assert component(render.pod_objects(pod(**HEADED), TARGET, stages.entry(None, seen)).service) == "head"


def test_a_service_whose_selector_is_gone_is_repaired_while_a_head_starts() -> None:
    seen = pod_status.see(Observed(), Ref(POD, "default", "a"), pod(**HEADED))
    assert stages.entry({"spec": {}}, seen) is None


def test_shards_stay_as_they_are_while_their_new_version_is_rehearsed() -> None:
    objects = render.pod_objects(pod(shards=2, uses="_index"), TARGET)
    rehearsed, at_last = objects.applied(rehearse=True), objects.applied(rehearse=False)
    assert objects.workload not in rehearsed
    assert objects.rehearsal in rehearsed
    assert at_last == objects.every()
    assert objects.rehearsal not in at_last


def test_nothing_is_rehearsed_while_a_pod_is_on_hold() -> None:
    old, new = pod(shards=2, uses="_index"), pod(shards=2, uses="_index", readOnly=True)
    live = render.pod_objects(old, TARGET).workload
    seen = dataclasses.replace(pod_status.see(Observed(), Ref(POD, "default", "a"), new), peas=live)
    objects = render.pod_objects(new, TARGET)
    assert stages.rehearsing(objects, seen) is not None
    assert stages.rehearsing(objects, seen, Finding(reasons.ROLLOUT_QUEUED, "")) is None


def test_gateways_keep_their_plan_while_a_new_pod_starts() -> None:
    new = gateway("a", "b")
    assert stages.newly_named(gateway("a").workload, new) == ["f-b"]
    assert stages.newly_named(None, new) == [], "no gateway answers yet, so none can go on"
    kept = [item for item in new.every() if item not in new.applied(plan_waits=True)]
    assert kept == [new.config, new.workload]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(None, reasons.WAITING_FOR_PODS, id="that is not there yet"),
        pytest.param(pod_resource(Finding(reasons.STARTING, "")), reasons.WAITING_FOR_PODS, id="that starts"),
        pytest.param(
            pod_resource(Finding(reasons.SCALED_TO_ZERO, "")), reasons.SCALED_TO_ZERO, id="that is scaled to zero"
        ),
        pytest.param(pod_resource(None), None, id="that is ready"),
    ],
)
def test_a_plan_waits_for_a_pod(body: Object | None, reason: str | None) -> None:
    found = stages.plan_waits({"f-b": body})
    assert (found and found.reason) == reason


def test_a_resource_is_paused_by_its_own_annotation_or_by_that_of_its_flow() -> None:
    def body(**annotations: str) -> Object:
        return {"kind": "Flow", "metadata": {"name": "f", "annotations": annotations}}

    paused = body(**{names.PAUSED: "true"})
    for bodies in ([paused], [paused, None], [body(), paused]):
        found = stages.paused(*bodies)
        assert found is not None
        assert found.reason == reasons.PAUSED
    for bodies in ([body()], [body(**{names.PAUSED: "false"}), None], [{"kind": "Flow", "metadata": {"name": "f"}}]):
        assert stages.paused(*bodies) is None
