"""`peavine check FILE`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from peavine import flow
from peavine.errors import ManifestError


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print {ok, problems: [{path, message}], pods}.")
def check(file: Path, as_json: bool) -> int:
    """Check a Flow manifest, its files and its Executors, and report every problem. Exit code 2 if there is one.

    An Executor's own Python files are imported; no model is loaded. Executors that come with an image are not checked.
    """
    reading = flow.examine(file)
    try:
        found = flow.checked(reading)
    except ManifestError as error:
        if not as_json:
            raise
        problems = [{"path": problem.path, "message": problem.message} for problem in error.problems]
        click.echo(json.dumps({"ok": False, "problems": problems, "pods": []}))
        return 2
    names = [pod.name for pod in found.spec.pods]
    if as_json:
        click.echo(json.dumps({"ok": True, "problems": [], "pods": names}))
        return 0
    for note in reading.notes:
        click.echo(note, err=True)
    click.echo(f"{file}: Flow {found.metadata.name} is valid: {', '.join(names)}. Next: peavine run -f {file}")
    return 0
