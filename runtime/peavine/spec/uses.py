"""The one parser of the text under `uses`. Pure; looks nothing up."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["BuiltIn", "ClassName", "File", "Image", "Text", "Uses", "parse_uses"]


@dataclass(frozen=True)
class BuiltIn:
    """The name of an Executor that comes with peavine, such as `_index`."""

    name: str


@dataclass(frozen=True)
class ClassName:
    """The name of an Executor's class, which gets no arguments."""

    name: str


@dataclass(frozen=True)
class Text:
    """The YAML of an Executor."""

    text: str


@dataclass(frozen=True)
class File:
    """The name of a file with the YAML of an Executor, on a single machine or in an image."""

    name: str


@dataclass(frozen=True)
class Image:
    """A container image that brings its own executor.yml."""

    name: str


Uses = BuiltIn | ClassName | Text | File | Image

_BUILT_IN = re.compile(r"_\w*", re.ASCII)
_IMAGE = "docker://"
_YAML = ("!", "#", "---", "{")
"""How the YAML of an Executor can begin on its first line."""


def parse_uses(text: str) -> Uses:
    """Return what the text names or is. Text of no other kind is the name of a file."""
    word = text.strip()
    if word.startswith(_IMAGE):
        return Image(word.removeprefix(_IMAGE))
    if word.startswith(_YAML) or "\n" in word:
        return Text(text)
    if _BUILT_IN.fullmatch(word):
        return BuiltIn(word)
    if word.isidentifier():
        return ClassName(word)
    return File(word)
