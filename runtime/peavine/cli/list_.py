"""`peavine list`."""

from __future__ import annotations

from itertools import islice

import click

from peavine.cli import options
from peavine.cli.documents import show
from peavine.cli.reach import reach


@click.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Documents to print.")
@click.option("--after", default="", metavar="ID", help="Begin behind this id.")
@options.read_options
def list_(limit: int, after: str, host: str, timeout: float | None, as_json: bool) -> None:
    """Print the first stored Documents in the order of their ids.

    With --json each Document is a line, without arrays.
    """
    with reach(host) as client:
        size = min(limit + 1, 100)
        found = list(islice(client.scroll(cursor=after, page_size=size, **options.given(timeout=timeout)), limit + 1))
    show(found[:limit], as_json)
    if len(found) > limit and not as_json:
        click.echo(f"There are more: peavine list --after {found[limit - 1].id}")
