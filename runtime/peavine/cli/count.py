"""`peavine count`."""

from __future__ import annotations

import json

import click

from peavine.cli import options
from peavine.cli.reach import reach


@click.command()
@options.read_options
def count(host: str, timeout: float | None, as_json: bool) -> None:
    """Print how many Documents a Flow stores, without their chunks."""
    with reach(host) as client:
        number = client.count(**options.given(timeout=timeout))
    click.echo(json.dumps({"count": number}) if as_json else str(number))
