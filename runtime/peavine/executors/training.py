"""What an Executor that learns from all data at once is sent: kept on disk, within a bound, until it has learned."""

from __future__ import annotations

import json
import shutil
import struct
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from peavine.errors import InvalidRequest
from peavine.store import Store, Table

__all__ = ["TrainingData"]

_SIZE = struct.Struct("<I")
FOLDER = "training"


class TrainingData:
    """Contents or embeddings of Documents, with labels.

    A Document that is sent again counts once. `limit` bounds the bytes. With a `workspace` the data outlives the
    process, so that training goes on after a restart. Threads may share it.
    """

    def __init__(self, name: str, workspace: Path | None, limit: int) -> None:
        self._name, self._limit = name, limit
        self._folder = None if workspace is None else workspace / FOLDER
        self._lock = threading.RLock()
        self._store: Store | None = None
        self._table: Table
        self._bytes = 0
        self._form: tuple[str, tuple[int, ...]] | None = None

    def add(
        self, ids: Sequence[str], batch: Any, labels: Sequence[Any] | None = None, keys: Sequence[str] = ()
    ) -> None:
        """Keep B contents: a list of str, a list of bytes, or an array B x ...; they are on disk when this returns.

        What has a key that came before takes its place; keys are the ids where they are left out. Raises InvalidRequest
        for what is of another kind or shape than what came before, and beyond the limit.
        """
        with self._lock:
            table = self._opened()
            values = [_written(item, None if labels is None else labels[place]) for place, item in enumerate(batch)]
            known = self._form or (_form(values[0]) if values else None)
            for id, value in zip(ids, values, strict=True):
                if (form := _form(value)) != known:
                    raise InvalidRequest(
                        f"Document {id!r}: {_said(form)} to learn from, and the training data before it has "
                        f"{_said(known or form)}; {self._name} learns from data of one kind and shape"
                    )
            latest = dict(zip(keys or ids, values, strict=True))
            before = sum(len(value) for value in table.get(latest) if value is not None)
            size = self._bytes - before + sum(map(len, latest.values()))
            if size > self._limit:
                raise InvalidRequest(
                    f"{self._name}: the training data would have {size:,} bytes, and the limit is {self._limit:,}; "
                    "send less, let it learn in batches, or raise train_bytes of its class"
                )
            table.add(list(latest), list(latest.values()), list(latest))
            self._bytes, self._form = size, known

    @contextmanager
    def all(self) -> Iterator[tuple[Any, list[Any]]]:
        """Give the whole batch and its labels, in the order of the ids; all of it is removed when the block ends."""
        with self._lock:
            table = self._opened()
            try:
                yield _read(table, len(table))
            finally:
                self._remove()

    def close(self) -> None:
        """Let go of the files; what has not been learned from stays where there is a workspace."""
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None
                if self._folder is None:
                    shutil.rmtree(self._path, ignore_errors=True)

    def _opened(self) -> Table:
        if self._store is None:
            self._path = self._folder or Path(tempfile.mkdtemp(prefix="peavine-training-"))
            self._store = Store(self._path)
            self._table = Table(self._store, "rows")
            self._bytes, self._form = 0, None
            for row in self._table:
                self._bytes += len(row.value)
                self._form = _form(row.value)
        return self._table

    def _remove(self) -> None:
        path = self._path
        self.close()
        shutil.rmtree(path, ignore_errors=True)


def _written(item: Any, label: Any) -> bytes:
    """Return an item as bytes: the size of its head, the head as JSON, the content."""
    if isinstance(item, str):
        head, content = {"kind": "text"}, item.encode()
    elif isinstance(item, bytes):
        head, content = {"kind": "bytes"}, item
    else:
        array = np.ascontiguousarray(item)
        head, content = {"kind": array.dtype.str, "shape": array.shape}, array.tobytes()  # type: ignore[dict-item]
    header = json.dumps({**head, "label": label}).encode()
    return _SIZE.pack(len(header)) + header + content


def _head(value: bytes) -> tuple[dict[str, Any], int]:
    end = _SIZE.size + _SIZE.unpack_from(value)[0]
    head: dict[str, Any] = json.loads(value[_SIZE.size : end])
    return head, end


def _form(value: bytes) -> tuple[str, tuple[int, ...]]:
    head, _ = _head(value)
    return head["kind"], tuple(head.get("shape", ()))


def _said(form: tuple[str, tuple[int, ...]]) -> str:
    kind, shape = form
    return kind if kind in ("text", "bytes") else f"an array of {np.dtype(kind)} and shape {shape}"


def _read(table: Table, count: int) -> tuple[Any, list[Any]]:
    """Return all rows as a batch, in memory once, and their labels."""
    labels: list[Any] = []
    listed: list[str | bytes] = []
    array: NDArray[Any] | None = None
    for place, row in enumerate(table):
        head, start = _head(row.value)
        labels.append(head["label"])
        if head["kind"] in ("text", "bytes"):
            listed.append(row.value[start:].decode() if head["kind"] == "text" else row.value[start:])
        else:
            if array is None:
                array = np.empty((count, *head["shape"]), np.dtype(head["kind"]))
            array[place] = np.frombuffer(row.value, head["kind"], offset=start).reshape(head["shape"])
    return (listed if array is None else array), labels
