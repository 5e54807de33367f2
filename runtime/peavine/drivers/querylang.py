"""The query language: which Documents, in which order, with which fields. Pure; nothing here calls an Executor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from peavine.documents import Document, traverse
from peavine.documents.columns import Nested
from peavine.documents.plain import FIELDS, NUMBERS
from peavine.drivers.columnar import is_found, levels
from peavine.drivers.driver import Driver, Paths, Task, Traversing, Whole
from peavine.drivers.lookup import OPERATORS, condition, field_value, known_field
from peavine.drivers.values import RANK, values_of
from peavine.errors import did_you_mean
from peavine.wire.batches import columns_in
from peavine.wire.kept import clear_columns

__all__ = [
    "ExcludeQL", "ExcludeReqQL", "Fields", "FilterQL", "ReverseQL", "SelectQL", "SelectReqQL", "SliceQL", "SortQL",
]  # fmt: skip


Values = Callable[[str], Sequence[Any]]
"""Gives the values of a field by its path, such as `tags__price`."""


class _Arranging(Traversing):
    """Chooses among siblings, or orders them; groundtruths stay with their Documents."""

    traversal_paths: Paths = ("c",)

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Arrange each set of siblings on the paths."""
        for task in tasks:
            for path in self.traversal_paths:
                if not (path == "m" and self._arrange_matches(task)):
                    self._arrange(task, path)

    def _arrange(self, task: Task, path: str) -> None:
        for level in traverse(task.batch.docs, path):
            places = self._chosen(len(level.docs), partial(_values, level.docs))
            if places == list(range(len(level.docs))):
                continue
            docs = list(level.docs)
            level.docs[:] = [docs[place] for place in places]
            truths = task.batch.groundtruths
            if level.edge == "docs" and len(truths) == len(docs):
                truths[:] = [truths[place] for place in places]

    def _arrange_matches(self, task: Task) -> bool:
        """Arrange the matches of the roots as columns; False where only Documents can say what is in their fields."""
        root = columns_in(task.batch)
        if root is None or (root.matches and not is_found(root)):
            return False
        if root.matches is None:
            return True
        known: dict[str, list[Any]] = {}
        for field in self._fields():
            values = values_of(root.matches.columns, field)
            if values is None:
                return False
            known[field] = values
        rows: list[int] = []
        counts = []
        for begin, end in pairwise(root.matches.offsets.tolist()):
            own = {field: values[begin:end] for field, values in known.items()}
            places = self._chosen(end - begin, own.__getitem__)
            rows += [begin + place for place in places]
            counts.append(len(places))
        kept = root.matches.columns.take(np.array(rows, np.int64))
        root.matches = Nested.of(counts, kept) if rows else None
        return True

    def _fields(self) -> list[str]:
        """Return the fields that it asks for."""
        return []

    def _chosen(self, count: int, values: Values) -> list[int]:
        """Return the places of those siblings that stay, in their new order; `values` gives a field of each."""
        raise NotImplementedError


def _values(docs: Sequence[Document], field: str) -> list[Any]:
    if field == RANK:
        return [doc.score.rank if doc.score else None for doc in docs]
    return [field_value(doc, field) for doc in docs]


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

    def _fields(self) -> list[str]:
        return [field for field, _, _ in self._conditions()]

    def _conditions(self) -> list[tuple[str, str, Any]]:
        return [condition(key, wanted) for key, wanted in self.lookups.items()]

    def _chosen(self, count: int, values: Values) -> list[int]:
        places = list(range(count))
        for field, operator, wanted in self._conditions():
            found, holds = values(field), OPERATORS[operator]
            places = [place for place in places if holds(found[place], wanted)]
        return places


class SliceQL(_Arranging):
    """Keep the Documents from place `start`, counted from 0, up to before place `end`."""

    start: Whole = 0
    end: Whole | None = None
    """None for all to the last. Negative places count from the end."""

    def _chosen(self, count: int, values: Values) -> list[int]:
        return list(range(count))[self.start : self.end]


class SortQL(_Arranging):
    """Sort Documents by a field, smallest first; Documents without it come last.

    With the field `score` the best come first, whatever the direction of the scores.
    """

    field: Annotated[str, AfterValidator(known_field)]
    reverse: bool = False

    def _fields(self) -> list[str]:
        return [RANK if self.field == "score" else self.field]

    def _chosen(self, count: int, values: Values) -> list[int]:
        keys = list(map(_key, values(*self._fields())))
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

    def _chosen(self, count: int, values: Values) -> list[int]:
        return list(range(count))[::-1]


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
        found = levels(tasks, self.traversal_paths)
        for columns in found or ():
            clear_columns(columns, names)
        for level in list(self.levels(tasks)) if found is None else ():
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
