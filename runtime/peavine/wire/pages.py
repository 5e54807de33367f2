"""The answers of all shards to a read become one: Documents in the order of ids, cut to a page. Pure.

A shard that has more than its page says how far it came, its cursor. Behind the least of these cursors a Document of
that shard may be missing, so the page of all ends there.
"""

from __future__ import annotations

from collections.abc import Sequence

from peavine.v1 import pea_pb2
from peavine.wire.report import added, report_of, set_report
from peavine.wire.roots import together

__all__ = ["merge_read"]


def merge_read(merged: pea_pb2.Header, items: Sequence[pea_pb2.Envelope]) -> bytes:
    """Return one body for the answers of shards, and write the report of all into the header."""
    reports = [report_of(item.header) for item in items]
    report = added(reports)
    bodies = [body for item in items for body in item.bodies if body]
    found = together(bodies) if bodies else None
    if "cursor" not in report:
        set_report(merged, report)
        return found.chosen(range(len(found.names))) if found else b""
    names = found.names if found else ()
    end = min((cursor for each in reports if (cursor := each.get("cursor"))), default="")
    reached = sorted(
        (place for place, name in enumerate(names) if not end or name <= end), key=lambda place: names[place]
    )
    page = reached[: merged.top_k]
    set_report(merged, report | {"cursor": names[page[-1]] if len(page) < len(reached) else end})
    return found.chosen(page) if found else b""
