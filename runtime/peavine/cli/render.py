"""`peavine render -f FILE`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import yaml

from peavine import flow
from peavine.spec import API_VERSION
from peavine.version import __version__


class _Plain(yaml.SafeDumper):
    """Writes everything out: an alias would save lines and cost readers."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Plain.add_representer(str, _text)


@click.command()
@click.option("--file", "-f", required=True, type=click.Path(dir_okay=False, path_type=Path), help="A Flow manifest.")
@click.option("--namespace", "-n", help="The namespace; the manifest's, or default, when left out.")
@click.option("--image", default=f"peavine/runtime:{__version__}", show_default=True, help="The runtime image.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array, for programs.")
def render(file: Path, namespace: str | None, image: str, as_json: bool) -> None:
    """Print the Kubernetes objects that a Flow leads to, without a cluster: for reading, for reviews and for GitOps.

    They are what the operator applies, but for the owners that it adds. Rendering twice gives equal bytes.
    """
    from peavine_operator.acceptance import accept_flow
    from peavine_operator.render import Target, everything

    reading = flow.examine(file)
    found = accept_flow({"apiVersion": API_VERSION, "kind": "Flow", **flow.checked(reading).manifest()})
    for note in reading.notes:
        click.echo(f"peavine: {note}", err=True)
    target = Target(namespace or found.metadata.namespace or "default", image)
    objects = everything(found, target)
    if as_json:
        click.echo(json.dumps(objects, indent=1))
    else:
        click.echo(yaml.dump_all(objects, Dumper=_Plain, sort_keys=False, width=118, allow_unicode=True), nl=False)
