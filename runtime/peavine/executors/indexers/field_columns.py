"""The values of one field in memory, by slot, and which of them a condition holds for. Pure.

A slot is the place of one root Document in all columns. Each column answers as `peavine.filters.matches` would for each
Document, for conditions that `peavine.filters.check` has accepted.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from peavine.filters import Condition, FieldType
from peavine.filters.matching import holds
from peavine.filters.values import Box, Circle, Place, micros

__all__ = ["Column", "Mask", "column"]

Mask = NDArray[np.bool_]
Array = NDArray[Any]

_ORDERS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "lt": operator.lt, "lte": operator.le, "gt": operator.gt, "gte": operator.ge,
}  # fmt: skip
_NEVER = np.iinfo(np.int64).min


class Column(ABC):
    """The values of a field, one for each slot or none."""

    @abstractmethod
    def put(self, slot: int, value: Any) -> None:
        """Set the value of a slot, as `fitting` returns it; None where there is none."""

    @abstractmethod
    def resize(self, capacity: int) -> None:
        """Make room for so many slots; new ones have no value."""

    @abstractmethod
    def take(self, slots: NDArray[np.intp]) -> None:
        """Keep these slots alone, numbered anew in this order."""

    @property
    @abstractmethod
    def present(self) -> Mask:
        """Which slots have a value."""

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """How many bytes it takes, about."""

    def mask(self, condition: Condition) -> Mask:
        """Return which slots the condition holds for."""
        if condition.operator == "exists":
            return self.present
        if condition.operator == "ne":
            return ~self.mask(Condition(condition.field, "eq", condition.value))
        if condition.operator == "nin":
            return ~self.mask(Condition(condition.field, "in", condition.value))
        return self._holding(condition)

    @abstractmethod
    def _holding(self, condition: Condition) -> Mask: ...


class _Ordered(Column):
    """Values that are numbers, with one number that means none."""

    missing: float
    dtype: Any

    def __init__(self) -> None:
        self._values: Array = np.empty(0, self.dtype)

    def put(self, slot: int, value: Any) -> None:
        self._values[slot] = self.missing if value is None else self._key(value)

    def resize(self, capacity: int) -> None:
        more: Array = np.full(capacity - len(self._values), self.missing, self.dtype)
        self._values = np.concatenate([self._values, more])

    def take(self, slots: NDArray[np.intp]) -> None:
        self._values = self._values[slots]

    @property
    def present(self) -> Mask:
        return np.not_equal(self._values, self.missing)

    @property
    def nbytes(self) -> int:
        return self._values.nbytes

    def _key(self, value: Any) -> Any:
        return value

    def _holding(self, condition: Condition) -> Mask:
        if isinstance(condition.value, tuple):
            wanted: Array = np.array([self._key(value) for value in condition.value], self.dtype)
            among: Mask = np.isin(self._values, wanted)
            return among
        key = self._key(condition.value)
        if condition.operator == "eq":
            equal: Mask = np.equal(self._values, key)
            return equal
        found: Mask = _ORDERS[condition.operator](self._values, key) & self.present
        return found


class _Numbers(_Ordered):
    missing, dtype = np.nan, np.float64

    @property
    def present(self) -> Mask:
        return ~np.isnan(self._values)


class _Booleans(_Ordered):
    missing, dtype = -1, np.int8


class _Datetimes(_Ordered):
    missing, dtype = _NEVER, np.int64

    def _key(self, value: datetime) -> int:
        return micros(value)


class _Strings(_Ordered):
    """A number for each distinct string. Whatever is not equality is asked once for each of them."""

    missing, dtype = -1, np.int32

    def __init__(self) -> None:
        super().__init__()
        self._numbers: dict[str, int] = {}
        self._characters = 0

    def put(self, slot: int, value: Any) -> None:
        if value is not None and value not in self._numbers:
            self._numbers[value] = len(self._numbers)
            self._characters += len(value)
            if len(self._numbers) > 2 * len(self._values) + 4096:
                self._forget_unused()
                self._numbers.setdefault(value, len(self._numbers))
        super().put(slot, value)

    def _key(self, value: str) -> int:
        return self._numbers.get(value, -2)

    def _forget_unused(self) -> None:
        used = np.unique(self._values[self._values >= 0])
        strings = list(self._numbers)
        numbers = np.full(len(strings) + 1, -1, np.int32)
        numbers[used] = np.arange(len(used))
        self._values = numbers[self._values]
        self._numbers = {strings[old]: new for new, old in enumerate(used.tolist())}
        self._characters = sum(map(len, self._numbers))

    @property
    def nbytes(self) -> int:
        return self._values.nbytes + 120 * len(self._numbers) + self._characters

    def _holding(self, condition: Condition) -> Mask:
        if condition.operator in ("eq", "in"):
            return super()._holding(condition)
        answers = np.fromiter((holds(condition, string) for string in self._numbers), np.bool_, len(self._numbers))
        found: Mask = np.append(answers, False)[self._values]
        return found


class _Places(Column):
    """Directions, latitudes and longitudes."""

    def __init__(self) -> None:
        self._values = np.empty((5, 0))

    def put(self, slot: int, value: Place | None) -> None:
        self._values[:, slot] = np.nan if value is None else (*value.direction, value.lat, value.lon)

    def resize(self, capacity: int) -> None:
        more = np.full((5, capacity - self._values.shape[1]), np.nan)
        self._values = np.concatenate([self._values, more], axis=1)

    def take(self, slots: NDArray[np.intp]) -> None:
        self._values = np.ascontiguousarray(self._values[:, slots])

    @property
    def present(self) -> Mask:
        found: Mask = ~np.isnan(self._values[0])
        return found

    @property
    def nbytes(self) -> int:
        return self._values.nbytes

    def _holding(self, condition: Condition) -> Mask:
        x, y, z, lat, lon = self._values
        area = condition.value
        if isinstance(area, Circle):
            a, b, c = area.center.direction
            near: Mask = (x - a) * (x - a) + (y - b) * (y - b) + (z - c) * (z - c) <= area.chord
            return near
        assert isinstance(area, Box)
        west, east = area.top_left.lon, area.bottom_right.lon
        across = (west <= lon) & (lon <= east) if west <= east else (lon >= west) | (lon <= east)
        inside: Mask = across & (area.bottom_right.lat <= lat) & (lat <= area.top_left.lat)
        return inside


class _Lists(Column):
    """Lists: for each value the slots that have it."""

    def __init__(self) -> None:
        self._slots: dict[Any, set[int]] = {}
        self._lists: dict[int, Sequence[Any]] = {}
        self._capacity = self._values = 0

    def put(self, slot: int, value: Any) -> None:
        for each in self._lists.pop(slot, ()):
            self._values -= 1
            slots = self._slots.get(each)
            if slots is not None:
                slots.discard(slot)
                if not slots:
                    del self._slots[each]
        if value is not None:
            distinct = tuple(dict.fromkeys(value))
            self._lists[slot] = distinct
            self._values += len(distinct)
            for each in distinct:
                self._slots.setdefault(each, set()).add(slot)

    def resize(self, capacity: int) -> None:
        self._capacity = capacity

    def take(self, slots: NDArray[np.intp]) -> None:
        new = {old: at for at, old in enumerate(slots.tolist())}
        lists = {new[slot]: values for slot, values in self._lists.items() if slot in new}
        self.__init__()  # type: ignore[misc]
        self._capacity = len(slots)
        for slot, values in lists.items():
            self.put(slot, values)

    @property
    def present(self) -> Mask:
        return self._of(self._lists)

    @property
    def nbytes(self) -> int:
        return 200 * len(self._slots) + 120 * len(self._lists) + 80 * self._values

    def _of(self, slots: Mapping[int, Any] | set[int]) -> Mask:
        found = np.zeros(self._capacity, np.bool_)
        found[np.fromiter(slots, np.intp, len(slots))] = True
        return found

    def _holding(self, condition: Condition) -> Mask:
        return self._of(self._slots.get(condition.value, set()))


_COLUMNS: Final[Mapping[str, type[Column]]] = {
    "number": _Numbers,
    "keyword": _Strings,
    "text": _Strings,
    "datetime": _Datetimes,
    "geo": _Places,
    "bool": _Booleans,
}


def column(declared: FieldType) -> Column:
    """Return an empty column for a field of this type."""
    return _Lists() if declared.many else _COLUMNS[declared.kind]()
