"""Reports: what an answer says besides Documents, such as counts, statistics, facets and explanations. Pure.

A report is plain data. Each step of a plan adds to it what the steps before it have not reported. The reports of shards
are added up, without what earlier steps reported, which every shard would repeat.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from peavine.errors import InvalidRequest
from peavine.v1 import pea_pb2
from peavine.wire.status import status_of
from peavine.wire.tags import read_plain, write_struct

__all__ = ["MAX_REPORT_BYTES", "added", "filled", "put_back", "report_of", "set_report", "taken_out"]

MAX_REPORT_BYTES: Final = 49152
"""Size of a report on the wire. With it a header still fits into what a Pea takes."""

Report = Mapping[str, Any]


def report_of(header: pea_pb2.Header) -> dict[str, Any]:
    """Return the report in a header, with whole numbers as int; empty where there is none."""
    return read_plain(header.report) if header.HasField("report") else {}


def set_report(header: pea_pb2.Header, report: Report) -> None:
    """Write a report into a header. Raises InvalidRequest where it is too large or not plain data."""
    header.ClearField("report")
    if not report:
        return
    try:
        write_struct(report, header.report)
    except InvalidRequest as problem:
        raise InvalidRequest(f"report{problem}") from None
    size = header.report.ByteSize()
    if size > MAX_REPORT_BYTES:
        header.ClearField("report")
        raise InvalidRequest(
            f"the report of the answer has {size} bytes (the limit is {MAX_REPORT_BYTES}); ask for fewer or smaller "
            "counts, facets or explanations in one request"
        )


def added(reports: Iterable[Report]) -> dict[str, Any]:
    """Return the report of all shards, given theirs in order.

    Numbers add, objects merge key by key, lists join, and of anything else the first value stands.
    """
    total: dict[str, Any] = {}
    for report in reports:
        for name, value in report.items():
            total[name] = _sum(total[name], value) if name in total else value
    return total


def _sum(first: Any, second: Any) -> Any:
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return added([first, second])
    if isinstance(first, list) and isinstance(second, list):
        return first + second
    if all(isinstance(each, int | float) and not isinstance(each, bool) for each in (first, second)):
        return first + second
    return first


def filled(reports: Iterable[Report]) -> dict[str, Any]:
    """Return the report of several steps or branches: the first value of a name stands, objects merge key by key."""
    total: dict[str, Any] = {}
    for report in reports:
        for name, value in report.items():
            if name not in total:
                total[name] = value
            elif isinstance(total[name], Mapping) and isinstance(value, Mapping):
                total[name] = filled([total[name], value])
    return total


def taken_out(unit: pea_pb2.Unit) -> list[dict[str, Any]]:
    """Remove the reports from a unit that goes to several shards, and return them, one for each item."""
    reports = []
    for item in unit.items:
        reports.append(report_of(item.header))
        item.header.ClearField("report")
    return reports


def put_back(unit: pea_pb2.Unit, reports: Sequence[Report]) -> int:
    """Put the reports that were taken out before those of the shards, and return how many items have failed by that."""
    failed = 0
    for item, earlier in zip(unit.items, reports, strict=True):
        if earlier and not item.header.HasField("status"):
            try:
                set_report(item.header, filled([earlier, report_of(item.header)]))
            except InvalidRequest as error:
                item.header.status.CopyFrom(status_of(error))
                del item.bodies[:]
                failed += 1
    return failed
