"""`peavine get ID...`."""

from __future__ import annotations

import click

from peavine.cli import options
from peavine.cli.documents import show
from peavine.cli.reach import reach


@click.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@options.read_options
def get(ids: tuple[str, ...], host: str, timeout: float | None, as_json: bool) -> int:
    """Print the stored Documents with these IDs. Exit code 1 if one of them is not there.

    With --json each Document is a line, without arrays.
    """
    with reach(host) as client:
        found = client.get(ids, **options.given(timeout=timeout))
    show(found, as_json)
    missing = sorted(set(ids) - {doc.id for doc in found})
    if missing:
        click.echo(f"peavine: not stored: {', '.join(missing)}", err=True)
    return 1 if missing else 0
