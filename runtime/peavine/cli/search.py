"""`peavine search TEXT...`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from peavine.cli import inputs, options
from peavine.cli.reach import reach

if TYPE_CHECKING:
    from peavine.documents import Document

LONGEST = 80
"""Characters of a match's text, or of its tags, that the table shows at most."""
MOST_TAGS = 4
"""Tags of a match that the table shows at most."""


@click.command()
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option("--file", "-f", "files", multiple=True, metavar="FILE", help="Search for its Documents; see `index`.")
@inputs.options
@click.option("--top-k", "-k", type=int, help="Matches for each query; as many as the Flow says if left out.")
@options.call_options
def search(
    texts: tuple[str, ...],
    files: tuple[str, ...],
    reading: inputs.Reading,
    top_k: int | None,
    host: str,
    timeout: float | None,
    parameters: Mapping[str, Any],
    as_json: bool,
) -> int:
    """Search for each TEXT, and print the matches as a table, the best first.

    The number of a match is a distance, of which smaller is better, or a similarity, of which larger is better. With
    --json each query is a line: the Document with its matches, without arrays.
    """
    if not texts and not files:
        raise click.UsageError("name what to search for: a TEXT, or --file FILE")
    queries = [*texts, *inputs.Documents(files, reading)]
    with reach(host) as client:
        found = client.search(queries, **options.given(top_k=top_k, timeout=timeout, parameters=parameters))
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
        tagged = any(_tags(match) for match in query.matches)
        table = Table(title=Text(_content(query)), title_justify="left", title_style="bold")
        table.add_column("#", justify="right")
        table.add_column(_measure(query.matches), justify="right")
        table.add_column("id", overflow="fold")
        table.add_column("content", overflow="fold")
        if tagged:
            table.add_column("tags", overflow="fold")
        for place, match in enumerate(query.matches, 1):
            number = "" if match.score is None else f"{match.score.value:.4g}"
            # As Text, because in a string [brackets] would be markup.
            cells = [_printable(match.id), _content(match), *([_tags(match)] if tagged else [])]
            table.add_row(str(place), number, *map(Text, cells))
        console.print(table)


def _measure(matches: Sequence[Document]) -> str:
    """Return the title for the scores of matches, which shows whether small or large ones are good."""
    directions = {bool(match.score.ascending) for match in matches if match.score is not None}
    return "score" if len(directions) != 1 else "distance" if directions.pop() else "similarity"


def _content(document: Document) -> str:
    """Return the content of a Document in one line: for a match with parts, that of the best one."""
    parts = [part for part in document.chunks if part.score is not None]
    if parts:
        return _content(min(parts, key=lambda part: part.score.rank))
    if document.text is not None:
        return _short(" ".join(document.text.split()))
    if document.uri:
        return _printable(document.uri)
    if document.chunks:
        return _content(document.chunks[0])
    return _tags(document) or _printable(document.id)


def _tags(document: Document) -> str:
    """Return the first tags of a Document by name, in one line; they have no order of their own."""
    tags = sorted(document.tags.items()) if document.has_tags else []
    shown = [f"{name}: {_number(value)}" for name, value in tags[:MOST_TAGS]]
    return _short(", ".join([*shown, *(["\N{HORIZONTAL ELLIPSIS}"] if len(tags) > MOST_TAGS else [])]))


def _number(value: Any) -> Any:
    """Return a whole number without the decimals that it has on the wire."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _short(line: str) -> str:
    return _printable(line if len(line) <= LONGEST else line[: LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}")


def _printable(text: str) -> str:
    """Return a text without the characters that would command the terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
