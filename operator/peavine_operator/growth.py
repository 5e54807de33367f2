"""Volumes that are smaller than the manifest asks for: which claims to enlarge, and how far they have come. Pure.

Kubernetes lets claims grow, and never the template from which a StatefulSet makes them. So the claims are enlarged
first, and then the StatefulSet is made anew around its core Pods (docs/decisions/0030).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from peavine.errors import Problem
from peavine_operator import reasons
from peavine_operator.drift import amount
from peavine_operator.kinds import Body, Object
from peavine_operator.manifests.stateful_set import CLAIM
from peavine_operator.symptoms import Finding


def own(claims: Sequence[Object], pod: str, shards: int) -> dict[int, Object]:
    """Return the claims of a Pod's shards by number, of those that bear its label."""
    by_name = {claim["metadata"]["name"]: claim for claim in claims}
    return {shard: by_name[name] for shard in range(shards) if (name := f"{CLAIM}-{pod}-{shard}") in by_name}


def template_size(stateful_set: Body | None) -> str | None:
    """Return the size of the volumes that a live StatefulSet makes, or None if it makes none."""
    templates = (stateful_set or {}).get("spec", {}).get("volumeClaimTemplates") or ()
    return next((_requested(template) for template in templates), None)


def shrinks(stateful_set: Body | None, size: str) -> Finding | None:
    """Return why a manifest is not accepted that asks for smaller volumes than the shards were given."""
    has = template_size(stateful_set)
    if has is None or not _less(size, has):
        return None
    problem = Problem("spec.storage.size", f"is {size}, and the volumes have {has}; a volume cannot shrink")
    return Finding(reasons.INVALID, str(problem))


def too_small(claims: Mapping[int, Object], size: str) -> list[Object]:
    """Return the claims that ask for less than the manifest."""
    return [claim for claim in claims.values() if _less(_requested(claim), size)]


def refused(claim: Body, size: str, message: str) -> Finding:
    """Return that the API server does not let a claim grow."""
    words = (
        f"{claim['metadata']['name']} cannot grow to {size}: {message}. Its StorageClass needs allowVolumeExpansion; "
        f"or set storage.size back to {_requested(claim)}"
    )
    return Finding(reasons.VOLUME_NOT_GROWN, words)


def growing(claims: Mapping[int, Object], size: str) -> Finding | None:
    """Return which volume has yet to reach the size that its claim asks for."""
    for claim in claims.values():
        status = claim.get("status") or {}
        has = str((status.get("capacity") or {}).get("storage") or "")
        if has and _less(has, size):
            words = [each["message"] for each in status.get("conditions") or () if each.get("message")]
            message = f"{claim['metadata']['name']}: the volume has {has} of {size}"
            return Finding(reasons.VOLUME_GROWING, ": ".join([message, *words[:1]]))
    return None


def unmet(claims: Mapping[int, Object]) -> list[str]:
    """Return the names of claims that do not have what they ask for."""
    reported = zip(claims.values(), status(claims), strict=True)
    return [claim["metadata"]["name"] for claim, each in reported if _less(each["capacity"], each["requested"])]


def status(claims: Mapping[int, Object]) -> list[dict[str, Any]]:
    """Return what the status reports of volumes."""
    return [
        {
            "shard": shard,
            "requested": _requested(claim),
            "capacity": str(((claim.get("status") or {}).get("capacity") or {}).get("storage") or "0"),
        }
        for shard, claim in claims.items()
    ]


def _requested(claim: Body) -> str:
    return str(claim["spec"].get("resources", {}).get("requests", {}).get("storage", "0"))


def _less(one: str, other: str) -> bool:
    amounts = amount(one), amount(other)
    return all(isinstance(each, Decimal) for each in amounts) and amounts[0] < amounts[1]  # type: ignore[operator]
