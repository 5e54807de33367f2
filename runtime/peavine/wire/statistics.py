"""Statistics that shards exchange before they search, so that their scores are those of one shard. Pure.

A Driver that needs them has the parameter `statistics`. The shards are first asked for theirs, which they report as
whole numbers by name of the Executor. The sums go out with the search: then each shard scores as if it had all rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any, Final

from peavine.errors import ExecutorError
from peavine.v1 import pea_pb2
from peavine.wire.report import report_of
from peavine.wire.tags import write_struct

__all__ = ["ask", "asking", "give", "take_back"]

PARAMETER: Final = "statistics"
FIRST: Final = 2**31 - 1
"""A priority that wins over what the Executor's YAML says."""


def asking(accepts: Mapping[str, Set[str]] | None, kind: str) -> list[str]:
    """Return the classes of Drivers that need statistics for requests of this kind."""
    names = (name.rpartition(".") for name in (accepts or {}).get(kind, ()))
    return sorted(driver for driver, _, parameter in names if driver and parameter == PARAMETER)


def ask(unit: pea_pb2.Unit, drivers: Sequence[str]) -> None:
    """Make the unit one that asks for statistics instead of matches."""
    for item in unit.items:
        for driver in drivers:
            _add(item.header, driver, "ask")


def give(unit: pea_pb2.Unit, drivers: Sequence[str], answers: Sequence[pea_pb2.Unit]) -> None:
    """Add to each item what the shards answered to `ask`, added up. One that failed will fail again."""
    for item, answered in zip(unit.items, zip(*(each.items for each in answers), strict=True), strict=True):
        reports = [report_of(each.header).get(PARAMETER) for each in answered if not each.header.HasField("status")]
        found = [report for report in reports if isinstance(report, Mapping)]
        if found:
            total = {name: _sum([report.get(name, "") for report in found]) for name in found[0]}
            for driver in drivers:
                _add(item.header, driver, total)


def take_back(unit: pea_pb2.Unit, drivers: Sequence[str]) -> None:
    """Remove from each item what `ask` or `give` has added, so that it goes no further than this Pod."""
    for item in unit.items:
        kept = [query for query in item.header.queries if not (query.driver in drivers and query.priority == FIRST)]
        del item.header.queries[:]
        item.header.queries.extend(kept)


def _add(header: pea_pb2.Header, driver: str, value: Any) -> None:
    query = header.queries.add(driver=driver, priority=FIRST)
    write_struct({PARAMETER: value}, query.parameters)


def _sum(texts: Sequence[str]) -> str:
    """Add up numbers that shards wrote in the same order, with spaces between them and ; between queries."""
    try:
        shards = [[[int(number) for number in query.split()] for query in text.split(";")] for text in texts]
        sums = [[sum(column) for column in zip(*query, strict=True)] for query in zip(*shards, strict=True)]
    except ValueError:
        raise ExecutorError("the statistics of the shards do not fit together; give all shards one version") from None
    return ";".join(" ".join(map(str, query)) for query in sums)
