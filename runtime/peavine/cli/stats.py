"""`peavine stats`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import click

from peavine.cli import options
from peavine.cli.reach import reach


@click.command()
@options.read_options
def stats(host: str, timeout: float | None, as_json: bool) -> None:
    """Print what a Flow stores, in numbers: in all, for each shard, and the types of tags."""
    with reach(host) as client:
        found = client.stats(**options.given(timeout=timeout))
    if as_json:
        click.echo(json.dumps(found))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from peavine.documents.outline import printable

    console = Console()
    table = Table("Pod", "shard", *(title for title, _ in _NUMBERS), "dimension", "last write")
    for pod, numbers in found["pods"].items():
        for shard in numbers["shards"]:
            table.add_row(Text(pod), str(shard["shard"]), *_cells(shard), str(shard.get("dimension", "")), _time(shard))
    table.add_section()
    table.add_row("all", "", *_cells(found), "", _time(found))
    console.print(table)
    for pod, numbers in found["pods"].items():
        if numbers.get("tags"):
            table = Table("tag", "types", title=Text(f"Tags of {pod}, in {numbers['sampled']:,} Documents"))
            for name, counts in sorted(numbers["tags"].items()):
                types = ", ".join(f"{kind} ({count:,})" for kind, count in sorted(counts.items()))
                table.add_row(Text(printable(name)), types)
            console.print(table)


_NUMBERS = (("Documents", "documents"), ("chunks", "chunks"), ("vectors", "vectors"), ("bytes", "bytes"))


def _cells(numbers: dict[str, Any]) -> list[str]:
    return [f"{numbers[name]:,}" if name in numbers else "" for _, name in _NUMBERS]


def _time(numbers: dict[str, Any]) -> str:
    """Return when the newest write was issued, in UTC."""
    microseconds = numbers.get("last_write", 0)
    return f"{datetime.fromtimestamp(microseconds / 1e6, UTC):%Y-%m-%d %H:%M:%S}" if microseconds else ""
