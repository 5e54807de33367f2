"""`peavine new executor NAME`."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template

import click

import peavine

TEMPLATES = Path(__file__).parent / "templates"


@click.group()
def new() -> None:
    """Begin something new from a template."""


@new.command()
@click.argument("name")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Where; ./NAME if left out.")
def executor(name: str, folder: Path | None) -> int:
    """Make a folder with an Executor: its class, YAML, a Flow, a test, a Dockerfile, a README.

    NAME is small letters, digits and hyphens, such as `letter-encoder`.
    """
    if not re.fullmatch(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", name):
        raise click.UsageError(f'"{name}" is not small letters, digits and hyphens, 40 at the most')
    folder = folder or Path(name)
    if folder.exists() and any(folder.iterdir()):
        raise click.UsageError(f"{folder} is there already, and not empty; choose another --folder")
    module = name.replace("-", "_")
    class_name = "".join(word.capitalize() for word in name.split("-"))
    words = {"name": name, "module": module, "class_name": class_name, "version": peavine.__version__}
    names = {"module.py": f"{module}.py", "test.py": f"test_{module}.py"}
    folder.mkdir(parents=True, exist_ok=True)
    for template in sorted((TEMPLATES / "executor").glob("*.template")):
        made = folder / names.get(template.stem, template.stem)
        made.write_text(Template(template.read_text()).substitute(words))
        click.echo(f"wrote {made}")
    click.echo(f"Next: cd {folder}; pytest; peavine run -f flow.yaml")
    return 0
