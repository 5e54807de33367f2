"""The two forms of an Executor, `!Class {..}` in YAML text and `{class: Class, ..}` as an object, made of each other.

Pure. Everything after this sees `Tagged` nodes alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from peavine.errors import Problem, did_you_mean
from peavine.executors.loading.requests import KIND_OF
from peavine.yaml import Plain, Tagged

KEYS = ("with", "metas", "requests", "components")
"""What stands in an Executor besides its class."""

_WHOLE_REFERENCE = re.compile(r"\$(\{.*\}|[A-Za-z_]\w*)", re.ASCII | re.DOTALL)
_INTO_REQUESTS = re.compile(r"\broot\s*\.\s*requests\b")
_LARGEST = 2**63


def from_object(said: Any, path: str) -> tuple[Any, list[Problem]]:
    """Return an Executor with every object that has a `class` in the place of an Executor or a Driver as a `Tagged`.

    What is neither form is left as it is: the checks that follow refuse it.
    """
    problems: list[Problem] = []
    return _executor(said, path, problems), problems


def to_object(node: Any) -> dict[str, Any] | None:
    """Return the object that says the same as a node, None where no object can.

    An object is JSON, in which there are no tags on values, no keys but texts, and no difference between `size: $SIZE`
    and `size: "$SIZE"`; and tools that apply objects take null for a field that is to be removed.
    """
    try:
        return _said(node)
    except _CannotBeSaid:
        return None


def unquoted(data: Any) -> Any:
    """Return JSON with its texts as YAML has them without quotes, so that a reference in them can become a number."""
    match data:
        case str():
            return Plain(data) if "$" in data else data
        case Mapping():
            return {key: unquoted(value) for key, value in data.items()}
        case list():
            return [unquoted(value) for value in data]
        case Tagged(tag, value):
            return Tagged(tag, unquoted(value))
        case _:
            return data


def _executor(said: Any, path: str, problems: list[Problem]) -> Any:
    if isinstance(said, Tagged):
        value = said.value
        return Tagged(said.tag, _with_components(value, path, problems) if isinstance(value, Mapping) else value)
    if not isinstance(said, Mapping) or not isinstance(said.get("class"), str):
        return said
    parts = _with_components(said, path, problems)
    requests = parts.get("requests")
    if isinstance(requests, Mapping):
        parts["requests"] = {"on": _requests(requests, f"{path}.requests", problems)}
    return Tagged(parts.pop("class"), parts)


def _with_components(said: Mapping[Any, Any], path: str, problems: list[Problem]) -> dict[Any, Any]:
    components = said.get("components")
    if not isinstance(components, list):
        return dict(said)
    made = [_executor(component, f"{path}.components[{i}]", problems) for i, component in enumerate(components)]
    return {**said, "components": made}


def _requests(said: Mapping[Any, Any], path: str, problems: list[Problem]) -> dict[Any, Any]:
    """Return the Drivers by kind. There is no `on` above the kinds: many YAML parsers read that key as a boolean."""
    if "on" in said:
        problems.append(Problem(f"{path}.on", "leave out `on` here, and put the kinds of request under `requests`"))
    return {
        kind: [_driver(driver, f"{path}.{kind}[{i}]", problems) for i, driver in enumerate(drivers)]
        if isinstance(drivers, list)
        else drivers
        for kind, drivers in said.items()
        if kind != "on"
    }


def _driver(said: Any, path: str, problems: list[Problem]) -> Any:
    if isinstance(said, str):
        return Tagged(str(said))
    if not isinstance(said, Mapping) or not isinstance(said.get("class"), str):
        return said
    for key in said:
        if key not in ("class", "with"):
            hint = did_you_mean(str(key), ("class", "with")) or "; arguments of a Driver go under `with`"
            problems.append(Problem(f"{path}.{key}", f"unknown key{hint}"))
    return Tagged(said["class"], {"with": said["with"]} if said.get("with") else None)


class _CannotBeSaid(Exception):
    """There is no object that says the same."""


def _said(node: Any) -> dict[str, Any]:
    if not isinstance(node, Tagged):
        raise _CannotBeSaid
    said: dict[str, Any] = {"class": _name(node.tag)}
    value = {} if node.value in (None, "") else node.value
    if not isinstance(value, dict):
        raise _CannotBeSaid
    for key, part in value.items():
        if part is None:
            continue
        match key:
            case "with" | "metas" if isinstance(part, dict):
                said[key] = _data(part)
            case "components" if isinstance(part, list):
                said[key] = [_said(component) for component in part]
            case "requests" if isinstance(part, dict) and set(part) == {"on"} and isinstance(part["on"], dict):
                said[key] = _on(part["on"])
            case _:
                raise _CannotBeSaid
    return said


def _on(said: dict[Any, Any]) -> dict[str, Any]:
    """Return the Drivers with a key for each kind; several keys may name it, and their order is kept."""
    found: dict[str, Any] = {}
    for key, drivers in said.items():
        for kind in key if isinstance(key, tuple) else (key,):
            if kind not in KIND_OF or not isinstance(drivers, list | None):
                raise _CannotBeSaid
            found.setdefault(KIND_OF[kind], []).extend(_said_driver(driver) for driver in drivers or ())
    return found


def _said_driver(node: Any) -> Any:
    if not isinstance(node, Tagged):
        raise _CannotBeSaid
    arguments = node.value
    if isinstance(arguments, dict) and set(arguments) == {"with"}:
        arguments = arguments["with"]
    if arguments in (None, "", {}):
        return _name(node.tag)
    if not isinstance(arguments, dict):
        raise _CannotBeSaid
    return {"class": _name(node.tag), "with": _data(arguments)}


def _name(tag: str) -> str:
    if not (tag.isascii() and tag.isidentifier()):
        raise _CannotBeSaid
    return tag


def _data(value: Any) -> Any:
    match value:
        case Plain():
            said: Any = str(value)
        case str() if _WHOLE_REFERENCE.fullmatch(value):
            raise _CannotBeSaid
        case bool() | str():
            said = value
        case int() if -_LARGEST <= value < _LARGEST:
            said = value
        case float() if math.isfinite(value):
            said = value
        case list():
            return [_data(item) for item in value]
        case dict() if all(isinstance(key, str) for key in value):
            return {key: _data(item) for key, item in value.items()}
        case _:
            raise _CannotBeSaid
    if isinstance(said, str) and _INTO_REQUESTS.search(said):
        raise _CannotBeSaid  # Drivers stand at other places in an object
    return said
