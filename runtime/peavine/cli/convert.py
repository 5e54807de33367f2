"""`peavine convert FILE`."""

from __future__ import annotations

from pathlib import Path

import click

from peavine import flow


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def convert(file: Path) -> None:
    """Print one manifest of a Flow and the YAML and Python files next to it.

    FILE is a Flow manifest, or a `!Flow` file of the old kind. Fields of an earlier peavine get their names of today,
    and Pods that do not say what they need follow each other in their order. The result needs no other file:
    `peavine convert flow.yml | kubectl apply -f -`. What an old file's argument has become is printed on stderr.
    """
    found, notes = flow.convert(file)
    for note in notes:
        click.echo(f"peavine: {note}", err=True)
    click.echo(flow.write(found), nl=False)
