"""The chart's service account is enough and no more: what was used, by the audit log, against what was granted."""

from __future__ import annotations

from collections.abc import Iterator

from tests.cluster import install
from tests.cluster.audit import Audit
from tests.cluster.flow import Flow, manifest
from tests.cluster.kube import Kube, until

Right = tuple[str, str, str]
"""API group, resource, verb."""


ELSEWHERE: set[Right] = {
    ("apps", "statefulsets", "delete"),  # test_growth
    ("", "persistentvolumeclaims", "patch"),  # test_growth
    ("", "events", "patch"),  # what comes again
    ("", "events", "list"),  # what makes no progress for ten minutes
}
"""Rights that this Flow needs not; other tests do, or what takes too long for one."""


def granted(kube: Kube, kind: str, role: str) -> set[Right]:
    """Return what a role allows."""
    return {
        (group, resource, verb)
        for rule in kube.must(kind, role)["rules"]
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


@install.built_in
@install.alone
def test_the_service_account_is_enough_and_no_more(flow: Flow, kube: Kube) -> None:
    """A Flow goes through all that an operator does for it. What was used before counts, too; what was refused before
    does not: an operator whose chart was being uninstalled had lost its rights.
    """
    recent = Audit()
    scaled = {"autoscaling": {"maxReplicas": 2}, "resources": {"requests": {"cpu": "10m"}}}
    kube.apply({**manifest(), "kind": "Pod", "metadata": {"name": "shared"}, "spec": {}})
    shared = {"name": "shared", "podRef": {"name": "shared"}}  # a policy, which goes again
    first = {"name": "first", "head": {"before": {"class": "_pass"}}, **scaled}  # a head, which goes again
    last = {"name": "last", "shards": 2}
    kube.apply(manifest(pods=[first, shared, last], gateway={"autoscaling": {"maxReplicas": 2}}))
    flow.wait_ready()
    kube.apply(manifest(pods=[{"name": "first"}, {**last, "name": "renamed", "shards": 1}], gateway={}))
    flow.wait_ready()
    until("what is no longer needed is gone", lambda: not kube.all("hpa"))

    used = {right for right, allowed in asked(Audit.whole()) if allowed}
    refused = {right for right, allowed in asked(recent) if not allowed}
    assert refused == set(), "the operator asked for what it may not do"
    system = Kube(install.SYSTEM)
    roles = (("clusterrole", f"{install.RELEASE}:{install.SYSTEM}"), ("role", f"{install.RELEASE}-leader"))
    given = {right for kind, role in roles for right in granted(system, kind, role)}
    assert given - used - ELSEWHERE == set(), "granted, and never used"
