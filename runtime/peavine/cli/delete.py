"""`peavine delete ID...`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from peavine.cli import change, inputs, options
from peavine.cli.reach import reach


@click.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@options.call_options
def delete(
    ids: tuple[str, ...], host: str, timeout: float | None, parameters: Mapping[str, Any], as_json: bool
) -> None:
    """Delete the Documents with these IDs, and their chunks. `-` reads IDs from standard input, one a line."""
    if ids == ("-",):
        lines = (line.rstrip("\r\n") for line in inputs.standard_input())
        wanted = [line for line in lines if line]
    else:
        wanted = list(ids)
    with reach(host) as client:
        summary = client.delete(wanted, **options.given(timeout=timeout, parameters=parameters))
    change.report(summary, host, as_json)
