"""Read a Flow from a file or text, with the files that its Pods name next to it taken into the manifest.

So what is read is complete: it can be sent to a cluster, or started in another folder.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peavine import spec, yaml
from peavine.errors import ManifestError, Problem
from peavine.flow import earlier, legacy
from peavine.flow.executors import complete_pod, file_name
from peavine.yaml import Tagged


@dataclass(frozen=True)
class Reading:
    """A Flow as it was read, with the problems that were found; nothing has been raised yet."""

    source: str
    """The file's name, for messages."""
    written: Any = None
    """The plain data as it was written, with the text of the files that it names in place of their names."""
    flow: spec.Flow | None = None
    """The manifest, with Executors as objects; None where it is not valid."""
    problems: tuple[Problem, ...] = ()
    """Everything that is wrong with the manifest and the files that it names; Executors are not checked yet."""
    notes: tuple[str, ...] = ()
    """What the conversion of an old Flow file (`!Flow`) changed."""
    sources: tuple[Path, ...] = ()
    """The folders that the files come from."""

    def manifest(self, more: tuple[Problem, ...] = ()) -> spec.Flow:
        """Return the manifest. Raises ManifestError with every problem, those of `more` included."""
        problems = sorted({*self.problems, *more})
        if problems or self.flow is None:
            raise ManifestError(problems, self.source)
        return self.flow


def read(path: str | Path) -> tuple[spec.Flow, list[str]]:
    """Return the Flow of a file, also of an old one (`!Flow`), and notes on what the conversion of that changed.

    Raises ManifestError with every problem.
    """
    reading = examine(path)
    return reading.manifest(), list(reading.notes)


def convert(path: str | Path) -> tuple[spec.Flow, list[str]]:
    """Return what `read` does, also of a file with fields of an earlier peavine, or with Pods linked by their order."""
    reading = examine(path, upgrade=earlier.upgraded)
    return reading.manifest(), list(reading.notes)


def read_text(text: str, folder: Path, source: str = "", name: str = "flow") -> tuple[spec.Flow, list[str]]:
    """Return the Flow of a manifest's text; files that it names are looked for in `folder`."""
    reading = examine_text(text, folder, source, name)
    return reading.manifest(), list(reading.notes)


def examine(path: str | Path, upgrade: Callable[[Any], Any] | None = None) -> Reading:
    """Read a file, whatever is wrong with it; `upgrade` is applied to the plain data first."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            content = file.read(yaml.MAX_BYTES + 1)  # more is refused, and a device may go on for ever
        text = content.decode("utf-8")
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 text: {error.reason} at byte {error.start}"
    except ValueError as error:
        problem = f"is not the name of a file: {error}"
    else:
        return examine_text(text, path.parent, str(path), path.stem, upgrade)
    return Reading(str(path), problems=(Problem("", problem),))


def examine_text(
    text: str, folder: Path, source: str = "", name: str = "flow", upgrade: Callable[[Any], Any] | None = None
) -> Reading:
    """Read a manifest's text, whatever is wrong with it; `upgrade` is applied to the plain data first."""
    notes: list[str] = []
    try:
        document = written = yaml.load(text)
        if isinstance(document, Tagged):
            if document.tag.lstrip("!") != "Flow":
                raise ManifestError(f"begins with {document.tag}, and a Flow is wanted")
            converted = legacy.convert(yaml.substitute(document.value, _variables(document.value)), name)
            document, notes = converted.manifest, converted.notes
    except ManifestError as error:
        return Reading(source, problems=error.problems)
    document = document if upgrade is None else upgrade(document)
    return examine_data(document, folder, source, tuple(notes), named(written, folder))


def examine_data(
    manifest: Any, folder: Path, source: str = "", notes: tuple[str, ...] = (), sources: tuple[Path, ...] = ()
) -> Reading:
    """Read plain data, with the YAML and Python files that it names taken into it."""
    problems: list[Problem] = []
    written, complete = _complete(manifest, folder, problems)
    flow = None
    try:
        flow = spec.parse(complete, source)
    except ManifestError as error:
        problems += error.problems
    return Reading(source, written, flow, tuple(problems), notes, sources)


def named(plain: Any, folder: Path) -> tuple[Path, ...]:
    """Return `folder`, and the folders of the YAML files that the plain data of a Flow names, also of an old one."""
    return tuple(dict.fromkeys((folder, *((folder / name).parent for name in _uses(plain)))))


def _uses(node: Any) -> Iterator[str]:
    """Yield the names of the YAML files that name an Executor, at any place."""
    if isinstance(node, Tagged):
        yield from _uses(node.value)
    elif isinstance(node, Mapping):
        for key, value in node.items():
            if isinstance(value, str):
                if str(key).startswith(("uses", "before", "after")) and (name := file_name(value)):
                    yield name
            else:
                yield from _uses(value)
    elif isinstance(node, list):
        for value in node:
            yield from _uses(value)


def write(flow: spec.Flow) -> str:
    """Return a manifest as YAML text; `read_text` of it gives an equal one. What a Pod is comes first."""
    plain = flow.manifest()
    first = ("name", "needs", "uses", "executor")
    for i, pod in enumerate(plain["spec"]["pods"]):
        leading = {field: pod[field] for field in first if field in pod}
        plain["spec"]["pods"][i] = {**leading, **pod}
    return yaml.dump(plain)


def _complete(manifest: Any, folder: Path, problems: list[Problem]) -> tuple[Any, Any]:
    """Return the manifest as it was written and with Executors as objects, both with the files that it names."""
    body = manifest.get("spec") if isinstance(manifest, Mapping) else None
    pods = body.get("pods") if isinstance(body, Mapping) else None
    if not isinstance(body, Mapping) or not isinstance(pods, list):
        return manifest, manifest  # The schema refuses it.
    both = [
        complete_pod(pod, folder, f"spec.pods[{i}]", problems) if isinstance(pod, Mapping) else (pod, pod)
        for i, pod in enumerate(pods)
    ]
    written, complete = ({**manifest, "spec": {**body, "pods": [pair[i] for pair in both]}} for i in (0, 1))
    return written, complete


def _variables(document: Any) -> dict[str, str]:
    """Return the environment that an old Flow file sees: this process's, and its own `env:`."""
    own = document.get("env") if isinstance(document, Mapping) else None
    return {
        **os.environ,
        **{str(name): str(value) for name, value in (own if isinstance(own, Mapping) else {}).items()},
    }
