from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from peavine import graph
from peavine.errors import ManifestError
from peavine.flow.order import in_order
from peavine.spec import KINDS, Flow, PollingPolicy, parse


def flow(*pods: dict[str, Any], **spec: Any) -> Flow:
    return parse({"metadata": {"name": "f"}, "spec": {"pods": in_order(pods), **spec}})


def plan(made: Flow) -> graph.Plan:
    return graph.plan(made, lambda pod: [f"{pod.name}:8081"])


@st.composite
def dags(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Pods in any order whose needs have no cycle and of which all but one are needed."""
    count = draw(st.integers(1, 12))
    pods: list[dict[str, Any]] = []
    for i in range(count):
        parents = draw(st.sets(st.sampled_from(["gateway", *(f"p{j}" for j in range(i))]), min_size=1))
        pods.append({"name": f"p{i}", "needs": sorted(parents)})
    needed = {name for pod in pods for name in pod["needs"]}
    ends = [pod["name"] for pod in pods if pod["name"] not in needed]
    if len(ends) > 1:
        pods.append({"name": "last", "needs": ends})
    return draw(st.permutations(pods))


@given(dags())
def test_a_plan_visits_each_pod_once_and_after_its_parents(pods: list[dict[str, Any]]) -> None:
    steps = plan(flow(*pods)).steps
    assert sorted(step.pod for step in steps) == sorted(pod["name"] for pod in pods)
    seen = {"gateway"}
    for step in steps:
        assert seen.issuperset(step.needs)
        seen.add(step.pod)
    assert not any(steps[-1].pod in step.needs for step in steps)


def ways(pods: list[dict[str, Any]], name: str) -> Iterator[list[str]]:
    """Yield every way from the request to a Pod."""
    if name == "gateway":
        yield []
        return
    (needs,) = (pod["needs"] for pod in pods if pod["name"] == name)
    for parent in needs:
        for way in ways(pods, parent):
            yield [*way, name]


@given(dags(), st.sampled_from(["timeoutSeconds", "indexTimeoutSeconds", "trainTimeoutSeconds"]), st.data())
def test_a_flow_is_refused_exactly_where_the_pods_on_some_way_set_more_time_than_it_has(
    pods: list[dict[str, Any]], field: str, data: st.DataObject
) -> None:
    times = {pod["name"]: data.draw(st.none() | st.integers(1, 5), label=pod["name"]) for pod in pods}
    timed = [{**pod, **({field: times[pod["name"]]} if times[pod["name"]] else {})} for pod in pods]
    whole = data.draw(st.integers(5, 30), label="the Flow's")
    longest = max(sum(times[name] or 0 for name in way) for pod in pods for way in ways(pods, pod["name"]))
    try:
        flow(*timed, **{field: whole})
    except ManifestError as error:
        (problem,) = error.problems
        assert problem.path == f"spec.{field}"
        assert f"raise it to {longest}," in problem.message
        assert longest > whole
        flow(*timed, **{field: longest})
    else:
        assert longest <= whole


@given(dags(), st.randoms())
def test_the_order_of_pods_has_no_meaning(pods: list[dict[str, Any]], chance: Random) -> None:
    shuffled = pods.copy()
    chance.shuffle(shuffled)
    assert plan(flow(*shuffled)) == plan(flow(*pods))


@given(dags())
def test_a_plan_survives_its_file(pods: list[dict[str, Any]]) -> None:
    made = plan(flow(*pods))
    assert graph.Plan.model_validate_json(made.model_dump_json(by_alias=True)) == made


def test_the_only_pod_of_a_flow_takes_the_request() -> None:
    assert [step.needs for step in plan(flow({"name": "a"})).steps] == [["gateway"]]


def test_pods_are_complete_with_what_the_flow_says() -> None:
    first, second = graph.pods(
        flow(
            {"name": "a", "env": [{"name": "LEVEL", "value": "1"}], "timeoutSeconds": 2, "maxDocuments": 7},
            {"name": "b"},
            env=[{"name": "LEVEL", "value": "0"}, {"name": "MORE", "value": "2"}],
            timeoutSeconds=5,
            exposeTracebacks=True,
            maxDocuments=50,
        )
    )
    assert (first.spec.max_documents, second.spec.max_documents) == (7, 50)
    assert {variable.name: variable.value for variable in first.spec.env} == {"LEVEL": "1", "MORE": "2"}
    assert [first.spec.timeouts.timeout(kind) for kind in KINDS] == [60, 2, 60, 60, 600, 2]
    assert [second.spec.timeouts.timeout(kind) for kind in KINDS] == [60, 5, 60, 60, 600, 5]
    assert second.spec.expose_tracebacks is True
    assert second.spec.replicas is None


def test_each_kind_of_request_has_the_time_that_the_pod_or_else_the_flow_gives_it() -> None:
    pods = [{"name": "a", "indexTimeoutSeconds": 30}, {"name": "b", "timeoutSeconds": 3, "trainTimeoutSeconds": 7}]
    made = flow(*pods, timeoutSeconds=5, indexTimeoutSeconds=90)
    steps = {step.pod: [step.timeout(kind) for kind in KINDS] for step in plan(made).steps}
    assert KINDS == ("index", "search", "update", "delete", "train", "read")
    assert steps == {"a": [30, 5, 30, 30, 600, 5], "b": [90, 3, 90, 90, 7, 3]}
    assert [plan(made).timeout(kind) for kind in KINDS] == [90, 5, 90, 90, 600, 5]


def test_a_head_gives_each_kind_of_request_the_time_of_its_pod() -> None:
    timeouts = {"timeoutSeconds": 1, "indexTimeoutSeconds": 2, "trainTimeoutSeconds": 3}
    (pod,) = graph.pods(flow({"name": "index", "shards": 2, **timeouts}))
    head = graph.head_plan(pod, [["a:1"], ["b:1"]])
    for each in (head, *head.steps):
        assert [each.timeout(kind) for kind in KINDS] == [2, 1, 2, 2, 3, 1]


def test_a_pod_of_another_owner_is_not_made() -> None:
    made = flow({"name": "a", "podRef": {"name": "shared"}}, {"name": "b"})
    assert [pod.metadata.name for pod in graph.pods(made)] == ["b"]
    assert [step.pod for step in plan(made).steps] == ["a", "b"]


def test_a_head_polls_its_shards_as_the_pod_says() -> None:
    (pod,) = graph.pods(flow({"name": "index", "shards": 2, "polling": {"search": "Any"}}))
    (step,) = graph.head_plan(pod, [["a:1"], ["b:1"]]).steps
    assert step.shards == [["a:1"], ["b:1"]]
    assert step.polling.index is PollingPolicy.OWNER
    assert step.polling.search is PollingPolicy.ANY


def test_a_gateway_knows_how_many_shards_are_behind_a_head() -> None:
    steps = plan(flow({"name": "a"}, {"name": "b", "shards": 3})).steps
    assert [(step.pod, len(step.shards), step.shards_behind) for step in steps] == [("a", 1, None), ("b", 1, 3)]
