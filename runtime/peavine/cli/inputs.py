"""Documents from the files and folders that a command names."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from peavine.errors import InvalidRequest, NotFound

if TYPE_CHECKING:
    from peavine.client.items import Item

F = TypeVar("F", bound=Callable[..., Any])

PICTURES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
IN_FOLDERS = {
    **dict.fromkeys([".jsonl", ".jsonlines", ".ndjson"], "jsonl"),
    **dict.fromkeys([".csv", ".tsv"], "csv"),
    ".npy": "npy",
    **dict.fromkeys([".txt", ".md", ".markdown", ".rst"], "text"),
    **dict.fromkeys([".html", ".htm", ".xhtml"], "html"),
    **dict.fromkeys(PICTURES, "images"),
}
"""Forms of the files in a folder, by suffix; other files are left out."""
NAMED = {**IN_FOLDERS, ".txt": "lines"}
"""Forms of files that the command line names, by suffix: `titles.txt` is a list. Any other is a Document, its bytes."""
FORMS = ("jsonl", "csv", "lines", "text", "html", "images", "npy", "files")


@dataclass(frozen=True)
class Reading:
    """How files are read, from the options."""

    form: str | None = None
    text: str | None = None
    id: str | None = None
    pixels: tuple[int, int] = (64, 64)
    """Height and width."""
    size: int | None = None


def _pixels(context: click.Context, option: click.Parameter, value: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9]\d{0,3})x([1-9]\d{0,3})", value)
    if found is None:
        raise click.BadParameter(f'"{value}" is not WIDTHxHEIGHT, such as 64x64')
    return int(found[2]), int(found[1])


def options(command: F) -> F:
    """Add the options for how files are read; the command gets them together, as `reading`."""

    @wraps(command)
    def gathered(*args: Any, **named: Any) -> Any:
        reading = Reading(**{name: named.pop(name) for name in Reading.__dataclass_fields__})
        return command(*args, reading=reading, **named)

    for option in (
        click.option("--size", type=click.IntRange(min=0), help="Take no more Documents than this."),
        click.option(
            "--pixels", default="64x64", show_default=True, callback=_pixels, metavar="WIDTHxHEIGHT",
            help="What pictures are scaled to.",
        ),
        click.option("--id", metavar="COLUMN", help="Column of CSV, or key of JSON lines, that is the id."),
        click.option(
            "--text", metavar="COLUMN",
            help="Column of CSV, or key of JSON lines, that is the text; all others become tags.",
        ),
        click.option(
            "--form", type=click.Choice(FORMS),
            help="The files' form, if not shown by their names: jsonl, a Document a line; csv, a row; lines, a text a "
            "line; text, html and images, a Document each file; npy, an array's rows; files, the bytes of each file.",
        ),
    ):  # fmt: skip
        gathered = option(gathered)
    return gathered  # type: ignore[return-value]


class Documents(Iterator["Item"]):
    """The Documents of files, in their order, `-` being standard input.

    The constructor raises NotFound for a missing file and InvalidRequest for a missing library, so before anything is
    sent. The length hint is estimated from the bytes that have been read, where all files have a size.
    """

    def __init__(self, names: Sequence[str], reading: Reading) -> None:
        self._reading = reading
        self._files = [file for name in names for file in _files(name, reading.form)]
        if any(form == "images" for _, form in self._files):
            from peavine.client.pictures import check_installed

            check_installed()
        self._bytes = sum(Path(name).stat().st_size if Path(name).is_file() else 0 for name, _ in self._files)
        self._endless = any(not Path(name).is_file() for name, _ in self._files)
        self._given = self._read = 0
        self._items = islice(self._all(), reading.size)

    def __next__(self) -> Item:
        item = next(self._items)
        self._given += 1
        return item

    def __length_hint__(self) -> int:
        if self._endless or not self._read:
            return NotImplemented  # type: ignore[no-any-return]
        left = round(self._given * max(self._bytes / self._read, 1.0)) - self._given
        return left if self._reading.size is None else min(left, self._reading.size - self._given)

    def _all(self) -> Iterator[Item]:
        for name, form in self._files:
            begin = self._read
            if name == "-":
                yield from self._source(form, standard_input(), name)
                continue
            path = Path(name)
            if form in ("jsonl", "csv", "lines") and path.is_file():
                with path.open(encoding="utf-8-sig", newline="") as opened:
                    for item in self._source(form, opened, name):
                        self._read = begin + opened.buffer.raw.tell()  # type: ignore[attr-defined]
                        yield item
            else:
                yield from self._source(form, path, name)
            self._read = begin + path.stat().st_size

    def _source(self, form: str, source: TextIO | Path, name: str) -> Iterable[Item]:
        from peavine.client import sources

        text, id = self._reading.text, self._reading.id
        match form:
            case "jsonl":
                return sources.jsonl(source, text=text, id=id)
            case "csv":
                delimiter = "\t" if name.lower().endswith(".tsv") else ","
                return sources.csv(source, text=text or "text", id=id, delimiter=delimiter)
            case "lines":
                return sources.lines(source)
        if not isinstance(source, Path):
            raise InvalidRequest("-: specify what standard input is with --form jsonl, csv or lines")
        match form:
            case "npy":
                return _rows(source)
            case "html":
                return sources.html(source)
            case "images":
                return sources.images(source, shape=self._reading.pixels)
        return sources.files(source, text=form == "text")


def standard_input() -> TextIO:
    """Return standard input as UTF-8, as files are read, whatever the terminal's encoding."""
    return open(sys.stdin.fileno(), encoding="utf-8-sig", newline="", closefd=False)


def _files(name: str, form: str | None) -> Iterator[tuple[str, str]]:
    """Yield each file that a name means, with its form. Raises NotFound for a name without a file."""
    if name == "-":
        yield name, form or "jsonl"
    elif Path(name).is_dir():
        yield from _folder(Path(name), form)
    else:
        from peavine.client.paths import matching

        for path in matching(name):
            usual = "jsonl" if path.is_fifo() or path.is_char_device() else NAMED.get(path.suffix.lower(), "files")
            yield str(path), form or usual


def _folder(folder: Path, form: str | None) -> Iterator[tuple[str, str]]:
    """Yield the files in a folder and those below it, without hidden ones, and report those that are left out.

    Pictures among texts are left out, because no Encoder takes both; a folder of pictures alone is taken.
    """
    paths = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    known = {path: form or IN_FOLDERS.get(path.suffix.lower(), "") for path in paths}
    if not any(known.values()):
        raise NotFound(f"{folder}: has no texts, web pages, pictures or tables; specify with --form what its files are")
    _report([path for path in paths if not known[path]], "its name does not show what it is; see --form")
    if form is None and len(set(known.values()) - {""}) > 1:
        pictures = [path for path in paths if known[path] == "images"]
        _report(pictures, f"a picture among texts; index pictures alone, by a pattern such as '{folder}/**/*.png'")
        known |= dict.fromkeys(pictures, "")
    yield from ((str(path), each) for path, each in known.items() if each)


def _report(left_out: Sequence[Path], why: str) -> None:
    if left_out:
        rest = f" and {len(left_out) - 1} more" if len(left_out) > 1 else ""
        click.echo(f"peavine: left out {left_out[0]}{rest}: {why}", err=True)


def _rows(path: Path) -> Iterable[Item]:
    import numpy as np

    from peavine.client import sources

    if not path.is_file():
        raise InvalidRequest(f"{path}: is not a file on a disk, as an array's must be")
    try:
        return sources.arrays(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError) as error:
        raise InvalidRequest(f"{path}: cannot be read as an array: {error}") from error
