"""Whether the shards of a Pod still have their data: what their stores report, against what the status remembers.

Pure. A store has an id, drawn when it was created, and remembers who wrote to it and from which commit on. So an empty
or foreign volume is told by its id, and an older one, such as a restored snapshot, by its history: what the status
remembers is not in it (docs/decisions/0018).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from peavine_operator import names, reasons
from peavine_operator.kinds import Body
from peavine_operator.symptoms import Finding

REMEMBERED_WRITERS = 100
"""As many writers as a store remembers: peavine.store.identity.REMEMBERED_WRITERS, which is not imported here."""


@dataclass
class Outcome:
    """What the status is to remember, and what is wrong."""

    stores: list[dict[str, Any]] = field(default_factory=list)
    failing: list[Finding] = field(default_factory=list)
    unchecked: Finding | None = None
    """A Pea that is ready could not be asked."""


def look(pod: str, remembered: Sequence[Body], reported: Mapping[int, Sequence[Body] | str], accepted: str) -> Outcome:
    """Compare what the ready shards report, by number, with what the status remembers of them.

    A text instead of a report says why a shard could not be asked. `accepted` is what the annotation ACCEPT_VOLUME of
    the Pod resource says.
    """
    outcome = Outcome()
    known = {(store["shard"], store["name"]): dict(store) for store in remembered}
    for shard, stores in sorted(reported.items()):
        if isinstance(stores, str):
            outcome.unchecked = outcome.unchecked or Finding(
                reasons.VOLUME_UNCHECKED,
                f"{pod}-{shard}: cannot be asked whether its volume is the right one: {stores}; "
                "let the operator reach the metrics port of Peas",
            )
            continue
        for store in stores:
            key = shard, store["name"]
            if not store.get("writers"):
                continue  # it cannot be read now, or is of an earlier format
            known[key], finding = _compare(f"{pod}-{shard}", pod, known.get(key), shard, store, accepted)
            outcome.failing += [finding] if finding else []
    outcome.stores = [known[key] for key in sorted(known)]
    return outcome


def _compare(
    where: str, pod: str, before: dict[str, Any] | None, shard: int, store: Body, accepted: str
) -> tuple[dict[str, Any], Finding | None]:
    """Return what to remember of a store, and what is wrong with it."""
    now = {field: store[field] for field in ("name", "id", "epoch", "counter")}
    now |= {"shard": shard, "writer": store["writers"][-1][0]}
    if before is None:
        return now, None
    if now["writer"] == before["writer"] and now["counter"] < before["counter"]:
        # A writer never counts back, and a volume that was restored gets another writer: so this answer is older than
        # the one that is remembered. Operators ask at different times.
        return before, None
    if before.get("accepted"):
        now["accepted"] = before["accepted"]
    replaced = before["id"] != store["id"]
    if not replaced and _continues(before, store):
        return now, None
    for token in accepted.split(","):
        if token.strip() != before.get("accepted") and token.strip() in (writer for writer, _ in store["writers"]):
            return {**now, "accepted": token.strip()}, None
    began = store["writers"][-1][1]
    if replaced:
        reason = reasons.VOLUME_REPLACED
        what = f"its volume is another one: it holds a store of {began} commits, and the one before had"
    else:
        reason = reasons.VOLUME_OLDER
        what = f"its volume is an older state of itself: it was opened at commit {began}, and the newest one known is"
    message = (
        f"{where}: {what} {before['counter']}. Put the right volume back, or accept this one: "
        f"kubectl annotate peapod {pod} {names.ACCEPT_VOLUME}={now['writer']} --overwrite"
    )
    return before, Finding(reason, message)


def _continues(before: Body, store: Body) -> bool:
    """Return whether a store has all that was known of it: its history has that writer, and that commit of it."""
    writers = store["writers"]
    ends = [began for _, began in writers[1:]] + [store["counter"]]
    for (writer, _), end in zip(writers, ends, strict=True):
        if writer == before["writer"]:
            return bool(end >= before["counter"])
    return len(writers) >= REMEMBERED_WRITERS and bool(writers[0][1] >= before["counter"])
