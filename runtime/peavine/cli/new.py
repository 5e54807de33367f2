"""`peavine new executor NAME`."""

from __future__ import annotations

import keyword
import re
import sys
from pathlib import Path
from string import Template

import click

from peavine.cli import Group
from peavine.errors import InvalidRequest
from peavine.version import __version__

TEMPLATES = Path(__file__).with_name("executor_template")
"""The files of the folder, each with `.tmpl` after its name. In names and texts, $module, $class and $name stand in."""


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
