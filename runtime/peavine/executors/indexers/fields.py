"""Fields: which Documents a filter holds for, by the tags of what a store keeps of them.

Declared fields are columns in memory. They follow the table of Documents, and are made from it at any time. Tags that
are not declared are read from the stored Documents for each filter that asks for them.

Each root Document that was ever asked for has a slot, its place in every column. Rows of other tables, such as vectors,
remember the slot of their root, so that a filter of Documents becomes a filter of rows by indexing one array.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peavine.documents import split_name
from peavine.documents.stored_tags import tags_of
from peavine.errors import InvalidRequest
from peavine.executors.indexers.field_columns import Mask, column
from peavine.filters import And, Condition, FieldType, Filter, Not, check, fitting, parse
from peavine.filters.fields import values_of
from peavine.filters.matching import MISSING, holds, tag
from peavine.store import Row, Store, Table

__all__ = ["Fields", "Slots"]

log = logging.getLogger(__name__)

MAX_SCANNED = 2_000_000
"""Documents and values that one filter may read one by one, for tags that are not declared: some seconds' work."""
_SPARE = 4096


class Fields:
    """The tags of the root Documents in one table of a store."""

    def __init__(self, types: Mapping[str, FieldType], store: Store, table_name: str) -> None:
        self.types = types
        self.lock = threading.RLock()
        """Slots and masks belong together while it is held."""
        self.generation = 0
        """Rises when slots are numbered anew."""
        self._followed, self._state = False, b""
        self._table = Table(store, table_name, self._follow)
        self._store = store
        self._clear()
        if types:
            self._refresh()

    def _clear(self) -> None:
        self.generation += 1
        self._at: dict[str, int] = {}
        self._capacity = self._count = self._documents = 0
        self._stored: Mask = np.zeros(0, np.bool_)
        self._columns = {name: column(declared) for name, declared in self.types.items()}

    @property
    def nbytes(self) -> int:
        """How much memory it takes, about."""
        return 150 * len(self._at) + len(self._stored) + sum(each.nbytes for each in self._columns.values())

    def check(self, id: str, stored: bytes) -> None:
        """Raise InvalidRequest if the tags of a Document do not fit the types of the fields."""
        try:
            fitting(self.types, tags_of(stored) if self.types else {})
        except InvalidRequest as problem:
            raise InvalidRequest("\n".join(f"Document {id!r}: {line}" for line in str(problem).splitlines())) from None

    def slots(self, owners: Sequence[str]) -> NDArray[np.int32]:
        """Return the slots of root Documents, whether they are stored or not. Hold the lock."""
        return np.array([self._slot(owner) for owner in owners], np.int32)

    def checked(self, where: Any) -> Filter:
        """Return the filter as `mask` needs it, or raise InvalidRequest for what can never match; hold the lock.

        From then on the table is followed.
        """
        found = check(parse(where), self.types)
        self._refresh()
        return found

    def mask(self, filter: Filter, report: dict[str, Any]) -> Mask:
        """Return for each slot whether the filter holds, and report how that was found out. Hold the lock."""
        report["documents"] = self._documents
        scanned = self._scan([each for each in filter.conditions() if each.field not in self._columns], report)
        return self._holding(filter, scanned)

    def _holding(self, filter: Filter, scanned: Mapping[str, Mask]) -> Mask:
        if isinstance(filter, Condition):
            known = self._columns.get(filter.field)
            return scanned[str(filter)] if known is None else known.mask(filter)
        if isinstance(filter, Not):
            return ~self._holding(filter.part, scanned)
        parts = [self._holding(part, scanned) for part in filter.parts]  # type: ignore[attr-defined]
        return (np.logical_and if isinstance(filter, And) else np.logical_or).reduce(parts)  # type: ignore[no-any-return]

    def _scan(self, conditions: Sequence[Condition], report: dict[str, Any]) -> dict[str, Mask]:
        """Answer conditions, by their texts, on tags that are not declared, from the stored Documents.

        In Python `x == 1` and `x == true` are equal conditions, so they are told apart by their texts.
        """
        if not conditions:
            return {}
        names = sorted({each.field for each in conditions})
        if (1 + len(conditions)) * len(self._table) > MAX_SCANNED:
            raise InvalidRequest(
                f"filter: would read {', '.join(names):.200} of {len(self._table):,} stored rows; "
                "declare such tags in the index's `fields`, or ask for fewer"
            )
        report["scanned"] = dict.fromkeys(names, report["documents"])
        unknown = set(names)
        masks = [np.full(self._capacity, holds(each, MISSING), np.bool_) for each in conditions]
        for row in self._table:
            slot = self._at.get(row.owner) if row.id == row.owner else None
            if slot is not None:
                tags = tags_of(row.value)
                for each, mask in zip(conditions, masks, strict=True):
                    value = tag(tags, each.field)
                    mask[slot] = holds(each, value)
                    if value is not MISSING:
                        unknown.discard(each.field)
        if unknown:
            report["unknown"] = dict.fromkeys(sorted(unknown), 1)
        return {str(each): mask for each, mask in zip(conditions, masks, strict=True)}

    def _refresh(self) -> None:
        """Read the table if it is not followed yet, or was changed by another process."""
        if self._followed and not (self._store.read_only and self._store.state != self._state):
            return
        self._state = self._store.state
        self._clear()
        misfits = 0
        for row in self._table:
            if row.id == row.owner:
                misfits += not self._put(row.owner, row.value)
        if misfits:
            log.warning(
                "%s: %d stored Documents have tags that do not fit the declared fields; filters take these as missing",
                self._table.name,
                misfits,
            )
        self._followed = True

    def _follow(self, changes: Mapping[str, Row | None]) -> None:
        with self.lock:
            if not self._followed:
                return
            try:
                for name, row in changes.items():
                    id, owner = split_name(name)
                    if id != owner:
                        continue
                    if row is not None:
                        self._put(owner, row.value)
                    else:
                        self._remove(owner)
                if self._count > 2 * self._documents + _SPARE:
                    self._compact()
            except Exception:  # the commit stands: the columns are made anew from the store
                log.exception("%s: cannot follow a commit, so the fields are read again", self._table.name)
                self._followed = False

    def _put(self, owner: str, stored: bytes) -> bool:
        """Take over the tags of a Document; False where some do not fit."""
        slot = self._slot(owner)
        self._documents += not self._stored[slot]
        self._stored[slot] = True
        if not self._columns:
            return True
        values, problems = values_of(self.types, tags_of(stored))
        for name, each in self._columns.items():
            each.put(slot, values.get(name))
        return not problems

    def _remove(self, owner: str) -> None:
        """Forget the tags of a Document. It keeps its slot for a while, because rows may still remember it."""
        slot = self._at.get(owner)
        if slot is not None and self._stored[slot]:
            self._stored[slot] = False
            self._documents -= 1
            for each in self._columns.values():
                each.put(slot, None)

    def _slot(self, owner: str) -> int:
        slot = self._at.get(owner)
        if slot is None:
            slot = self._at[owner] = self._count
            self._count += 1
            if self._count > self._capacity:
                self._resize(max(self._count, self._capacity * 3 // 2, 1024))
        return slot

    def _resize(self, capacity: int) -> None:
        self._stored = np.concatenate([self._stored, np.zeros(capacity - self._capacity, np.bool_)])
        for each in self._columns.values():
            each.resize(capacity)
        self._capacity = capacity

    def _compact(self) -> None:
        """Number the slots anew, without those of Documents that were deleted."""
        owners = [owner for owner, slot in self._at.items() if self._stored[slot]]
        kept = np.array([self._at[owner] for owner in owners], np.intp)
        self._at = {owner: slot for slot, owner in enumerate(owners)}
        self._capacity = self._count = len(kept)
        self._stored = self._stored[kept]
        for each in self._columns.values():
            each.take(kept)
        self.generation += 1


class Slots:
    """The slots of rows that stand in an order of their own; those that are new are looked up when they are needed."""

    def __init__(self) -> None:
        self._slots = np.full(0, -1, np.int32)
        self._generation = 0

    def move(self, origin: int, target: int) -> None:
        """Note that the row at `origin`, the last one, is at `target` now, whose own row is gone."""
        for row in (target, origin):
            if row < len(self._slots):
                self._slots[row] = self._slots[origin] if row == target and origin < len(self._slots) else -1

    def of(self, names: Sequence[str | None], fields: Fields) -> NDArray[np.int32]:
        """Return the slot of each row, given the names of all rows. Hold the lock of the fields."""
        if self._generation != fields.generation:
            self._slots, self._generation = np.full(0, -1, np.int32), fields.generation
        if len(self._slots) < len(names):
            more = np.full(max(len(names) * 3 // 2, 1024) - len(self._slots), -1, np.int32)
            self._slots = np.concatenate([self._slots, more])
        new = np.flatnonzero(self._slots[: len(names)] < 0)
        owners = [split_name(names[row] or "")[1] for row in new.tolist()]
        self._slots[new] = fields.slots(owners)
        return self._slots[: len(names)]
