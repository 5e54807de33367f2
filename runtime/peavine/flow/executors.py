"""Complete the Executors of a Pod: the files that they name go into the manifest, and YAML becomes an object."""

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
    """The value in the manifest, or the text of the file that it names."""
    node: Any
    """The data of its YAML; None where it is only a name."""
    folder: Path
    """Where its files are."""


def complete_pod(
    pod: Mapping[str, Any], folder: Path, path: str, problems: list[Problem]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a Pod twice: with the text of files in place of their names, and also with Executors as objects.

    What is wrong with the files is added to `problems`. An Executor that cannot be written as an object stays text.
    """
    given = pod.get("files") or {}
    if not isinstance(given, Mapping):
        return dict(pod), dict(pod)  # The schema refuses it.
    files = dict(given)
    written, complete = dict(pod), dict(pod)
    for place in PLACES:
        value, where = _at(pod, place), ".".join((path, *place))
        if value is None or (place == ("executor",) and isinstance(value, str)):
            continue  # The schema refuses text as an object; only `uses` names files.
        if place == ("uses",) and isinstance(value, str) and value.strip() in given:
            continue
        found = _found(value, folder, where, problems)
        _put(written, place, found.written)
        for key, name in _named(found.node):
            _take(name, given, files, found.folder, f"{where}.metas.{key}", problems)
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
    """Return the name of the YAML file that `uses` names, or an empty text where it names none."""
    parsed = parse_uses(uses)
    return parsed.name if isinstance(parsed, File) and parsed.name.endswith((".yml", ".yaml")) else ""


def _found(value: Any, folder: Path, where: str, problems: list[Problem]) -> _Found:
    if not isinstance(value, str):
        return _Found(value, value, folder)
    name = file_name(value)
    text = _text(folder, name, where, problems) if name else value
    own_folder = (folder / name).parent if name else folder
    if text is None:
        return _Found("_pass", None, own_folder)
    if not name and not isinstance(parse_uses(value), Text):
        return _Found(value, None, own_folder)
    try:
        return _Found(text, yaml.load(text), own_folder)
    except ManifestError as error:
        inside = f"{name}: " if name else ""
        for problem in error.problems:
            place = f"{where}.{problem.path}" if problem.path else where
            problems.append(Problem(place, f"{inside}{problem.message}"))
        return _Found("_pass", None, own_folder)


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
    """Return whether other arguments can replace some of these: all have names, and none refers to another."""
    return not {"args", "kwargs"} & set(arguments) and "$" not in str(arguments)


def _of_head(found: _Found, value: Any, where: str, problems: list[Problem]) -> Any:
    if not isinstance(value, str):
        return _object(found.node) or value
    parsed = parse_uses(value)
    if isinstance(parsed, BuiltIn | ClassName):
        return {"class": parsed.name}
    made = _object(found.node)
    if made is None and found.node is not None:
        problems.append(Problem(where, "has YAML tags or values that an object cannot hold; write it with `class`"))
    elif made is None and not file_name(value) and not isinstance(parsed, Text):
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
    name: str, given: Mapping[str, Any], files: dict[str, Any], folder: Path, where: str, problems: list[Problem]
) -> None:
    """Add a file that an Executor's YAML names to `files`, unless the manifest brings it (`given`)."""
    if name in given:
        return
    if "/" in name:
        problems.append(Problem(where, f'"{name}": put it in the folder of the YAML, and name it without one'))
        return
    text = _text(folder, name, where, problems)
    if text is not None and files.setdefault(name, text) != text:
        problems.append(Problem(where, f'two different files are named "{name}"; rename one'))


def _text(folder: Path, name: str, path: str, problems: list[Problem]) -> str | None:
    """Return a file's text, or None and a problem. Only files in `folder`, or below it, are read."""
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
