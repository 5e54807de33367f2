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
"""What an Executor can have besides its class."""

_WHOLE_REFERENCE = re.compile(r"\$(\{.*\}|[A-Za-z_]\w*)", re.ASCII | re.DOTALL)
_INTO_REQUESTS = re.compile(r"\broot\s*\.\s*requests\b")
_LARGEST = 2**63


def from_object(data: Any, path: str) -> tuple[Any, list[Problem]]:
    """Return an Executor's configuration in which all objects for Executors and Drivers are `Tagged`, and the problems.

    What has neither form is left as it is: the checks that follow refuse it.
    """
    problems: list[Problem] = []
    return _executor(data, path, problems), problems


def to_object(node: Any) -> dict[str, Any] | None:
    """Return the object that means the same as a node; None where no object can.

    An object is JSON, in which there are no tags on values, no keys but texts, and no difference between `size: $SIZE`
    and `size: "$SIZE"`; and tools that apply objects take null for a field that is to be removed.
    """
    try:
        return _object(node)
    except _NoObject:
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


def _executor(data: Any, path: str, problems: list[Problem]) -> Any:
    if isinstance(data, Tagged):
        value = data.value
        return Tagged(data.tag, _with_components(value, path, problems) if isinstance(value, Mapping) else value)
    if not isinstance(data, Mapping) or not isinstance(data.get("class"), str):
        return data
    parts = _with_components(data, path, problems)
    requests = parts.get("requests")
    if isinstance(requests, Mapping):
        parts["requests"] = {"on": _requests(requests, f"{path}.requests", problems)}
    return Tagged(parts.pop("class"), parts)


def _with_components(data: Mapping[Any, Any], path: str, problems: list[Problem]) -> dict[Any, Any]:
    components = data.get("components")
    if not isinstance(components, list):
        return dict(data)
    made = [_executor(component, f"{path}.components[{i}]", problems) for i, component in enumerate(components)]
    return {**data, "components": made}


def _requests(data: Mapping[Any, Any], path: str, problems: list[Problem]) -> dict[Any, Any]:
    """Return the Drivers by kind. There is no `on` above the kinds: many YAML parsers read that key as a boolean."""
    if "on" in data:
        problems.append(Problem(f"{path}.on", "leave out `on` here, and put the kinds of request under `requests`"))
    return {
        kind: [_driver(driver, f"{path}.{kind}[{i}]", problems) for i, driver in enumerate(drivers)]
        if isinstance(drivers, list)
        else drivers
        for kind, drivers in data.items()
        if kind != "on"
    }


def _driver(data: Any, path: str, problems: list[Problem]) -> Any:
    if isinstance(data, str):
        return Tagged(str(data))
    if not isinstance(data, Mapping) or not isinstance(data.get("class"), str):
        return data
    for key in data:
        if key not in ("class", "with"):
            hint = did_you_mean(str(key), ("class", "with")) or "; arguments of a Driver go under `with`"
            problems.append(Problem(f"{path}.{key}", f"unknown key{hint}"))
    return Tagged(data["class"], {"with": data["with"]} if data.get("with") else None)


class _NoObject(Exception):
    """YAML that cannot be written as an object."""


def _object(node: Any) -> dict[str, Any]:
    if not isinstance(node, Tagged):
        raise _NoObject
    made: dict[str, Any] = {"class": _name(node.tag)}
    value = {} if node.value in (None, "") else node.value
    if not isinstance(value, dict):
        raise _NoObject
    for key, part in value.items():
        if part is None:
            continue
        match key:
            case "with" | "metas" if isinstance(part, dict):
                made[key] = _data(part)
            case "components" if isinstance(part, list):
                made[key] = [_object(component) for component in part]
            case "requests" if isinstance(part, dict) and set(part) == {"on"} and isinstance(part["on"], dict):
                made[key] = _on(part["on"])
            case _:
                raise _NoObject
    return made


def _on(requests: dict[Any, Any]) -> dict[str, Any]:
    """Return the Drivers by kind, in their order; several keys may name the same kind."""
    made: dict[str, Any] = {}
    for key, drivers in requests.items():
        for kind in key if isinstance(key, tuple) else (key,):
            if kind not in KIND_OF or not isinstance(drivers, list | None):
                raise _NoObject
            made.setdefault(KIND_OF[kind], []).extend(_driver_object(driver) for driver in drivers or ())
    return made


def _driver_object(node: Any) -> Any:
    if not isinstance(node, Tagged):
        raise _NoObject
    arguments = node.value
    if isinstance(arguments, dict) and set(arguments) == {"with"}:
        arguments = arguments["with"]
    if arguments in (None, "", {}):
        return _name(node.tag)
    if not isinstance(arguments, dict):
        raise _NoObject
    return {"class": _name(node.tag), "with": _data(arguments)}


def _name(tag: str) -> str:
    if not (tag.isascii() and tag.isidentifier()):
        raise _NoObject
    return tag


def _data(value: Any) -> Any:
    match value:
        case str():
            if _WHOLE_REFERENCE.fullmatch(value) and not isinstance(value, Plain):
                raise _NoObject
            if _INTO_REQUESTS.search(value):  # Drivers are at other places in an object
                raise _NoObject
            return str(value)
        case bool():
            return value
        case int() if -_LARGEST <= value < _LARGEST:
            return value
        case float() if math.isfinite(value):
            return value
        case list():
            return [_data(item) for item in value]
        case dict() if all(isinstance(key, str) for key in value):
            return {key: _data(item) for key, item in value.items()}
        case _:
            raise _NoObject
