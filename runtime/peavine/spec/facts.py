"""What a field of the manifest means beyond its type, stated where the field is declared.

The operator, the graph and the runner on a single machine derive their lists of fields from these statements, so that
a new field cannot be forgotten in one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel


class Reader(StrEnum):
    """Who acts on a field, and so what a change of it restarts in a cluster."""

    PEA = "Peas and head"
    """The programs of the Peas and of the head read it when they start."""
    HEAD = "head"
    """Only the program of the head reads it."""
    GATEWAY = "gateway"
    """The program of the gateway reads it when it starts."""
    CONTAINER = "its containers"
    """Kubernetes reads it in the core pods' template; the programs do not."""
    OPERATOR = "nothing"
    """The operator acts on it, and no program restarts."""


@dataclass(frozen=True)
class Facts:
    """What is true of one field."""

    reader: Reader
    owner: bool = True
    """Whether only the Pod resource itself sets it. A Flow that uses the resource by `podRef` then must not."""
    inherited: bool = False
    """Whether a Pod that leaves it out takes the value of its Flow."""
    cluster: bool = False
    """Whether it has no meaning on a single machine."""
    remedy: str = ""
    """Why `peavine run` refuses the field, and what to do instead; a list whose items are all `optional` is accepted.
    `peavine run` ignores a `cluster` field without a remedy."""


def stated(model: type[BaseModel]) -> dict[str, Facts]:
    """Return the facts of a model's fields by the name in Python. Raises TypeError for a field that states none."""
    found = {}
    for name, field in model.model_fields.items():
        own = [each for each in field.metadata if isinstance(each, Facts)]
        if len(own) != 1:
            raise TypeError(
                f"{model.__name__}.{name} states its facts {len(own)} times; annotate it with one Facts(..)"
            )
        found[name] = own[0]
    return found


def attributes(model: type[BaseModel], wanted: Callable[[Facts], bool]) -> tuple[str, ...]:
    """Return the fields whose facts are `wanted`, by the name in Python."""
    return tuple(name for name, facts in stated(model).items() if wanted(facts))


def fields(model: type[BaseModel], wanted: Callable[[Facts], bool]) -> tuple[str, ...]:
    """Return the fields whose facts are `wanted`, by the name in a manifest."""
    return tuple(model.model_fields[name].alias or name for name in attributes(model, wanted))
