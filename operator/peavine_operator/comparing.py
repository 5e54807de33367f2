"""Whether an object in the cluster is as wanted, and what must be taken away from it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from peavine.errors import ManifestError
from peavine_operator import kinds, names
from peavine_operator.acceptance import accept_pod
from peavine_operator.drift import ATOMIC, drift
from peavine_operator.kinds import Object
from peavine_operator.manifests.pod_resource import said
from peavine_operator.observed import trim

WHOLE = (kinds.CONFIG_MAP, kinds.POD)
"""What belongs to the operator as a whole: nobody may add to what a program is started from."""


def differences(wanted: Object, live: Object) -> list[str]:
    """Return every difference of a live object, what tells most first; `wanted` bears its owner and its hash."""
    metadata = wanted["metadata"]
    annotations = {key: value for key, value in metadata["annotations"].items() if key != names.RENDERED}
    compared = {**wanted, "metadata": {**metadata, "annotations": annotations}}
    exact = ATOMIC
    if kinds.of(wanted) == kinds.CONFIG_MAP:
        compared["data"] = names.data_digest(wanted)
    if kinds.of(wanted) == kinds.POD:
        live, exact = {**live, "spec": _said(wanted, live)}, ATOMIC | {"spec"}
    return drift(compared, trim(live), exact)


FIXED = ("serviceName", "podManagementPolicy", "volumeClaimTemplates")
"""Fields of a StatefulSet that never change, except for its selector, by which it finds its core Pods again."""


def must_be_made_anew(wanted: Object, live: Object | None) -> bool:
    """Tell whether a live StatefulSet differs in what cannot change."""
    if live is None or kinds.of(wanted) != kinds.STATEFUL_SET:
        return False
    fixed = {key: wanted["spec"][key] for key in FIXED if key in wanted["spec"]}
    same_pods = not drift(wanted["spec"]["selector"], live["spec"].get("selector"))
    return same_pods and bool(drift({"spec": fixed}, {"spec": live["spec"]}))


def _said(wanted: Object, live: Object) -> Any:
    """Return the spec of a live Pod resource without what is as it is by default, and without somebody's scaling."""
    try:
        spec = said(accept_pod(live))
    except ManifestError:
        spec = live.get("spec") or {}
    return {key: value for key, value in spec.items() if key != "replicas" or key in wanted["spec"]}


def without_more(wanted: Object, live: Mapping[str, Any]) -> Object:
    """Return a merge patch that makes the spec of `live` be the wanted one; replicas that nobody wants stay."""
    if kinds.of(wanted) != kinds.POD:
        return wanted
    kept = {key: value for key, value in (live.get("spec") or {}).items() if key != "replicas"}
    return {**wanted, "spec": _nulled(wanted["spec"], kept)}


def _nulled(wanted: Any, live: Any) -> Any:
    if not isinstance(wanted, Mapping) or not isinstance(live, Mapping):
        return wanted
    more = {key: None for key in live if key not in wanted}
    return {**more, **{key: _nulled(value, live.get(key)) for key, value in wanted.items()}}


def applies_replicas(live: Object) -> bool:
    """Tell whether the operator is among those who said the replicas of a live object last."""
    return any(
        entry.get("manager") == names.FIELD_MANAGER
        and entry.get("operation") == "Apply"
        and "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
        for entry in live["metadata"].get("managedFields") or ()
    )
