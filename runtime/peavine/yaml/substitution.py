"""Names in text replaced by what they stand for: look-ups in plain data, never expressions.

    $NAME  ${NAME}  ${{ ENV.NAME }}     an environment variable
    ${{ this.key }}                     a scalar in the same mapping
    ${{ root.path.to.key }}             a scalar anywhere in the document; a number is a place in a list
    $$                                  a dollar sign

A text that is nothing but one reference becomes the scalar itself, so a number stays a number; an environment variable
is read as YAML where the reference stood without quotes, else it is a string. A name that is not known is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from peavine.errors import ManifestError, Problem, did_you_mean
from peavine.yaml.nodes import Plain, Tagged
from peavine.yaml.scalars import read

MAX_CHARACTERS = 1_000_000
"""What all replaced texts may come to, so that references to references cannot fill the memory."""

COST_OF_A_STEP = 100
"""Characters that a replacement counts for besides its own, so that many empty ones end as well."""

MAX_STEPS = 64
"""How many references may lead to each other."""

_REFERENCE = re.compile(
    r"\$(?:(?P<dollar>\$)|\{\{(?P<path>[^{}]*)\}\}|\{(?P<braced>[^{}]*)\}|(?P<name>[A-Za-z_][A-Za-z0-9_]*))"
)
_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


def substitute(data: Any, env: Mapping[str, str], path: str = "") -> Any:
    """Return the data with every reference replaced; keys are left as they are. `path` is where it stands.

    Raises ManifestError with every name that is not known, every reference to itself, and every one that is no
    reference at all.
    """
    substitution = _Substitution(data, env)
    replaced = substitution.walk(data, path, {})
    if substitution.problems:
        raise ManifestError(substitution.problems)
    return replaced


def escape(data: Any) -> Any:
    """Return the data such that substitution gives it back as it is."""
    match data:
        case str():
            return data.replace("$", "$$")
        case Tagged(tag, value):
            return Tagged(tag, escape(value))
        case dict():
            return {key: escape(value) for key, value in data.items()}
        case list():
            return [escape(value) for value in data]
        case _:
            return data


class _Unknown(Exception):
    """A reference that cannot be replaced; the message says why."""


class _Substitution:
    def __init__(self, root: Any, env: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self._root, self._env = root, env
        self._within: list[tuple[int, str]] = []  # the references being followed: the mapping, and the text in it
        self._characters = 0

    def walk(self, data: Any, path: str, this: Any) -> Any:
        """Replace all in a part of the document; `this` is the mapping it stands in."""
        match data:
            case str():
                try:
                    return self._text(data, this)
                except _Unknown as problem:
                    self.problems.append(Problem(path, str(problem)))
                    return data
            case Tagged(tag, value):
                return Tagged(tag, self.walk(value, path, this))
            case dict():
                return {
                    key: self.walk(value, f"{path}.{key}" if path else str(key), data) for key, value in data.items()
                }
            case list():
                return [self.walk(value, f"{path}[{i}]", this) for i, value in enumerate(data)]
            case _:
                return data

    def _text(self, text: str, this: Any) -> Any:
        if "$" not in text:
            return text
        reference = (id(this), str(text))
        if reference in self._within:
            raise _Unknown(f"`{text}` refers to itself")
        if len(self._within) >= MAX_STEPS:
            raise _Unknown(f"`{text}` leads through more than {MAX_STEPS} references")
        self._within.append(reference)
        try:
            whole = _REFERENCE.fullmatch(text)
            if whole and not whole["dollar"]:
                replaced = self._look_up(whole, this, isinstance(text, Plain))
            else:
                replaced = _REFERENCE.sub(lambda found: _word(self._look_up(found, this, False)), text)
        finally:
            self._within.pop()
        self._characters += COST_OF_A_STEP + (len(replaced) if isinstance(replaced, str) else 0)
        if self._characters > MAX_CHARACTERS:
            raise _Unknown(f"all replaced texts together are longer than {MAX_CHARACTERS:,} characters")
        return replaced

    def _look_up(self, found: re.Match[str], this: Any, as_yaml: bool) -> Any:
        if found["dollar"]:
            return "$"
        if found["path"] is None:
            name = found["name"] or (found["braced"] or "").strip()
            return self._variable(name, found[0], as_yaml)
        start, *keys = found["path"].strip().split(".")
        if start == "ENV" and len(keys) == 1:
            return self._variable(keys[0], found[0], as_yaml)
        if start == "this" and len(keys) == 1:
            return self._scalar(this, keys, found[0], this)
        if start == "root" and keys:
            return self._scalar(self._root, keys, found[0], this)
        hint = (
            f"; write `${{{{ ENV.{start} }}}}` for an environment variable" if not keys and _NAME.match(start) else ""
        )
        raise _Unknown(f"`{found[0]}` is none of ENV.NAME, this.key, root.path.to.key{hint}")

    def _variable(self, name: str, shown: str, as_yaml: bool) -> Any:
        if not _NAME.match(name):
            raise _Unknown(f"`{shown}` is not the name of an environment variable; write `$$` for a dollar sign")
        if name not in self._env:
            hint = did_you_mean(name, self._env)
            raise _Unknown(f"`{shown}`: the environment variable {name} is not set{hint}")
        try:
            return read(self._env[name]) if as_yaml else self._env[name]
        except ValueError as error:
            raise _Unknown(f"`{shown}`: {error}") from None

    def _scalar(self, data: Any, keys: list[str], shown: str, this: Any) -> Any:
        """Follow the keys; only mappings and lists are entered, and only a scalar is returned."""
        for key in keys:
            data = data.value if isinstance(data, Tagged) else data
            if isinstance(data, dict) and key in data:
                this, data = data, data[key]
            elif isinstance(data, list) and key.isascii() and key.isdigit() and int(key) < len(data):
                data = data[int(key)]
            else:
                known = [str(name) for name in data] if isinstance(data, dict) else []
                raise _Unknown(f'`{shown}`: there is no "{key}"{did_you_mean(key, known)}')
        if isinstance(data, dict | list | Tagged):
            raise _Unknown(f"`{shown}` is not a scalar; use a YAML anchor (`&name`, `*name`) for more than that")
        return self._text(data, this) if isinstance(data, str) else data


def _word(value: Any) -> str:
    """Say a scalar as YAML does."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)
