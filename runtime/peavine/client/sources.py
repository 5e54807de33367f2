"""Where Documents come from: files, web pages, pictures, lines, JSON lines, CSV and arrays, each as a generator.

Everything is read here, on the client's side: a server never opens what a client names. Each source reads no more than
it gives, and `size` counts Documents.
"""

from __future__ import annotations

import csv as csv_format
import json
import mimetypes
import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from peavine.client import pictures, webpage
from peavine.client.items import identified
from peavine.client.paths import identity, matching, printable
from peavine.client.records import cell, distinct, of_json, of_record
from peavine.documents import Document
from peavine.errors import InvalidRequest, NotFound, did_you_mean

__all__ = ["arrays", "csv", "files", "html", "images", "jsonl", "lines"]

T = TypeVar("T")

_LONGEST_FIELD = 1 << 30
"""Characters of a CSV field: as many as the largest message that a Flow may take has bytes."""


def files(
    names: str | Path | Iterable[str | Path],
    *,
    text: bool = False,
    size: int | None = None,
    sampling_rate: float | None = None,
    seed: int | None = None,
) -> Iterator[Document]:
    """Give a Document for each file that is named, or matches a pattern; `**` in a pattern matches folders.

    A string that names a file is that file, whatever characters are in it, and a Path is never a pattern. The content
    is the file's bytes, or with `text` its text in UTF-8; `uri` and id are its path, so a file that is indexed again
    replaces itself. Raises NotFound for a name or pattern without a file.
    """
    for path in _take(matching(names), size, sampling_rate, seed):
        raw = path.read_bytes()
        if not text:
            yield _of_file(path, "application/octet-stream", buffer=raw)
            continue
        try:
            yield _of_file(path, "text/plain", text=raw.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            name = printable(str(path))
            raise InvalidRequest(f"{name}: is not UTF-8 text ({error}); leave out text=True for its bytes") from error


def html(
    names: str | Path | Iterable[str | Path],
    *,
    size: int | None = None,
    sampling_rate: float | None = None,
    seed: int | None = None,
) -> Iterator[Document]:
    """Give a Document for each HTML file: the text that a reader sees; its title is the tag `title`.

    Names, ids and errors are those of `files`. The encoding is the one that a page declares, else UTF-8.
    """
    for path in _take(matching(names), size, sampling_rate, seed):
        try:
            title, text = webpage.read(webpage.decode(path.read_bytes()))
        except UnicodeDecodeError as error:
            raise InvalidRequest(f"{printable(str(path))}: is not {error.encoding} text: {error}") from error
        yield _of_file(path, "text/html", text=text, tags={"title": title} if title else None)


def images(
    names: str | Path | Iterable[str | Path],
    *,
    shape: tuple[int, int] = (64, 64),
    size: int | None = None,
    sampling_rate: float | None = None,
    seed: int | None = None,
) -> Iterator[Document]:
    """Give a Document for each picture: height x width x 3 numbers from 0 to 255, scaled to `shape` (height, width).

    Names, ids and errors are those of `files`. Needs Pillow: `pip install pillow`.
    """
    for path in _take(matching(names), size, sampling_rate, seed):
        yield _of_file(path, "application/octet-stream", tensor=pictures.pixels(path, shape))


def _of_file(path: Path, otherwise: str, **content: Any) -> Document:
    """Return the Document of a file, whose MIME type is `otherwise` where its name does not say."""
    uri = printable(str(path))
    return Document(id=identity(path), uri=uri, mime_type=mimetypes.guess_type(uri)[0] or otherwise, **content)


def lines(
    source: str | Path | Iterable[str],
    *,
    size: int | None = None,
    sampling_rate: float | None = None,
    seed: int | None = None,
) -> Iterator[Document]:
    """Give a Document for each line that is not blank, of a file or of an iterable such as an open file.

    Its id is the hash of its text, so a line that is indexed again replaces itself.
    """
    with _opened(source) as opened:
        filled = (line.rstrip("\r\n") for line in opened if not line.isspace() and line)
        for line in _take(filled, size, sampling_rate, seed):
            yield identified(Document(text=line))


def jsonl(
    source: str | Path | Iterable[str],
    *,
    text: str | None = None,
    id: str | None = None,
    size: int | None = None,
    sampling_rate: float | None = None,
    seed: int | None = None,
) -> Iterator[Document | tuple[Document, Document]]:
    """Give a Document for each line, which holds its dictionary as JSON.

    A line `{"document": {..}, "groundtruth": {..}}` gives a pair. With `text`, the name of a key, each line is a record
    of your own: that key is the text, `id` (or a key `id`) the id, and all others become tags. A Document without an id
    gets the hash of what it says. Raises InvalidRequest, which names file and line.
    """
    name = _name(source, "line")
    with _opened(source) as opened:
        numbered = ((number, line) for number, line in enumerate(opened, 1) if not line.isspace() and line)
        for number, line in _take(numbered, size, sampling_rate, seed):
            try:
                data = json.loads(line, object_pairs_hook=distinct)
                yield of_json(data) if text is None and id is None else of_record(data, text or "text", id)
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

    `text` and `id` name the columns that become these fields; a column `id` is taken where there is one, and a row
    without one gets the hash of what it says. All others become tags: numbers of up to 15 digits and `true` or `false`
    by their type, anything else (numbers with a leading zero, too) as text; an empty cell becomes no tag. Raises
    InvalidRequest, which names file and row.
    """
    name = _name(source, "csv")
    # The limit is the process's, and small. It is raised, never lowered: another thread may be reading.
    csv_format.field_size_limit(max(csv_format.field_size_limit(), _LONGEST_FIELD))
    with _opened(source) as opened:
        rows = csv_format.DictReader(opened, delimiter=delimiter, restkey="", strict=True)
        try:
            columns = list(rows.fieldnames or [])
        except csv_format.Error as error:
            raise InvalidRequest(f"{name}:1: is not CSV: {error}") from error
        for place, column in enumerate(columns):
            if column in columns[:place]:
                raise InvalidRequest(f'{name}:1: two columns are named "{column}"; rename one of them')
        for wanted in [text] if id is None else [text, id]:
            if wanted not in columns:
                raise InvalidRequest(
                    f'{name}: no column "{wanted}"{did_you_mean(wanted, columns)}; it has: {", ".join(columns)}; name '
                    "the one with the text as `text` (--text COLUMN), the one with the ids as `id` (--id COLUMN)"
                )
        key = id or ("id" if "id" in columns else None)
        for row in _take(_rows(rows, name), size, sampling_rate, seed):
            if "" in row or None in row.values():
                raise InvalidRequest(f"{name}:{rows.line_num}: should have {len(columns)} columns, as the first row")
            tags = {column: cell(value) for column, value in row.items() if value and column not in (text, key)}
            try:
                yield identified(Document(text=row[text], tags=tags), row[key] if key else None)
            except InvalidRequest as error:
                raise InvalidRequest(f"{name}:{rows.line_num}: {error}") from error


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


@contextmanager
def _opened(source: str | Path | Iterable[str]) -> Iterator[Iterable[str]]:
    name = _name(source, "the input")
    try:
        if not isinstance(source, str | Path):
            yield _without_mark(source)
        else:
            with Path(source).open(encoding="utf-8-sig", newline="") as opened:
                yield opened
    except FileNotFoundError:
        raise NotFound(f'no file "{name}"') from None
    except IsADirectoryError:
        raise NotFound(f'"{name}" is a folder; name the files in it') from None
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{name}: is not UTF-8 text: {error.reason} at byte {error.start}") from error


def _rows(rows: csv_format.DictReader[str], name: str) -> Iterator[dict[Any, Any]]:
    try:
        yield from rows
    except csv_format.Error as error:
        raise InvalidRequest(
            f"{name}:{rows.reader.line_num}: is not CSV: {error}; is a quotation mark missing?"
        ) from error


def _name(source: str | Path | Iterable[str], otherwise: str) -> str:
    """Return what a message calls a source."""
    if isinstance(source, str | Path):
        return printable(str(source))
    name = getattr(source, "name", otherwise)
    return "standard input" if name in (0, "<stdin>") else str(name)


def _without_mark(lines: Iterable[str]) -> Iterator[str]:
    """Give lines without the byte order mark that Windows puts before the first."""
    for place, line in enumerate(lines):
        yield line if place else line.removeprefix("\ufeff")
