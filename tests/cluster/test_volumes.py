"""Volumes that are not what they were: a Flow is never silently Ready on an empty one, or on one of another shard."""

from __future__ import annotations

from tests.cluster.flow import Flow, manifest
from tests.cluster.kube import Kube, Object, condition, is_ready, name, until


def degraded(flow: Flow, *words: str) -> Object:
    """Return the Flow's condition when it is Degraded and the message has these words."""
    found = condition(flow.resource, "Degraded")
    assert found["status"] == "True", found
    assert all(word in found["message"] for word in words), found
    assert not is_ready(flow.resource)
    return found


def test_a_volume_that_was_replaced_by_an_empty_one_is_told_until_it_is_accepted(kube: Kube) -> None:
    flow = Flow(kube)
    kube.apply(manifest())
    flow.wait_ready(180)
    until("stores remembered", lambda: len(kube.must("peapod", "pictures-index")["status"].get("stores", ())) == 2, 30)
    old = kube.must("pod", "pictures-index-1")["metadata"]["uid"]
    kube.run("delete", "pvc", "data-pictures-index-1", "--wait=false")
    kube.run("delete", "pod", "pictures-index-1", "--wait=false")

    def replaced() -> bool:
        found = kube.get("pod", "pictures-index-1")
        return found is not None and found["metadata"]["uid"] != old

    until("a new core pod", replaced, 120)
    said = until("Degraded", lambda: degraded(flow, "pictures-index-1: its volume is another one"), 120)
    assert said["reason"] == "VolumeReplaced"
    command = said["message"].partition("accept this one: kubectl ")[2].split()
    kube.run(*command)
    flow.wait_ready(120)
    assert condition(flow.resource, "Degraded")["status"] == "False"


def test_volumes_of_another_number_of_shards_are_refused(kube: Kube) -> None:
    flow = Flow(kube)
    kube.apply(manifest())
    flow.wait_ready(180)
    kube.delete("flows.peavine.dev", "pictures")
    until("only volumes are left", lambda: not kube.all("pods"), 60)
    assert {name(claim) for claim in kube.all("pvc")} == {"data-pictures-index-0", "data-pictures-index-1"}
    made = manifest()
    made["spec"]["pods"][1]["shards"] = 3
    kube.apply(made)
    words = ('of 2 of Pod "index", but Pod "index" now has 3 shards', "set `shards` back to 2", "peavine reshard")
    until("Degraded", lambda: degraded(flow, *words), 180)
