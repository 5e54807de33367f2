"""Documents from the files that a command names."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from peavine.errors import InvalidRequest

if TYPE_CHECKING:
    from peavine.client.items import Item

FORMS = ("jsonl", "csv", "lines", "npy", "files")
SUFFIXES = {".jsonl": "jsonl", ".jsonlines": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".txt": "lines", ".npy": "npy"}
"""What a file is taken for by its name; every other file is one Document, its bytes."""

form = click.option(
    "--form",
    type=click.Choice(FORMS),
    help="What the files are, if their names do not tell: jsonl, a Document a line; csv, a row (column `text`); lines, "
    "a text a line; npy, an array's rows; files, each file a Document.",
)
size = click.option("--size", type=click.IntRange(min=0), help="Take no more Documents than this.")


def read(names: Sequence[str], form: str | None, size: int | None) -> Iterator[Item]:
    """Yield the Documents of files; `-` is standard input, JSON lines unless `form` says otherwise."""
    return islice(_all(names, form), size)


def _all(names: Sequence[str], form: str | None) -> Iterator[Item]:
    for name in names:
        if name == "-":
            yield from _source(form or "jsonl", sys.stdin, name)
        else:
            yield from _source(form or SUFFIXES.get(Path(name).suffix.lower(), "files"), name, name)


def _source(form: str, source: Any, name: str) -> Iterable[Item]:
    from peavine.client import sources

    if form == "npy":
        import numpy as np

        try:
            return sources.arrays(np.load(name, mmap_mode="r", allow_pickle=False))
        except (OSError, ValueError) as error:
            raise InvalidRequest(f"{name}: cannot be read as an array: {error}") from error
    if form == "files" and name == "-":
        raise InvalidRequest("-: say what standard input is with --form jsonl, csv or lines")
    match form:
        case "jsonl":
            return sources.jsonl(source)
        case "csv":
            return sources.csv(source)
        case "lines":
            return sources.lines(source)
    return sources.files(source)
