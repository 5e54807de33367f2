"""Columns: Documents side by side, with one array for each field that any of them has. Pure numpy.

What a cell means is known to its store alone, so a field that nobody asks for is never decoded, and choosing rows moves
numbers of places, not values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from peavine.errors import InvalidRequest

__all__ = ["Block", "Column", "Columns", "Nested", "Numbers", "Ragged", "Store", "concat", "read_text", "runs"]

Places = NDArray[np.int64]


class Store(Protocol):
    """The values of a field, by place."""

    def __len__(self) -> int: ...

    def __getitem__(self, place: int) -> Any: ...

    def gather(self, places: Places) -> Store:
        """Return a store of the values at these places."""


class Numbers:
    """Numbers of one type."""

    __slots__ = ("array",)

    def __init__(self, array: NDArray[Any]) -> None:
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, place: int) -> Any:
        return self.array[place].item()

    def gather(self, places: Places) -> Numbers:
        """Return the numbers at these places."""
        return Numbers(self.array[places])


class Block:
    """Arrays of one shape and type, stacked."""

    __slots__ = ("array",)

    def __init__(self, array: NDArray[Any]) -> None:
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, place: int) -> NDArray[Any]:
        found: NDArray[Any] = self.array[place, ...]  # an array also where it has no dimension
        return found

    def gather(self, places: Places) -> Block:
        """Return the arrays at these places, without a copy where they follow one another."""
        begin = _consecutive(places)
        return Block(self.array[places] if begin is None else self.array[begin : begin + len(places)])


class Ragged:
    """Values of different sizes: bytes one behind the other, and what `read` makes of those of one cell."""

    __slots__ = ("_ends", "begin", "offsets", "raw", "read")

    def __init__(self, raw: bytes, offsets: NDArray[np.uint32], read: Callable[[bytes], Any], begin: int = 0) -> None:
        """Cell n is in `raw` from `begin + offsets[n]` to `begin + offsets[n + 1]`."""
        self.raw, self.offsets, self.read, self.begin = raw, offsets, read, begin
        self._ends: list[int] | None = None

    @classmethod
    def of(cls, cells: Sequence[bytes], read: Callable[[bytes], Any]) -> Ragged:
        """Return a store of these cells."""
        return cls(b"".join(cells), _offsets(map(len, cells), len(cells)), read)

    @classmethod
    def texts(cls, values: Sequence[str]) -> Ragged:
        """Return a store of texts; UnicodeEncodeError where one has a lone surrogate, TypeError where it is not one."""
        whole = "".join(values)
        if whole.isascii():
            return cls(whole.encode(), _offsets(map(len, values), len(values)), read_text)
        return cls.of([value.encode() for value in values], read_text)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, place: int) -> Any:
        return self.read(self.cell(place))

    def cell(self, place: int) -> bytes:
        """Return the bytes of a value."""
        ends = self._ends
        if ends is None:
            ends = self._ends = (self.offsets.astype(np.int64) + self.begin).tolist()
        return self.raw[ends[place] : ends[place + 1]]

    def cells(self) -> list[bytes]:
        """Return the bytes of all values."""
        raw = self.raw
        ends = (self.offsets.astype(np.int64) + self.begin).tolist()
        return [raw[begin:end] for begin, end in pairwise(ends)]

    @property
    def data(self) -> memoryview:
        """The bytes of all values, one behind the other."""
        return memoryview(self.raw)[self.begin + int(self.offsets[0]) : self.begin + int(self.offsets[-1])]

    def gather(self, places: Places) -> Ragged:
        """Return the cells at these places, without a copy where they follow one another."""
        begin = _consecutive(places)
        if begin is None:
            cells = self.cells()
            return Ragged.of([cells[place] for place in places.tolist()], self.read)
        offsets = self.offsets[begin : begin + len(places) + 1]
        return Ragged(self.raw, offsets - offsets[0], self.read, self.begin + int(offsets[0]))


class Column:
    """The values of a field for each row."""

    __slots__ = ("at", "store")

    def __init__(self, store: Store, at: Places | None = None) -> None:
        """`at` is the place of each row's value in the store, or -1 for none; None says that row n has value n."""
        self.store, self.at = store, at

    def __getitem__(self, row: int) -> Any:
        """Return the value of a row, or None where it has none."""
        if self.at is None:
            return self.store[row]
        place = int(self.at[row])
        return None if place < 0 else self.store[place]

    def values(self) -> list[Any]:
        """Return the texts, bytes or messages of all rows, None where a row has none. Each is read once."""
        store = self.store
        assert isinstance(store, Ragged)
        values = [store.read(cell) for cell in store.cells()]
        return values if self.at is None else [None if place < 0 else values[place] for place in self.at.tolist()]

    def take(self, rows: Places) -> Column:
        """Return the column of these rows."""
        return Column(self.store, rows if self.at is None else self.at[rows])

    def packed(self) -> tuple[NDArray[np.bool_] | None, Store]:
        """Return which rows have a value (None: all), and a store with those values in order and no others."""
        if self.at is None:
            return None, self.store
        present = self.at >= 0
        if present.all():
            return None, self.store.gather(self.at)
        return present, self.store.gather(self.at[present])


class Columns:
    """Documents as columns, by name of field, with their chunks and their matches as columns in turn."""

    __slots__ = ("chunks", "fields", "matches", "rows")

    def __init__(
        self,
        rows: int = 0,
        fields: dict[str, Column] | None = None,
        chunks: Nested | None = None,
        matches: Nested | None = None,
    ) -> None:
        self.rows = rows
        self.fields = {} if fields is None else fields
        self.chunks = chunks
        self.matches = matches

    def __len__(self) -> int:
        return self.rows

    def value(self, field: str, row: int) -> Any:
        """Return the value of a field in a row, or None where it has none."""
        column = self.fields.get(field)
        return None if column is None else column[row]

    def texts(self, field: str) -> list[str]:
        """Return the texts of all rows, "" where a row has none. Raises InvalidRequest where one is not UTF-8."""
        column = self.fields.get(field)
        return [""] * self.rows if column is None else [value or "" for value in column.values()]

    def copy(self) -> Columns:
        """Return columns of their own, with the same values and the same children."""
        return Columns(self.rows, dict(self.fields), self.chunks, self.matches)

    def take(self, rows: Places) -> Columns:
        """Return these rows, in this order, with all below them."""
        fields = {name: column.take(rows) for name, column in self.fields.items()}
        chunks = self.chunks.take(rows) if self.chunks else None
        return Columns(len(rows), fields, chunks, self.matches.take(rows) if self.matches else None)

    @property
    def height(self) -> int:
        """How deep the Documents are nested: 1 where they have neither chunks nor matches."""
        below = [nested.columns.height for nested in (self.chunks, self.matches) if nested]
        return 0 if not self.rows else 1 + max(below, default=0)

    @property
    def below(self) -> list[Nested]:
        """All chunks and matches, at every level."""
        found = [nested for nested in (self.chunks, self.matches) if nested]
        return found + [deeper for nested in found for deeper in nested.columns.below]


def concat(several: Sequence[Columns]) -> Columns | None:
    """Return the rows of all, one after the other; None where arrays of different shapes do not fit into one column."""
    several = [columns for columns in several if columns.rows]
    if len(several) < 2:
        return several[0] if several else Columns()
    made = Columns(sum(columns.rows for columns in several))
    for name in dict.fromkeys(name for columns in several for name in columns.fields):
        column = _stacked([(columns.rows, columns.fields.get(name)) for columns in several])
        if column is None:
            return None
        made.fields[name] = column
    for edge in ("chunks", "matches"):
        nested: list[Nested | None] = [getattr(columns, edge) for columns in several]
        if any(nested):
            below = concat([each.columns for each in nested if each])
            if below is None:
                return None
            counts = [
                np.diff(each.offsets) if each else np.zeros(columns.rows, np.uint32)
                for each, columns in zip(nested, several, strict=True)
            ]
            setattr(made, edge, Nested.of(np.concatenate(counts).tolist(), below))
    return made


def _stacked(parts: Sequence[tuple[int, Column | None]]) -> Column | None:
    """Return the columns of several levels, of so many rows each, as one; None where their arrays differ."""
    stores: list[Any] = [column.store for _, column in parts if column is not None]
    store: Store
    if isinstance(stores[0], Ragged):
        sizes = np.concatenate([np.diff(each.offsets) for each in stores])
        store = Ragged(b"".join(each.data for each in stores), _offsets(sizes.tolist(), len(sizes)), stores[0].read)
    else:
        if len({(each.array.shape[1:], each.array.dtype) for each in stores}) > 1:
            return None
        store = type(stores[0])(np.concatenate([each.array for each in stores]))
    places, begin = [], 0
    for rows, column in parts:
        if column is None:
            places.append(np.full(rows, -1, np.int64))
            continue
        at = np.arange(rows) if column.at is None else column.at
        places.append(np.where(at < 0, -1, at + begin))
        begin += len(column.store)
    if all(column is not None and column.at is None for _, column in parts):
        return Column(store)
    return Column(store, np.concatenate(places))


class Nested:
    """Children of all rows of other columns: those of row n are the rows `offsets[n]` to `offsets[n + 1]`."""

    __slots__ = ("columns", "offsets")

    def __init__(self, offsets: NDArray[np.uint32], columns: Columns) -> None:
        self.offsets, self.columns = offsets, columns

    @classmethod
    def of(cls, counts: Sequence[int], columns: Columns) -> Nested:
        """Return columns as children: so many of each row."""
        return cls(_offsets(counts, len(counts)), columns)

    def take(self, rows: Places) -> Nested | None:
        """Return the children of these rows; None where they have none."""
        offsets = self.offsets.astype(np.int64)
        chosen = runs(offsets[rows], offsets[rows + 1])
        if not len(chosen):
            return None
        return Nested.of((offsets[rows + 1] - offsets[rows]).tolist(), self.columns.take(chosen))


def read_text(raw: bytes) -> str:
    """Return a cell as text."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"columns: a text is not valid UTF-8 ({error.reason})") from None


def runs(begins: Places, ends: Places) -> Places:
    """Return all numbers from each begin to before its end, one run after the other."""
    sizes = ends - begins
    stops = np.cumsum(sizes)
    found: Places = np.repeat(begins - stops + sizes, sizes)
    return found + np.arange(len(found))


def _offsets(sizes: Iterable[int], count: int) -> NDArray[np.uint32]:
    """Return where each of so many pieces begins, and where the last one ends."""
    offsets = np.zeros(count + 1, np.int64)
    np.cumsum(np.fromiter(sizes, np.int64, count), out=offsets[1:])
    if offsets[-1] >= 2**32:
        raise OverflowError(f"a column has {offsets[-1]} bytes or rows; the limit is 4 GiB")
    return offsets.astype(np.uint32)


def _consecutive(places: Places) -> int | None:
    """Return the first of places that follow one another; None where they do not."""
    if not len(places):
        return None
    begin = int(places[0])
    return begin if (places == np.arange(begin, begin + len(places))).all() else None
