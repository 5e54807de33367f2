from __future__ import annotations

from typing import Any

from peavine_operator import kinds, names
from peavine_operator.kinds import CONFIG_MAP, CORE_POD, FLOW, POD, Ref
from peavine_operator.observed import Observed, trim

FLOW_KEY, POD_KEY = Ref(FLOW, "ns", "f"), Ref(POD, "ns", "f-a")


def body(kind: kinds.Kind, name: str, version: int = 1, labels: dict[str, str] | None = None, **more: Any) -> Any:
    metadata = {"name": name, "namespace": "ns", "uid": f"{name}-uid", "resourceVersion": str(version)}
    if labels:
        metadata |= {"labels": labels}  # type: ignore[dict-item]
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, **more}


def flow(*pods: dict[str, Any]) -> Any:
    return body(FLOW, "f", spec={"pods": list(pods)})


def test_a_child_concerns_the_resource_whose_label_it_bears() -> None:
    observed = Observed()
    assert observed.put(body(CORE_POD, "x", labels={names.POD: "f-a"})) == {POD_KEY}
    assert observed.put(body(CORE_POD, "y", labels={names.FLOW: "f"})) == {FLOW_KEY}
    assert observed.put(body(CORE_POD, "z")) == set()


def test_a_pod_concerns_itself_its_flow_and_who_refers_to_it() -> None:
    observed = Observed()
    observed.put(flow({"name": "x", "podRef": {"name": "shared"}}))
    assert observed.put(body(POD, "f-a", labels={names.FLOW: "other"})) == {POD_KEY, Ref(FLOW, "ns", "other")}
    assert observed.put(body(POD, "shared")) == {Ref(POD, "ns", "shared"), FLOW_KEY}


def test_a_flow_that_refers_no_longer_is_not_concerned() -> None:
    observed = Observed()
    observed.put(flow({"name": "x", "podRef": {"name": "shared"}}))
    observed.put({**flow({"name": "x"}), "metadata": {**flow()["metadata"], "resourceVersion": "2"}})
    assert observed.put(body(POD, "shared")) == {Ref(POD, "ns", "shared")}


def test_what_is_not_newer_changes_nothing() -> None:
    observed = Observed()
    observed.put(body(CONFIG_MAP, "c", version=5, labels={names.POD: "f-a"}))
    assert observed.put(body(CONFIG_MAP, "c", version=4)) == set()
    assert observed.put(body(CONFIG_MAP, "c", version=5)) == set()
    assert len(observed.children(POD_KEY, CONFIG_MAP)) == 1


def test_a_child_that_changes_its_label_changes_its_parent() -> None:
    observed = Observed()
    observed.put(body(CONFIG_MAP, "c", labels={names.POD: "f-a"}))
    observed.put(body(CONFIG_MAP, "c", version=2, labels={names.POD: "f-b"}))
    assert observed.children(POD_KEY, CONFIG_MAP) == []
    assert len(observed.children(Ref(POD, "ns", "f-b"), CONFIG_MAP)) == 1


def test_the_end_of_an_earlier_object_of_the_same_name_is_not_the_end_of_this_one() -> None:
    observed = Observed()
    observed.put(body(CONFIG_MAP, "c", version=2, labels={names.POD: "f-a"}))
    earlier = body(CONFIG_MAP, "c")
    earlier["metadata"]["uid"] = "earlier"
    assert observed.drop(earlier) == set()
    assert observed.drop(body(CONFIG_MAP, "c", version=3)) == {POD_KEY}
    assert observed.get(Ref(CONFIG_MAP, "ns", "c")) is None


def test_a_list_tells_what_was_deleted_while_nobody_watched() -> None:
    observed = Observed()
    observed.put(body(CONFIG_MAP, "old", version=1, labels={names.POD: "f-a"}))
    observed.put(body(CONFIG_MAP, "new", version=9, labels={names.POD: "f-b"}))
    assert observed.replace(CONFIG_MAP, [], listed_at=5) == {POD_KEY}
    assert observed.get(Ref(CONFIG_MAP, "ns", "new")) is not None


def test_a_list_of_what_is_known_concerns_nothing() -> None:
    observed = Observed()
    observed.put(body(CONFIG_MAP, "c", labels={names.POD: "f-a"}))
    assert observed.replace(CONFIG_MAP, [body(CONFIG_MAP, "c", labels={names.POD: "f-a"})], listed_at=5) == set()


def test_what_no_decision_is_made_from_is_not_remembered() -> None:
    labels = {names.POD: "f-a"}
    pod = body(CORE_POD, "x", labels=labels, spec={"containers": []}, status={"phase": "Running", "hostIP": "1"})
    pod["metadata"]["managedFields"] = [{}]
    pod["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "kept": "yes"}
    trimmed = trim(pod)
    assert "spec" not in trimmed
    assert trimmed["status"] == {"phase": "Running"}
    assert trimmed["metadata"]["annotations"] == {"kept": "yes"}
    assert "managedFields" not in trimmed["metadata"]


def test_of_the_content_of_a_config_map_only_its_hash_is_remembered() -> None:
    contents: list[dict[str, Any]] = [
        {"data": {"a": "b"}}, {"data": {"a": "c"}}, {"data": {"a": "b"}, "binaryData": {"x": "eA=="}},
    ]  # fmt: skip
    trimmed = [trim(body(CONFIG_MAP, "c", **content)) for content in contents]
    digests = [each["data"] for each in trimmed]
    assert len(set(digests)) == 3
    assert {len(digest) for digest in digests} == {64}
    assert [trim(each) for each in trimmed] == trimmed


def test_what_was_deleted_is_not_brought_back_by_what_was_said_before() -> None:
    observed, config = Observed(), body(CONFIG_MAP, "c", version=3, labels={names.POD: "f-a"})
    observed.put(config)
    observed.drop(body(CONFIG_MAP, "c", version=7))
    assert observed.put(config) == set(), "the answer to an earlier write"
    assert observed.drop(body(CONFIG_MAP, "c", version=8)) == set(), "told once more"
    late = body(CONFIG_MAP, "c", version=8, labels={names.POD: "f-a"})
    assert observed.replace(CONFIG_MAP, [late], listed_at=5) == set(), "a list from before"
    assert observed.get(Ref(CONFIG_MAP, "ns", "c")) is None
    assert observed.replace(CONFIG_MAP, [], listed_at=9) == set()
    assert observed.put(body(CONFIG_MAP, "c", version=10, labels={names.POD: "f-a"})) == {POD_KEY}


def test_the_flows_that_use_a_pod_are_known_and_it_is_looked_at_when_they_change() -> None:
    observed, shared = Observed(), Ref(POD, "ns", "shared")
    observed.put(body(POD, "shared"))
    assert observed.put(flow({"name": "x", "podRef": {"name": "shared"}})) == {FLOW_KEY, shared}
    assert observed.users(shared) == ["f"]
    assert observed.users(Ref(POD, "other", "shared")) == []
    assert observed.drop(flow()) == {FLOW_KEY, shared}
    assert observed.users(shared) == []


def test_the_pods_of_a_flow_are_looked_at_when_its_annotations_change() -> None:
    observed = Observed()
    observed.put(body(POD, "f-a", labels={names.FLOW: "f"}))
    observed.put(flow())
    paused = flow()
    paused["metadata"] |= {"resourceVersion": "2", "annotations": {names.PAUSED: "true"}}
    assert observed.put(paused) == {FLOW_KEY, POD_KEY}
    edited = {**paused, "metadata": {**paused["metadata"], "resourceVersion": "3"}}
    assert observed.put(edited) == {FLOW_KEY}
