"""A Flow in a namespace without nodes."""

from __future__ import annotations

from typing import Any

from peavine_operator import kinds
from tests.api.client import Object, Space
from tests.api.controllers import settle
from tests.cluster.flow import manifest
from tests.cluster.kube import condition, is_ready, until

STAMP = {"name": "stamp", "uses": "_pass", "replicas": 2}
SHARDS = {"name": "index", "uses": "_index", "shards": 2}


def two() -> dict[str, Any]:
    """Return a manifest of a Pod with replicas and one with shards. There are no volumes without nodes."""
    return manifest(pods=[STAMP, SHARDS])


class Flow:
    """What a test sees of one Flow."""

    def __init__(self, space: Space, called: str = "pictures") -> None:
        self.space, self.name = space, called

    def apply(self, body: dict[str, Any]) -> None:
        self.space.apply(kinds.FLOW, {**body, "metadata": {"name": self.name}}, force="true")

    @property
    def resource(self) -> Object | None:
        return self.space.get(kinds.FLOW, self.name)

    def edit(self, path: str, value: Any, op: str = "add") -> None:
        """Change one field of the manifest."""
        self.space.patch(kinds.FLOW, self.name, [{"op": op, "path": path, "value": value}])

    def touch(self, word: object) -> None:
        """Write a label, so that the operator looks at the Flow."""
        self.space.patch(kinds.FLOW, self.name, {"metadata": {"labels": {"touched": str(word)}}})

    def condition(self, kind: str) -> Object:
        return condition(self.resource, kind)

    def wait_ready(self) -> Object:
        """Do what controllers do until the Flow is Ready with what its manifest says now."""

        def check() -> Object:
            settle(self.space)
            found = self.resource
            ready = condition(found, "Ready")
            assert is_ready(found), f"{ready.get('reason')}: {ready.get('message')}"
            assert found is not None
            return found

        return until(f"Flow {self.name} Ready", check)

    def wait_for(self, kind: str, status: str, reason: str, *words: str) -> Object:
        """Wait until a condition says this."""

        def says() -> Object:
            found = self.condition(kind)
            assert (found["status"], found["reason"]) == (status, reason), found
            assert [word for word in words if word not in found["message"]] == [], found["message"]
            return found

        return until(f"{kind} is {status} for {reason}", says)
