"""Several answers to one unit become one: at a Pod that joins branches. Pure.

Items are matched by their place. Bodies stand side by side, in the order of `needs`, for the Pod's Drivers to reduce.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from peavine.errors import InvalidRequest
from peavine.v1 import pea_pb2
from peavine.wire.report import filled, report_of, set_report
from peavine.wire.status import status_of
from peavine.wire.unit import answered, serialize

__all__ = ["fail", "join", "lesser", "union"]


def join(rests: Sequence[bytes], items: int) -> tuple[bytes, int]:
    """Return the unit that a joining Pod gets, and how many of its items bear an error.

    An item that failed in one branch has failed; the first branch that says so is believed. Raises ExecutorError where
    a branch did not answer as many items as there were.
    """
    units = [answered(rest, items) for rest in rests]
    joined = pea_pb2.Unit(kind=units[0].kind, routes=union(unit.routes for unit in units))
    failed = 0
    for branches in zip(*(unit.items for unit in units), strict=True):
        one = joined.items.add()
        one.header.CopyFrom(branches[0].header)
        del one.header.routes[:]
        one.header.routes.extend(union(item.header.routes for item in branches))
        broken = next((item for item in branches if item.header.HasField("status")), None)
        if broken is not None:
            one.header.status.CopyFrom(broken.header.status)
            failed += 1
            continue
        for item in branches:
            if item.header.HasField("coverage"):
                one.header.coverage.CopyFrom(lesser(one.header, item.header.coverage))
            one.bodies.extend(item.bodies)
        if any(item.header.HasField("report") for item in branches):
            try:
                set_report(one.header, filled(report_of(item.header) for item in branches))
            except InvalidRequest as error:
                one.header.status.CopyFrom(status_of(error))
                del one.bodies[:]
                failed += 1
    return serialize(joined), failed


def union(routes: Iterable[Iterable[pea_pb2.Route]]) -> list[pea_pb2.Route]:
    """Return all routes once, in the order of time: branches share what was before they parted."""
    distinct = {route.SerializeToString(deterministic=True): route for each in routes for route in each}
    return sorted(distinct.values(), key=lambda route: route.start)


def lesser(header: pea_pb2.Header, other: pea_pb2.Coverage) -> pea_pb2.Coverage:
    """Return the coverage that says less: an answer rests on no more data than its weakest part."""
    if not header.HasField("coverage"):
        return other
    mine = header.coverage
    return mine if mine.answered * other.total <= other.answered * mine.total else other


def fail(unit: pea_pb2.Unit, status: pea_pb2.Status) -> tuple[bytes, int]:
    """Give each item of a unit an error, its own where it had one, else this; return its bytes and their number."""
    for item in unit.items:
        if not item.header.HasField("status"):
            item.header.status.CopyFrom(status)
        del item.bodies[:]
    return serialize(unit), len(unit.items)
