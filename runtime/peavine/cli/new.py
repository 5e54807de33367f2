"""`peavine new executor NAME`, `peavine new flow NAME`."""

from __future__ import annotations

import keyword
import re
import sys
from pathlib import Path
from string import Template

import click

from peavine.cli import Group
from peavine.errors import InvalidRequest
from peavine.spec import parse
from peavine.version import __version__
from peavine.yaml import load

TEMPLATES = Path(__file__).with_name("executor_template")
"""An Executor's files, with `.tmpl` after their names. $module, $class and $name in names and texts are replaced."""
FLOWS = Path(__file__).with_name("flow_template")
"""Manifests of Flows, by what they search; $name in them is replaced."""
FIRST = {
    "text": ("peavine index FOLDER", 'peavine search "red shoes"'),
    "chunks": ("peavine index FOLDER", 'peavine search "how do I start again"'),
    "images": ("peavine index FOLDER --pixels 32x32", "peavine search --file one.jpg --pixels 32x32"),
}
"""The commands that index and search in such a Flow."""


@click.group(cls=Group)
def new() -> None:
    """Create something new from a template."""


@new.command()
@click.argument("name")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Where it goes; ./NAME if left out.")
def executor(name: str, folder: Path | None) -> None:
    """Make a folder with an Executor NAME: its class, its YAML, a Flow that runs it, a test, a Dockerfile, a README.

    NAME is small letters, digits and hyphens, as Kubernetes and images want it: `letter-counter`.
    """
    into = folder or Path(name)
    if into.exists() and any(into.iterdir()):
        raise InvalidRequest(f"{into} exists and is not empty; choose another NAME or --folder")
    files = render(name)
    into.mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        (into / file).write_text(text, encoding="utf-8")
    click.echo(f"Made {into}: {', '.join(sorted(files))}")
    click.echo(f"Next: cd {into}; pip install pytest; python -m pytest; peavine run flow.yaml")
    click.echo(f"Then make it yours: the class is in {_module(name)}.py")


@new.command()
@click.argument("name")
@click.option(
    "--of",
    "content",
    type=click.Choice(sorted(FIRST)),
    default="text",
    show_default=True,
    help="What is searched: whole texts; chunks, the sentences of pages; or images.",
)
@click.option("--file", type=click.Path(dir_okay=False, path_type=Path), help="Where it goes; ./NAME.yaml if left out.")
def flow(name: str, content: str, file: Path | None) -> None:
    """Make the manifest of a Flow NAME that works as it is, to begin with.

    NAME is small letters, digits and hyphens, as Kubernetes wants it: `my-notes`.
    """
    into = file or Path(f"{name}.yaml")
    text = manifest(name, content)
    try:
        with into.open("x", encoding="utf-8") as made:
            made.write(text)
    except FileExistsError:
        raise InvalidRequest(f"{into} exists; choose another NAME or --file") from None
    index, search = FIRST[content]
    click.echo(f"Made {into}")
    click.echo(f"Next: peavine run {into} --data {name}-data")
    click.echo(f"Then, in another terminal: {index}; {search}")


def manifest(name: str, content: str) -> str:
    """Return the manifest of a new Flow. Raises PeavineError for a name that a Flow cannot have."""
    if not re.fullmatch("[-a-z0-9]+", name):
        raise InvalidRequest(f'"{name}" cannot name a Flow: it has small letters, digits and hyphens')
    text = Template((FLOWS / f"{content}.yaml.tmpl").read_text("utf-8")).substitute(name=name)
    parse(load(text))
    return text


def render(name: str) -> dict[str, str]:
    """Return the files of a new Executor by name. Raises InvalidRequest for a name that cannot be one."""
    module = _module(name)
    if not re.fullmatch(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?", name) or keyword.iskeyword(module):
        raise InvalidRequest(
            f'"{name}" cannot name an Executor: a letter, then small letters, digits and hyphens, 40 characters at most'
        )
    if module in sys.stdlib_module_names or module in ("numpy", "peavine"):
        raise InvalidRequest(f'"{name}" would hide the Python module {module}; choose another name')
    words = {
        "name": name,
        "module": module,
        "class": "".join(part.capitalize() for part in name.split("-")),
        "version": __version__,
    }
    return {
        Template(path.name.removesuffix(".tmpl")).substitute(words): Template(path.read_text("utf-8")).substitute(words)
        for path in sorted(TEMPLATES.glob("*.tmpl"))
    }


def _module(name: str) -> str:
    return name.replace("-", "_")
