"""`peavine search TEXT...`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from peavine.cli import inputs, options

if TYPE_CHECKING:
    from peavine.documents import Document

LONGEST_TEXT = 80
"""Characters of a match's text that stand in the table."""


@click.command()
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option("--file", "-f", "files", multiple=True, metavar="FILE", help="Search for its Documents; see `index`.")
@inputs.form
@inputs.size
@click.option("--top-k", "-k", type=int, help="Matches for each query; as many as the Flow says if left out.")
@options.call_options
def search(
    texts: tuple[str, ...],
    files: tuple[str, ...],
    form: str | None,
    size: int | None,
    top_k: int | None,
    host: str,
    timeout: float | None,
    parameters: Mapping[str, Any],
    as_json: bool,
) -> int:
    """Search for each TEXT, and print the matches as a table, the best first.

    With --json each query is a line: the Document with its matches, without arrays.
    """
    from peavine.client import Client

    if not texts and not files:
        raise click.UsageError("say what to search for: a TEXT, or --file FILE")
    queries = [*texts, *inputs.read(files, form, size)]
    with Client(host) as client:
        found = client.search(queries, **options.said(top_k=top_k, timeout=timeout, parameters=parameters))
    if as_json:
        for document in found:
            click.echo(json.dumps(document.to_dict(arrays="none"), ensure_ascii=False))
    else:
        show(found)
    return 0


def show(found: list[Document]) -> None:
    """Print a table of matches for each query."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    for query in found:
        if not query.matches:
            console.print(Text(f"{_content(query)}: no matches"))
            continue
        table = Table(title=Text(_content(query)), title_justify="left", title_style="bold")
        table.add_column("#", justify="right")
        table.add_column("score", justify="right")
        table.add_column("id", overflow="fold")
        table.add_column("what", overflow="fold")
        for place, match in enumerate(query.matches, 1):
            score = "" if match.score is None else f"{match.score.value:.4g}"
            # As Text, because in a string [brackets] would be markup.
            table.add_row(str(place), score, Text(_printable(match.id)), Text(_content(match)))
        console.print(table)


def _content(document: Document) -> str:
    """Say what a Document is, in one line."""
    if document.text is not None:
        line = " ".join(document.text.split())
        return _printable(line if len(line) <= LONGEST_TEXT else line[: LONGEST_TEXT - 1] + "\N{HORIZONTAL ELLIPSIS}")
    if document.uri:
        return _printable(document.uri)
    if document.tags:
        return _printable(", ".join(f"{name}: {value}" for name, value in list(document.tags.items())[:4]))
    if document.chunks:  # what a ranker leaves of a Document that it went back to: the parts that were found
        return _content(document.chunks[0])
    return _printable(document.id)


def _printable(text: str) -> str:
    """Return a text without the characters that would command the terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
