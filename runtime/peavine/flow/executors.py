"""The Executors of a Pod as its manifest says them, completed: files are taken in, and YAML becomes an object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peavine import yaml
from peavine.errors import ManifestError, Problem
from peavine.executors.loading.form import from_object, to_object
from peavine.spec.uses import BuiltIn, ClassName, File, Text, parse_uses
from peavine.yaml import Tagged

PLACES = (("executor",), ("uses",), ("head", "before"), ("head", "after"))
"""Where a Pod names an Executor."""


@dataclass(frozen=True)
class _Found:
    """An Executor of a Pod."""

    written: Any
    """What the manifest says, or the text of the file that it names."""
    node: Any
    """The data of its YAML; None where it is only a name."""
    folder: Path
    """Where its files are."""


def complete_pod(
    pod: Mapping[str, Any], folder: Path, path: str, problems: list[Problem]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a Pod as it was written, with the text of files in place of their names, and with Executors as objects.

    What is wrong with the files is added to `problems`. What no object can say stays text.
    """
    said = pod.get("files") or {}
    if not isinstance(said, Mapping):
        return dict(pod), dict(pod)  # The schema says what is wrong with it.
    files = dict(said)
    written, complete = dict(pod), dict(pod)
    for place in PLACES:
        value, where = _at(pod, place), ".".join((path, *place))
        if value is None or (place == ("executor",) and isinstance(value, str)):
            continue  # The schema refuses text as an object; only `uses` names files.
        if place == ("uses",) and isinstance(value, str) and value.strip() in said:
            continue
        found = _found(value, folder, where, problems)
        _put(written, place, found.written)
        for key, name in _named(found.node):
            _take(name, said, files, found.folder, f"{where}.metas.{key}", problems)
        if place == ("uses",):
            _complete_uses(complete, found)
        elif place == ("executor",):
            _put(complete, place, _object(found.node) or value)
        else:
            _put(complete, place, _of_head(found, value, where, problems))
    if files:
        written["files"] = complete["files"] = files
    return written, complete


def file_name(uses: str) -> str:
    """Return the name of the YAML file that `uses` names, nothing where it names none."""
    said = parse_uses(uses)
    return said.name if isinstance(said, File) and said.name.endswith((".yml", ".yaml")) else ""


def _found(value: Any, folder: Path, where: str, problems: list[Problem]) -> _Found:
    if not isinstance(value, str):
        return _Found(value, value, folder)
    name = file_name(value)
    text = _text(folder, name, where, problems) if name else value
    beside = (folder / name).parent if name else folder
    if text is None:
        return _Found("_pass", None, beside)
    if not name and not isinstance(parse_uses(value), Text):
        return _Found(value, None, beside)
    try:
        return _Found(text, yaml.load(text), beside)
    except ManifestError as error:
        inside = f"{name}: " if name else ""
        for problem in error.problems:
            place = f"{where}.{problem.path}" if problem.path else where
            problems.append(Problem(place, f"{inside}{problem.message}"))
        return _Found("_pass", None, beside)


def _complete_uses(pod: dict[str, Any], found: _Found) -> None:
    """Put an object in the place of YAML, and the arguments under `executor.with` into it."""
    executor = pod.get("executor")
    name = parse_uses(found.written) if found.node is None and isinstance(found.written, str) else None
    made: dict[str, Any] | None = _object(found.node)
    if isinstance(name, BuiltIn | ClassName) and executor:
        made = {"class": name.name}
    over = executor.get("with") if isinstance(executor, Mapping) and set(executor) == {"with"} else None
    if made is not None and (executor is None or (isinstance(over, Mapping) and _mergeable(made.get("with", {})))):
        pod["executor"] = made if over is None else {**made, "with": {**made.get("with", {}), **over}}
        del pod["uses"]
    else:
        pod["uses"] = yaml.dump(found.node) if isinstance(found.written, Tagged) else found.written


def _mergeable(arguments: Mapping[str, Any]) -> bool:
    """Return whether others can go over these: they have names, and none refers to another."""
    return not {"args", "kwargs"} & set(arguments) and "$" not in str(arguments)


def _of_head(found: _Found, value: Any, where: str, problems: list[Problem]) -> Any:
    if not isinstance(value, str):
        return _object(found.node) or value
    said = parse_uses(value)
    if isinstance(said, BuiltIn | ClassName):
        return {"class": said.name}
    made = _object(found.node)
    if made is None and found.node is not None:
        problems.append(Problem(where, "has YAML tags or values that an object cannot have; write it with `class`"))
    elif made is None and not file_name(value) and not isinstance(said, Text):
        problems.append(Problem(where, f'"{value:.60}" is not a built-in name, a class name or a YAML file'))
    return made or {"class": "_pass"}


def _object(node: Any) -> dict[str, Any] | None:
    made, problems = from_object(node, "")
    return None if problems else to_object(made)


def _at(pod: Mapping[str, Any], place: tuple[str, ...]) -> Any:
    found: Any = pod
    for name in place:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _put(pod: dict[str, Any], place: tuple[str, ...], value: Any) -> None:
    if len(place) == 1:
        pod[place[0]] = value
    else:
        pod[place[0]] = {**pod[place[0]], place[1]: value}


def _take(
    name: str, said: Mapping[str, Any], files: dict[str, Any], folder: Path, where: str, problems: list[Problem]
) -> None:
    """Add a file that an Executor's YAML names to those of the manifest, unless it is there."""
    if name in said:
        return
    if "/" in name:
        problems.append(Problem(where, f'"{name}": put it in the folder of the YAML, and name it without one'))
        return
    text = _text(folder, name, where, problems)
    if text is not None and files.setdefault(name, text) != text:
        problems.append(Problem(where, f'two different files are named "{name}"; rename one'))


def _text(folder: Path, name: str, path: str, problems: list[Problem]) -> str | None:
    """Return a file's text, or say why there is none. Only files in `folder`, or below it, are read."""
    try:
        found = (folder / name).resolve()
        if found.is_relative_to(folder.resolve()):
            return found.read_text(encoding="utf-8")
        problems.append(Problem(path, f'"{name}" is outside the folder of the manifest; move it there'))
    except UnicodeDecodeError:
        problems.append(Problem(path, f'"{name}" is not UTF-8 text'))
    except OSError as error:
        problems.append(Problem(path, f'"{name}" cannot be read next to the manifest: {error.strerror}'))
    except ValueError:  # a name with a null character
        problems.append(Problem(path, f"{name!r} is not a file name"))
    return None


def _named(node: Any) -> Iterator[tuple[str, str]]:
    if isinstance(node, Tagged):
        yield from _named(node.value)
    elif isinstance(node, Mapping):
        metas = node.get("metas")
        for key in ("py_modules", "files"):
            listed = metas.get(key) if isinstance(metas, Mapping) else None
            listed = [listed] if isinstance(listed, str) else listed
            yield from ((key, name) for name in listed if isinstance(name, str)) if isinstance(listed, list) else ()
        components = node.get("components")
        for component in components if isinstance(components, list) else ():
            yield from _named(component)
