"""`peavine check FILE`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from peavine import flow, spec
from peavine.errors import ManifestError, PeavineError, Problem


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print {ok, problems: [{path, message}], pods}.")
def check(file: Path, as_json: bool) -> int:
    """Check a Flow manifest, the files it names and its Executors; every problem is told. Exit code 2 if there is one.

    An Executor's own Python files are imported; no model is loaded. Those that come with an image are not looked at.
    """
    try:
        found, notes = flow.read(file)
        sources = flow.sources(file)
        problems = [
            problem for i, pod in enumerate(found.spec.pods) for problem in _problems(pod, f"spec.pods[{i}]", sources)
        ]
        if problems:
            raise ManifestError(problems, str(file))
    except ManifestError as error:
        if not as_json:
            raise
        told = [{"path": problem.path, "message": problem.message} for problem in error.problems]
        click.echo(json.dumps({"ok": False, "problems": told, "pods": []}))
        return 2
    names = [pod.name for pod in found.spec.pods]
    if as_json:
        click.echo(json.dumps({"ok": True, "problems": [], "pods": names}))
        return 0
    for note in notes:
        click.echo(note, err=True)
    click.echo(f"{file}: Flow {found.metadata.name} is right: {', '.join(names)}. Next: peavine run -f {file}")
    return 0


def _problems(pod: spec.FlowPod, path: str, sources: Sequence[Path]) -> Iterator[Problem]:
    """Yield what is wrong with the Executors of a Pod and their Drivers."""
    from peavine.drivers import Runner
    from peavine.executors import make

    if pod.pod_ref or pod.image or pod.files_from or pod.env_from or any(variable.value_from for variable in pod.env):
        return  # what it runs, or what its YAML looks up, is not here
    env = {**os.environ, **{variable.name: variable.value or "" for variable in pod.env}}
    for field, uses in (("uses", pod.uses), ("usesBefore", pod.uses_before), ("usesAfter", pod.uses_after)):
        if uses is None or uses.startswith("docker://"):
            continue
        try:
            over = pod.uses_with if field == "uses" else {}
            Runner(make(uses, files=pod.files, sources=sources, uses_with=over, env=env))
        except ManifestError as error:
            for problem in error.problems:
                first, rest = problem.path.partition(".")[0], problem.path
                if first.partition("[")[0] == "uses":
                    rest = field + rest.removeprefix("uses")
                elif first != "usesWith":
                    rest = f"{field}.{rest}" if rest else field
                yield Problem(f"{path}.{rest}", problem.message)
        except PeavineError as error:
            yield Problem(f"{path}.{field}", str(error))
