"""The chart's service account is enough and no more: what was used, by the audit log, against what was granted."""

from __future__ import annotations

from collections.abc import Iterator

from cluster.plane import Plane
from peavine_operator import kinds
from tests.api.client import ROLES, Space
from tests.api.flows import Flow
from tests.api.operators import SYSTEM, Operator
from tests.cluster.audit import Audit
from tests.cluster.flow import manifest
from tests.cluster.kube import until

Right = tuple[str, str, str]
"""API group, resource, verb."""


ELSEWHERE: set[Right] = {
    ("apps", "statefulsets", "delete"),  # tests/cluster/test_growth.py
    ("", "persistentvolumeclaims", "patch"),  # tests/cluster/test_growth.py
    ("", "events", "patch"),  # what comes again
    ("", "events", "list"),  # what makes no progress for ten minutes
}
"""Rights that this Flow does not need: other tests use them, or what takes too long for a test."""


def granted(space: Space, kind: str, role: str) -> set[Right]:
    """Return what a role allows."""
    return {
        (group, resource, verb)
        for rule in space.must(ROLES[kind], role)["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def asked(audit: Audit) -> Iterator[tuple[Right, bool]]:
    """Yield which rights the operator asked for, and whether it has them."""
    for event in audit.requests():
        thing = event.get("objectRef")
        if thing:
            resource = "/".join(filter(None, (thing["resource"], thing.get("subresource"))))
            decision = event.get("annotations", {}).get("authorization.k8s.io/decision")
            # What an apply makes anew needs the right to create, too.
            verbs = [event["verb"], *(["create"] if event.get("responseStatus", {}).get("code") == 201 else [])]
            for verb in dict.fromkeys(verbs):
                yield (thing.get("apiGroup", ""), resource, verb), decision == "allow"


def test_the_rights_of_the_chart_are_enough_and_no_more(space: Space, operator: Operator, server: Plane) -> None:
    """A Flow goes through all that an operator does for it; what was used before counts, too."""
    recent, flow = Audit(server.audit_log), Flow(space)
    scaled = {"autoscaling": {"maxReplicas": 2}, "resources": {"requests": {"cpu": "10m"}}}
    head = {"apiVersion": kinds.POD.api_version, "kind": "Pod", "metadata": {"name": "shared"}}
    space.create(kinds.POD, {**head, "spec": {}})
    shared = {"name": "shared", "podRef": {"name": "shared"}}  # a policy, which goes again
    first = {"name": "first", "head": {"before": {"class": "_pass"}}, **scaled}  # a head, which goes again
    last = {"name": "last", "shards": 2}
    flow.apply(manifest(pods=[first, shared, last], gateway={"autoscaling": {"maxReplicas": 2}}))
    flow.wait_ready()
    flow.apply(manifest(pods=[{"name": "first"}, {**last, "name": "renamed", "shards": 1}], gateway={}))
    flow.wait_ready()
    until("what is no longer needed is gone", lambda: not space.all(kinds.AUTOSCALER))

    used = {right for right, allowed in asked(Audit.whole(server.audit_log)) if allowed}
    refused = {right for right, allowed in asked(recent) if not allowed}
    assert refused == set(), "the operator asked for what it may not do"
    roles = ((space, "ClusterRole", f"peavine:{SYSTEM}"), (Space(space.api, SYSTEM), "Role", "peavine-leader"))
    given = {right for where, kind, role in roles for right in granted(where, kind, role)}
    assert given - used - ELSEWHERE == set(), "granted, and never used"
