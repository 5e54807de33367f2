"""Where Documents come from: files, lines, JSON lines, CSV and arrays, each as a generator.

Everything is read here, on the client's side: a server never opens what a client names. Each source reads no more than
it gives, and `size` counts Documents.
"""

from __future__ import annotations

import csv as csv_format
import glob
import hashlib
import json
import mimetypes
import os
import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from peavine.documents import Document
from peavine.errors import InvalidRequest, NotFound, did_you_mean

__all__ = ["arrays", "csv", "files", "jsonl", "lines"]

T = TypeVar("T")


def files(
    patterns: str | Path | Iterable[str | Path],
    *,
    text: bool = False,
    size: int | None = None,
    sampling_rate: float | None = None,
    seed: int | None = None,
) -> Iterator[Document]:
    """Give a Document for each file that matches; `**` in a pattern matches folders.

    Its content is the file's bytes, or with `text` its text in UTF-8; `uri` and id are its path, so a file that is
    indexed again replaces itself. Raises NotFound for a pattern
    that matches nothing.
    """
    for path in _take(_matching(patterns), size, sampling_rate, seed):
        kind = mimetypes.guess_type(path.name)[0] or ("text/plain" if text else "application/octet-stream")
        if not text:
            yield Document(id=_id(path), buffer=path.read_bytes(), uri=str(path), mime_type=kind)
            continue
        try:
            yield Document(id=_id(path), text=path.read_text(encoding="utf-8"), uri=str(path), mime_type=kind)
        except UnicodeDecodeError as error:
            raise InvalidRequest(f"{path}: is not UTF-8 text ({error}); leave out text=True for its bytes") from error


def _id(path: Path) -> str:
    """Return the path, or its hash where it is longer than an id may be."""
    name = str(path)
    return name if len(os.fsencode(name)) <= 256 else hashlib.blake2b(os.fsencode(name), digest_size=8).hexdigest()


def lines(
    source: str | Path | Iterable[str],
    *,
    size: int | None = None,
    sampling_rate: float | None = None,
    seed: int | None = None,
) -> Iterator[Document]:
    """Give a Document for each line that is not blank, of a file or of an iterable such as an open file."""
    with _opened(source) as opened:
        filled = (line.rstrip("\r\n") for line in opened if not line.isspace() and line)
        for line in _take(filled, size, sampling_rate, seed):
            yield Document(text=line)


def jsonl(
    source: str | Path | Iterable[str],
    *,
    size: int | None = None,
    sampling_rate: float | None = None,
    seed: int | None = None,
) -> Iterator[Document | tuple[Document, Document]]:
    """Give a Document for each line, which holds its dictionary as JSON.

    A line `{"document": {..}, "groundtruth": {..}}` gives a pair. Raises InvalidRequest that names file and line.
    """
    name = str(source) if isinstance(source, str | Path) else "line"
    with _opened(source) as opened:
        numbered = ((number, line) for number, line in enumerate(opened, 1) if not line.isspace() and line)
        for number, line in _take(numbered, size, sampling_rate, seed):
            try:
                yield _from_json(json.loads(line))
            except json.JSONDecodeError as error:
                raise InvalidRequest(f"{name}:{number}: is not JSON: {error.msg} at character {error.pos}") from error
            except RecursionError as error:
                raise InvalidRequest(f"{name}:{number}: is nested too deep") from error
            except InvalidRequest as error:
                raise InvalidRequest(f"{name}:{number}: {error}") from error


def csv(
    source: str | Path | Iterable[str],
    *,
    text: str = "text",
    id: str | None = None,
    delimiter: str = ",",
    size: int | None = None,
    sampling_rate: float | None = None,
    seed: int | None = None,
) -> Iterator[Document]:
    """Give a Document for each row; its first row names the columns.

    `text` and `id` name the columns that become these fields; a column `id` is taken where there is one. All others
    become tags, as strings.
    """
    name = str(source) if isinstance(source, str | Path) else "csv"
    with _opened(source) as opened:
        rows = csv_format.DictReader(opened, delimiter=delimiter, restkey="", strict=True)
        columns = list(rows.fieldnames or [])
        for wanted in [text] if id is None else [text, id]:
            if wanted not in columns:
                raise InvalidRequest(
                    f'{name}: no column "{wanted}"{did_you_mean(wanted, columns)}; it has: {", ".join(columns)}'
                )
        key = id or ("id" if "id" in columns else None)
        for row in _take(rows, size, sampling_rate, seed):
            if "" in row or None in row.values():
                raise InvalidRequest(f"{name}:{rows.line_num}: has not {len(columns)} columns as the first row has")
            tags = {column: value for column, value in row.items() if column not in (text, key)}
            yield Document(id=row[key] if key else None, text=row[text], tags=tags)


def arrays(
    array: np.ndarray[Any, Any],
    *,
    axis: int = 0,
    size: int | None = None,
    shuffle: bool = False,
    seed: int | None = None,
) -> Iterator[Document]:
    """Give a Document for each slice of `array` along `axis`, as a view; with `shuffle` in random order."""
    if array.ndim == 0 or not -array.ndim <= axis < array.ndim:
        raise InvalidRequest(f"axis: {axis} is not an axis of an array of shape {array.shape}")
    slices = np.moveaxis(array, axis, 0)
    order: Iterable[int] = np.random.default_rng(seed).permutation(len(slices)) if shuffle else range(len(slices))
    for place in _take(order, size, None, None):
        yield Document(tensor=slices[place])


def _take(items: Iterable[T], size: int | None, sampling_rate: float | None, seed: int | None) -> Iterator[T]:
    """Give at most `size` items, each of the source's with the probability `sampling_rate`."""
    if size is not None and size < 0:
        raise InvalidRequest(f"size: {size} is negative")
    if sampling_rate is not None:
        if not 0 <= sampling_rate <= 1:
            raise InvalidRequest(f"sampling_rate: {sampling_rate} is not between 0 and 1")
        chance = random.Random(seed)
        items = (item for item in items if chance.random() < sampling_rate)
    return islice(items, size)


def _matching(patterns: str | Path | Iterable[str | Path]) -> Iterator[Path]:
    seen = set()
    for pattern in [patterns] if isinstance(patterns, str | Path) else patterns:
        found = False
        for name in sorted(glob.iglob(str(pattern), recursive=True)):
            path = Path(name)
            found = found or path.is_file()
            if path.is_file() and path not in seen:
                seen.add(path)
                yield path
        if not found:
            name = str(pattern).rstrip("/")
            hint = f'; it is a folder: "{name}/*" are its files' if Path(pattern).is_dir() else ""
            raise NotFound(f'no file matches "{pattern}"{hint}')


@contextmanager
def _opened(source: str | Path | Iterable[str]) -> Iterator[Iterable[str]]:
    name = str(source) if isinstance(source, str | Path) else "the input"
    try:
        if not isinstance(source, str | Path):
            yield source
        elif not Path(source).is_file():
            raise NotFound(f'no file "{source}"')
        else:
            with Path(source).open(encoding="utf-8", newline="") as opened:
                yield opened
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{name}: is not UTF-8 text: {error.reason} at byte {error.start}") from error
    except csv_format.Error as error:
        raise InvalidRequest(f"{name}: is no CSV: {error}") from error


def _from_json(data: Any) -> Document | tuple[Document, Document]:
    if not isinstance(data, dict):
        raise InvalidRequest(f"is a {type(data).__name__}, and a JSON object is wanted")
    if data.keys() == {"document", "groundtruth"}:
        return Document.from_dict(data["document"]), Document.from_dict(data["groundtruth"])
    return Document.from_dict(data)
