"""How a scalar without quotes is read: shared by the loader, the dumper and the substitution."""

from __future__ import annotations

import re
from collections.abc import Callable

from yaml.nodes import ScalarNode
from yaml.resolver import BaseResolver

STR = "tag:yaml.org,2002:str"
NULL = "tag:yaml.org,2002:null"
BOOL = "tag:yaml.org,2002:bool"
INT = "tag:yaml.org,2002:int"
FLOAT = "tag:yaml.org,2002:float"
MERGE = "tag:yaml.org,2002:merge"
SEQUENCE = "tag:yaml.org,2002:seq"
MAPPING = "tag:yaml.org,2002:map"

Scalar = None | bool | int | float | str


class Resolver(BaseResolver):
    """The YAML 1.2 core schema for numbers, YAML 1.1 words for booleans, and no dates or base-60 numbers."""


Resolver.add_implicit_resolver(NULL, re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
Resolver.add_implicit_resolver(
    BOOL,
    re.compile(r"^(?:true|True|TRUE|false|False|FALSE|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF)$"),
    list("tTfFyYnNoO"),
)
Resolver.add_implicit_resolver(
    INT, re.compile(r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", re.ASCII), list("-+0123456789")
)
Resolver.add_implicit_resolver(
    FLOAT,
    re.compile(
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        re.ASCII,
    ),
    list("-+0123456789."),
)
Resolver.add_implicit_resolver(MERGE, re.compile(r"^<<$"), ["<"])


MAX_DIGITS = 1000
"""Python itself writes no number of more than 4,300 decimal digits, and reads hexadecimal ones of any length."""


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"a number of {len(text):,} characters; at most {MAX_DIGITS:,}, or quote it to make it text")
    return int(text, 10) if text.lstrip("-+").isdigit() else int(text, 0)


def _boolean(text: str) -> bool:
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if text.lower() not in words:
        raise ValueError(f'"{text}" is not a boolean')
    return words[text.lower()]


def _float(text: str) -> float:
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


READERS: dict[str, Callable[[str], Scalar]] = {
    STR: str,
    NULL: lambda text: None,
    BOOL: _boolean,
    INT: _integer,
    FLOAT: _float,
    MERGE: str,
}
"""What makes a value of each kind of scalar. They raise ValueError."""

_RESOLVER = Resolver()


def kind(text: str) -> str:
    """Return the kind (its YAML tag) of a scalar that stands without quotes."""
    return str(_RESOLVER.resolve(ScalarNode, text, (True, False)))  # type: ignore[no-untyped-call]


def read(text: str) -> Scalar:
    """Return the value of a scalar that stands without quotes."""
    return READERS[kind(text)](text)
