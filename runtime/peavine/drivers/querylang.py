"""The query language: which Documents, in which order, with which fields. Pure; nothing here calls an Executor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from peavine.documents import Document, Level
from peavine.documents.plain import FIELDS, NUMBERS
from peavine.drivers.driver import Driver, Paths, Task, Traversing, Whole
from peavine.drivers.lookup import OPERATORS, condition, field_value, known_field
from peavine.errors import did_you_mean

__all__ = [
    "ExcludeQL", "ExcludeReqQL", "Fields", "FilterQL", "ReverseQL", "SelectQL", "SelectReqQL", "SliceQL", "SortQL",
]  # fmt: skip


class _Arranging(Traversing):
    """Chooses among siblings, or orders them; groundtruths stay with their Documents."""

    traversal_paths: Paths = ("c",)

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Arrange each set of siblings on the paths."""
        for task in tasks:
            for level in self.levels([task]):
                places = self._chosen(level)
                if places == list(range(len(level.docs))):
                    continue
                docs = list(level.docs)
                level.docs[:] = [docs[place] for place in places]
                truths = task.batch.groundtruths
                if level.edge == "docs" and len(truths) == len(docs):
                    truths[:] = [truths[place] for place in places]

    def _chosen(self, level: Level) -> list[int]:
        """Return the places of those that stay, in their new order."""
        raise NotImplementedError


class FilterQL(_Arranging):
    """Keep the Documents for which all lookups hold, such as `{tags__price__lt: 10, text__contains: red}`."""

    lookups: dict[str, Any] = Field(default_factory=dict, max_length=64)
    """Field names joined with `__`, an operator at the end, and what to compare with."""

    @field_validator("lookups")
    @classmethod
    def _check(cls, lookups: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        for key, wanted in lookups.items():
            _, operator, _ = condition(key, wanted)
            # A pattern can take for ever to match, so strangers must not choose it.
            if operator == "regex" and info.context:
                raise ValueError(f"{key}: a regular expression can stand in the Executor's YAML only")
        return lookups

    def _chosen(self, level: Level) -> list[int]:
        asked = [condition(key, wanted) for key, wanted in self.lookups.items()]
        return [place for place, doc in enumerate(level.docs) if all(_holds(doc, *lookup) for lookup in asked)]


def _holds(doc: Document, field: str, operator: str, wanted: Any) -> bool:
    return OPERATORS[operator](field_value(doc, field), wanted)


class SliceQL(_Arranging):
    """Keep the Documents from place `start`, counted from 0, up to before place `end`."""

    start: Whole = 0
    end: Whole | None = None
    """None for all to the last. Negative places count from the end."""

    def _chosen(self, level: Level) -> list[int]:
        return list(range(len(level.docs)))[self.start : self.end]


class SortQL(_Arranging):
    """Sort Documents by a field, smallest first; Documents without it come last.

    With the field `score` the best come first, whatever the direction of the scores.
    """

    field: Annotated[str, AfterValidator(known_field)]
    reverse: bool = False

    def _chosen(self, level: Level) -> list[int]:
        by = "score" if self.field == "score" else None
        keys = [
            _key(doc.score.rank if by and doc.score else None if by else field_value(doc, self.field))
            for doc in level.docs
        ]
        there = [place for place, key in enumerate(keys) if key is not None]
        there.sort(key=lambda place: keys[place] or (0, 0), reverse=self.reverse)
        return there + [place for place, key in enumerate(keys) if key is None]


def _key(value: Any) -> tuple[int, Any] | None:
    """Return a key by which numbers come before texts; None for what has no order."""
    if isinstance(value, str):
        return (1, value)
    if isinstance(value, int | float) and value == value:
        return (0, value)
    return None


class ReverseQL(_Arranging):
    """Turn the order of Documents round."""

    def _chosen(self, level: Level) -> list[int]:
        return list(range(len(level.docs)))[::-1]


def _fields(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in FIELDS:
            raise ValueError(f'a Document has no field "{name}"{did_you_mean(name, FIELDS)}')
    return names


Fields = Annotated[tuple[str, ...], AfterValidator(_fields)]
"""Names of fields of a Document."""


class _Clearing(Traversing):
    traversal_paths: Paths = ("r", "c")
    fields: Fields
    """Names of fields of a Document."""

    def _clear(self, tasks: Sequence[Task], cleared: Callable[[str], bool]) -> None:
        names = [name for name in FIELDS if name != "id" and cleared(name)]
        for level in list(self.levels(tasks)):
            for doc in level.docs:
                doc.clear(*names)


class SelectQL(_Clearing):
    """Empty all fields of Documents but these; the id stays, and so does what says where they stand in the tree."""

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Empty the fields of the Documents on the paths."""
        self._clear(tasks, lambda name: name not in self.fields and name not in _PLACE)


_PLACE = ("parent_id", *NUMBERS)


class ExcludeQL(_Clearing):
    """Empty these fields of Documents."""

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Empty the fields of the Documents on the paths."""
        self._clear(tasks, lambda name: name in self.fields)


_PARTS: Mapping[str, Callable[[Task], list[Document]]] = {
    "docs": lambda task: task.batch.docs,
    "groundtruths": lambda task: task.batch.groundtruths,
}


def _parts(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in _PARTS:
            raise ValueError(f'a request has no "{name}"{did_you_mean(name, _PARTS)}; it has {" and ".join(_PARTS)}')
    return names


class SelectReqQL(Driver):
    """Empty all parts of a request but these."""

    fields: Annotated[tuple[str, ...], AfterValidator(_parts)]
    """`docs`, `groundtruths`."""

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Empty parts of each request."""
        for task in tasks:
            for name in _PARTS.keys() - set(self.fields):
                _PARTS[name](task).clear()


class ExcludeReqQL(Driver):
    """Empty these parts of a request."""

    fields: Annotated[tuple[str, ...], AfterValidator(_parts)]
    """`docs`, `groundtruths`."""

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Empty parts of each request."""
        for task in tasks:
            for name in self.fields:
                _PARTS[name](task).clear()
