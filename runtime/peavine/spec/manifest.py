"""From plain data to a checked manifest, with every problem at once."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeVar, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError

from peavine.errors import ManifestError, Problem, did_you_mean
from peavine.spec.flow import Flow
from peavine.spec.model import API_VERSION, IN_WORDS
from peavine.spec.pod import Pod
from peavine.spec.pod_rules import pod_problems
from peavine.spec.rules import flow_problems
from peavine.spec.versions import MODELS, moved

M = TypeVar("M", Flow, Pod)


def parse(data: object, source: str = "") -> Flow:
    """Return `data` as a Flow manifest, or raise ManifestError with every problem and its path.

    `source` is the file's name, for the message.
    """
    return _parse(data, Flow, source)


def parse_pod(data: object, source: str = "") -> Pod:
    """Return `data` as a Pod manifest, or raise ManifestError with every problem and its path."""
    return _parse(data, Pod, source)


def _parse(data: object, model: type[M], source: str) -> M:
    kind = model.__name__
    if not isinstance(data, Mapping):
        raise ManifestError(f"a {kind} manifest is a mapping with apiVersion, kind, metadata and spec", source)
    if data.get("kind", kind) != kind:
        raise ManifestError([Problem("kind", f'is "{data["kind"]}", and a {kind} manifest is wanted')], source)
    version = data.get("apiVersion", API_VERSION)
    if not isinstance(version, str) or version not in MODELS:
        message = f'"{version}" is not known; this version of peavine reads {", ".join(MODELS)}'
        raise ManifestError([Problem("apiVersion", message)], source)
    # The status in what `kubectl get -o yaml` gives is the operator's, and says nothing of what is wanted.
    data = {key: value for key, value in data.items() if key != "status"}
    problems: list[Problem] = []
    parsed = None
    try:
        parsed = cast(type[M], MODELS[version][kind]).model_validate(data)
    except ValidationError as error:
        problems = problems_in(error, model)
    # The rules read the plain data, so that what they find is reported together with what the schema found.
    spec = data.get("spec")
    if isinstance(spec, Mapping):
        problems += flow_problems(spec, "spec") if model is Flow else pod_problems(spec, "spec")
    if parsed is None or problems:
        raise ManifestError(sorted(set(problems)), source)
    return parsed


SHAPES = {
    "model_type": "should be a mapping of fields",
    "dict_type": "should be a mapping",
    "list_type": "should be a list",
    "string_type": "should be text, in quotes where it looks like something else",
    "invalid_key": "should have text as its name",
    "too_short": "should not be empty",
}
"""What pydantic says of these in words of Python."""


def problems_in(error: ValidationError, model: type[BaseModel], most: int | None = None) -> list[Problem]:
    """Return what pydantic found wrong with data for a model, at most so much, in the words of who wrote the data."""
    return [_problem(dict(detail), model) for detail in error.errors(include_url=False)[:most]]


def _problem(detail: Mapping[str, Any], model: type[BaseModel]) -> Problem:
    """Say one of pydantic's findings in the manifest's own terms."""
    location: tuple[int | str, ...] = detail["loc"]
    path = _path(location)
    kind, given, context = detail["type"], detail.get("input"), detail.get("ctx", {})
    match kind:
        case "extra_forbidden":
            parent = _model_at(model, location[:-1])
            known = sorted(field.alias or name for name, field in parent.model_fields.items()) if parent else []
            if how := moved(parent, str(location[-1])):
                return Problem(path, f"unknown field, which an earlier peavine had; write `{how}` instead")
            hint = did_you_mean(str(location[-1]), known)
            return Problem(path, f"unknown field{hint or '; known here: ' + ', '.join(known)}")
        case "missing":
            return Problem(path, "is required")
        case "enum" | "literal_error":
            return Problem(path, f'"{given}" is not one of {context.get("expected")}{_enum_hint(given, context)}')
        case "string_pattern_mismatch":
            pattern = context["pattern"]
            return Problem(path, f'"{given}" is not {IN_WORDS.get(pattern, f"of the form {pattern}")}')
    shown = f" (given: {given!r})" if isinstance(given, str | int | float | bool | type(None)) else ""
    message = SHAPES.get(kind, str(detail["msg"]))
    return Problem(path, message[0].lower() + message[1:] + shown)


def _enum_hint(given: object, context: Mapping[str, Any]) -> str:
    words = [word.strip("' ") for word in str(context.get("expected", "")).replace(" or ", ",").split(",")]
    return did_you_mean(str(given), words)


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def _model_at(model: type[BaseModel] | None, location: tuple[int | str, ...]) -> type[BaseModel] | None:
    """Return the model that stands at a location, following aliases, lists and optionals."""
    for part in location:
        if model is None or isinstance(part, int):
            continue
        field = next((field for name, field in model.model_fields.items() if part in (name, field.alias)), None)
        model = next(_models(field.annotation), None) if field else None
    return model


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (list, dict, types.UnionType, typing.Union, typing.Annotated):
        for argument in get_args(annotation):
            if get_origin(argument) is not Literal:
                yield from _models(argument)
