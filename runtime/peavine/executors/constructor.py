"""What the constructor of a class takes, and how `with:` says it. Pure; no object is made here.

Arguments stand by their names. Where a class has no parameters of these names, they may also stand by place, as
`{args: [..], kwargs: {name: value}}`; that is how a class with `*args` gets them.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from pydantic_core import to_jsonable_python

from peavine.errors import Problem

_BY_PLACE = frozenset({"args", "kwargs"})
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass
class Given:
    """The arguments of one constructor."""

    named: dict[str, Any]
    rest: list[Any] = field(default_factory=list)
    """Those for `*args`."""
    places: dict[str, str] = field(default_factory=dict)
    """Where each stands when that is not `with.NAME`; `*0` is the first of the rest."""


def constructor(cls: type) -> inspect.Signature:
    """Return what the class's `__init__` takes, without self."""
    init = inspect.getattr_static(cls, "__init__")
    if init is object.__init__:
        return inspect.Signature()
    signature = inspect.signature(init)
    return signature.replace(parameters=list(signature.parameters.values())[1:])


def named(cls: type) -> dict[str, inspect.Parameter]:
    """Return the parameters that have a name under `with:`; components stand elsewhere."""
    parameters = constructor(cls).parameters
    return {name: parameter for name, parameter in parameters.items() if _has_name(parameter)}


def takes(cls: type, kind: Any) -> bool:
    """Return whether it has a parameter of this kind, such as `inspect.Parameter.VAR_KEYWORD`."""
    return any(parameter.kind is kind for parameter in constructor(cls).parameters.values())


def read(cls: type, arguments: Mapping[str, Any]) -> tuple[Given, list[Problem]]:
    """Return the arguments that stand under `with:`, and what is wrong with their form."""
    if not _by_place(cls, arguments):
        return Given(dict(arguments)), []
    listed, by_name = arguments.get("args") or [], arguments.get("kwargs") or {}
    if not isinstance(listed, list) or not isinstance(by_name, dict):
        message = "arguments by place are {args: [value, ..], kwargs: {name: value, ..}}"
        return Given({}), [Problem("with", message)]
    order = _order(cls)
    given = Given(
        {**dict(zip(order, listed, strict=False)), **by_name},
        listed[len(order) :],
        {name: f"with.args[{place}]" for place, name in enumerate(order[: len(listed)])}
        | {f"*{place}": f"with.args[{len(order) + place}]" for place in range(len(listed) - len(order))}
        | {name: f"with.kwargs.{name}" for name in by_name},
    )
    problems = [
        Problem(f"with.args[{place}]", f'is "{name}", which stands under kwargs, too')
        for place, name in enumerate(order[: len(listed)])
        if name in by_name
    ]
    if given.rest and not takes(cls, inspect.Parameter.VAR_POSITIONAL):
        message = f"{cls.__name__} takes {len(order)} arguments by place, and no more"
        problems.append(Problem(f"with.args[{len(order)}]", message))
    return given, problems


def call(cls: type, given: Given) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments as Python wants them: those before `*args` by place, when there are any for it."""
    order = _order(cls) if given.rest else []
    by_name = {name: value for name, value in given.named.items() if name not in order}
    return [*(given.named[name] for name in order), *given.rest], by_name


def write(cls: type, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands under `with:` for a constructor's arguments: what differs from its defaults, as plain data."""
    parameters = constructor(cls).parameters
    by_name: dict[str, Any] = {}
    rest: tuple[Any, ...] = ()
    for name, value in arguments.items():
        default = parameters[name].default
        if parameters[name].kind is inspect.Parameter.VAR_POSITIONAL:
            rest = value
        elif parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            by_name |= value
        elif name != "components" and not (type(value) is type(default) and value == default):
            by_name[name] = value
    if rest:
        order = _order(cls)
        by_name = {name: value for name, value in by_name.items() if name not in order}
        data = {"args": [*(arguments[name] for name in order), *rest], "kwargs": by_name}
        return {key: _plain(value) for key, value in data.items() if value}
    plain = {name: _plain(value) for name, value in by_name.items()}
    return {"kwargs": plain} if _by_place(cls, plain) else plain


def _has_name(parameter: inspect.Parameter) -> bool:
    return parameter.kind in _NAMED and parameter.name != "components"


def _order(cls: type) -> list[str]:
    """Return the names of the arguments that can be given by place."""
    return [name for name, parameter in named(cls).items() if parameter.kind is not inspect.Parameter.KEYWORD_ONLY]


def _by_place(cls: type, arguments: Mapping[str, Any]) -> bool:
    return bool(arguments) and _BY_PLACE.issuperset(arguments) and _BY_PLACE.isdisjoint(named(cls))


def _plain(value: Any) -> Any:
    """Return what an argument was before its annotation made an object of it."""
    match value:
        case Enum():
            return _plain(value.value)
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case set() | frozenset():
            return sorted((_plain(item) for item in value), key=repr)
        case None | bool() | int() | float() | str():
            return value
        case _:
            return to_jsonable_python(value, fallback=lambda unknown: unknown)
