"""What is known about a class before any request: whether its arguments and its methods fit."""

from __future__ import annotations

import inspect
import json
import types
import typing
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import Enum
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from peavine.documents import Document
from peavine.errors import Problem, did_you_mean
from peavine.executors.constructor import Given, constructor, named, takes
from peavine.executors.executor import Executor
from peavine.executors.families import Classifier, MultiModalEncoder
from peavine.yaml import Tagged

FIELDS = frozenset({*inspect.signature(Document).parameters, "content"})
"""The fields of a Document that a method can ask for by the names of its parameters."""

_POSITIONAL = {
    "encode": "batch",
    "train": "batch, labels",
    "predict": "batch",
    "evaluate": "actual, desired",
    "delete": "ids",
}
"""How Drivers call methods, whatever the family: with these arguments, in this order."""

_BY_FIELD = ("craft", "segment")


def arguments(cls: type[Executor], given: Given, paths: Callable[[str], str]) -> Iterator[Problem]:
    """Give the constructor's arguments the types that are annotated, and yield what is wrong with them.

    `paths` returns where in the manifest an argument is.
    """
    parameters, free = named(cls), takes(cls, inspect.Parameter.VAR_KEYWORD)
    hints = _hints(cls)
    for name, value in given.named.items():
        if name not in parameters and not free:
            known = ", ".join(parameters) or "it takes none"
            hint = did_you_mean(name, parameters) or f"; known: {known}"
            yield Problem(paths(name), f"unknown argument of {cls.__name__}{hint}")
            continue
        try:
            given.named[name] = _checked(value, hints.get(name, Any) if name in parameters else Any)
        except ValueError as error:
            yield Problem(paths(name), str(error))
    for name, parameter in parameters.items():
        if parameter.default is inspect.Parameter.empty and name not in given.named:
            yield Problem(paths(name), f"{cls.__name__} needs it, and it is not given")
    for parameter in constructor(cls).parameters.values():
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            for place, value in enumerate(given.rest):
                try:
                    given.rest[place] = _checked(value, hints.get(parameter.name, Any))
                except ValueError as error:
                    yield Problem(paths(f"*{place}"), str(error))


def methods(cls: type[Executor], path: str) -> Iterator[Problem]:
    """Yield what is wrong with the class's methods: missing, asynchronous, or not taking what they will be given."""
    missing = sorted(getattr(cls, "__abstractmethods__", ()))
    for name in missing:
        near = did_you_mean(name, (own for own in vars(cls) if own not in missing))
        yield Problem(path, f"{cls.__name__} has no {name}(), which its family requires{near}")
    for name in (*_BY_FIELD, *_POSITIONAL):
        method = inspect.getattr_static(cls, name, None)
        if not inspect.isfunction(method) or name in missing:
            continue
        if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
            yield Problem(
                path, f"{cls.__name__}.{name}() is async; it runs on a thread of its own, so write a plain `def`"
            )
        elif name in _BY_FIELD:
            yield from _by_field(cls, name, method, path)
        elif not (name == "encode" and issubclass(cls, MultiModalEncoder)):
            yield from _by_position(cls, name, method, path)


def _by_field(cls: type[Executor], name: str, method: types.FunctionType, path: str) -> Iterator[Problem]:
    _, *parameters = inspect.signature(method).parameters.values()
    if not parameters:
        yield Problem(
            path, f"{cls.__name__}.{name}() takes nothing; name the fields it wants, such as {name}(self, text)"
        )
    for parameter in parameters:
        if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.POSITIONAL_ONLY):
            message = f"{cls.__name__}.{name}() takes *{parameter.name}; name the fields it wants"
            yield Problem(path, message)
            continue
        optional = parameter.kind is inspect.Parameter.VAR_KEYWORD or parameter.default is not inspect.Parameter.empty
        if not optional and parameter.name not in FIELDS:
            hint = did_you_mean(parameter.name, FIELDS) or f"; known: {', '.join(sorted(FIELDS))}"
            message = f'{cls.__name__}.{name}() takes "{parameter.name}", which is not a field of a Document{hint}'
            yield Problem(path, message)


def _by_position(cls: type[Executor], name: str, method: types.FunctionType, path: str) -> Iterator[Problem]:
    wanted = _POSITIONAL[name]
    if name == "train" and not issubclass(cls, Classifier) and _takes(method, "batch"):
        return
    if not _takes(method, wanted):
        given = ", ".join(str(parameter) for parameter in inspect.signature(method).parameters.values())
        yield Problem(
            path, f"{cls.__name__}.{name}({given}) is called as {name}({wanted}); write {name}(self, {wanted})"
        )


def _takes(method: types.FunctionType, arguments: str) -> bool:
    try:
        inspect.signature(method).bind("self", *arguments.split(", "))
    except TypeError:
        return False
    return True


def _hints(cls: type[Executor]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls.__init__)
    except Exception:  # a user's annotation may name what is not there at run time; then there is no check
        return {}


def _checked(value: Any, hint: Any) -> Any:
    """Return the value as the annotation has it; raise ValueError when it does not fit."""
    if isinstance(hint, type) and issubclass(hint, Enum):
        value = _member(value, hint)
    if _has_tag(value):
        raise ValueError("an argument is plain data; Executors within Executors stand under `components`")
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True))
    except Exception:  # an annotation that pydantic has no schema for is not checked
        return value
    with suppress(ValidationError):
        return adapter.validate_python(value, strict=True)
    try:
        # Through JSON, because there a list fits a tuple and "max" fits an enumeration, but "5" fits no number.
        return adapter.validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        message = str(detail["msg"])
        raise ValueError(f"{message[0].lower()}{message[1:]} (given: {value!r})") from None
    except (TypeError, ValueError):
        return value


def _member(value: Any, hint: type[Enum]) -> Any:
    """Return the value of the member that is meant, by its value or its name: `fast`, `FAST`, or `!Mode FAST`."""
    if isinstance(value, Tagged) and value.tag == hint.__name__:
        value = value.value
    word = str(value).lower()
    found = [member.value for member in hint if word in (member.name.lower(), str(member.value).lower())]
    return value if value in [member.value for member in hint] or len(found) != 1 else found[0]


def _has_tag(value: Any) -> bool:
    match value:
        case Tagged():
            return True
        case dict():
            return any(_has_tag(item) for item in value.values())
        case list():
            return any(_has_tag(item) for item in value)
        case _:
            return False
