"""`peavine export [FILE]`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from peavine.cli import options
from peavine.cli.reach import reach


@click.command()
@click.argument("file", default="-", metavar="[FILE]")
@options.read_options
def export(file: str, host: str, timeout: float | None, as_json: bool) -> None:
    """Write all stored Documents to FILE, or to standard output, a line of JSON each, with embeddings and chunks.

    `peavine import` reads them. FILE is there when it is complete. Documents that are written meanwhile may be missing;
    those that are there all the time come exactly once.
    """
    with reach(host) as client, _opened(file) as lines:
        from peavine.client.progress import Bar

        given = options.given(timeout=timeout)
        count = vectors = 0
        with Bar("export", client.count(**given), None) as bar:
            for doc in client.scroll(embeddings=True, **given):
                lines.write(json.dumps(doc.to_dict(arrays="base64"), ensure_ascii=False) + "\n")
                count += 1
                vectors += doc.embedding is not None
                bar.advance(1)
    told = {"documents": count, "embeddings": vectors, "file": file}
    click.echo(
        json.dumps(told) if as_json else f"export: {count:,} Documents, {vectors:,} of them with an embedding",
        err=file == "-",
    )


@contextmanager
def _opened(file: str) -> Iterator[IO[str]]:
    """Yield what to write to. A file appears, or is replaced, when all is written."""
    if file == "-":
        yield sys.stdout
        return
    unfinished = Path(f"{file}.unfinished")
    try:
        with unfinished.open("w", encoding="utf-8") as opened:
            yield opened
            opened.flush()
            os.fsync(opened.fileno())
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
