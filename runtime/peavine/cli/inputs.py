"""Documents from the files that a command names."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from peavine.errors import InvalidRequest

if TYPE_CHECKING:
    from peavine.client.items import Item

FORMS = ("jsonl", "csv", "lines", "npy", "text", "files")
SUFFIXES = {
    **dict.fromkeys([".jsonl", ".jsonlines", ".ndjson"], "jsonl"),
    ".csv": "csv",
    ".txt": "lines",
    ".npy": "npy",
    **dict.fromkeys([".md", ".markdown", ".rst"], "text"),
}
"""What a file is taken for by its name; every other file is one Document, its bytes."""

form = click.option(
    "--form",
    type=click.Choice(FORMS),
    help="What the files are, if their names do not tell: jsonl, a Document a line; csv, a row (column `text`); lines, "
    "a text a line; npy, an array's rows; text, each file a Document, its text; files, the same with its bytes.",
)
size = click.option("--size", type=click.IntRange(min=0), help="Take no more Documents than this.")


def read(names: Sequence[str], form: str | None, size: int | None) -> Iterator[Item]:
    """Yield the Documents of files. `-` is standard input: JSON lines, as pipes are, unless `form` says otherwise."""
    return islice(_all(names, form), size)


def _all(names: Sequence[str], form: str | None) -> Iterator[Item]:
    for name in names:
        if name == "-":
            yield from _source(form or "jsonl", standard_input(), name)
        else:
            path = Path(name)
            usual = "jsonl" if path.is_fifo() or path.is_char_device() else SUFFIXES.get(path.suffix.lower(), "files")
            yield from _source(form or usual, name, name)


def standard_input() -> TextIO:
    """Return standard input as UTF-8, as files are read, whatever the terminal's encoding."""
    return open(sys.stdin.fileno(), encoding="utf-8-sig", newline="", closefd=False)


def _source(form: str, source: Any, name: str) -> Iterable[Item]:
    from peavine.client import sources

    if form == "npy":
        if not Path(name).is_file():
            raise InvalidRequest(f"{name}: is not a file on a disk, as an array's must be")
        import numpy as np

        try:
            return sources.arrays(np.load(name, mmap_mode="r", allow_pickle=False))
        except (OSError, ValueError) as error:
            raise InvalidRequest(f"{name}: cannot be read as an array: {error}") from error
    if form in ("files", "text") and name == "-":
        raise InvalidRequest("-: say what standard input is with --form jsonl, csv or lines")
    match form:
        case "jsonl":
            return sources.jsonl(source)
        case "csv":
            return sources.csv(source)
        case "lines":
            return sources.lines(source)
    return sources.files(source, text=form == "text")
