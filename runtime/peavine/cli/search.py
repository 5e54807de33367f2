"""`peavine search TEXT...`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from peavine.cli import inputs, options
from peavine.cli.reach import reach

if TYPE_CHECKING:
    from peavine.documents import Document


@click.command()
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option("--file", "-f", "files", multiple=True, metavar="FILE", help="Search for its Documents; see `index`.")
@inputs.options
@click.option("--top-k", "-k", type=int, help="Matches for each query; as many as the Flow says if left out.")
@click.option("--filter", metavar="FILTER", help="Find only Documents with such tags: 'price < 60 and not sold'.")
@click.option(
    "--fields",
    metavar="NAME,..",
    help="Fields of the matches, such as text,tags; all but arrays and buffers if left out.",
)
@options.call_options
def search(
    texts: tuple[str, ...],
    files: tuple[str, ...],
    reading: inputs.Reading,
    top_k: int | None,
    filter: str | None,
    fields: str | None,
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
    names = [name.strip() for name in fields.split(",")] if fields else None
    with reach(host) as client:
        given = options.given(top_k=top_k, filter=filter, timeout=timeout, parameters=parameters, fields=names)
        found = client.search(queries, **given)
    if as_json:
        for document in found:
            click.echo(json.dumps(document.to_dict(arrays="list" if names else "none"), ensure_ascii=False))
    else:
        show(found)
    return 0


def show(found: list[Document]) -> None:
    """Print a table of matches for each query."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from peavine.documents.outline import content, measure, printable, tags

    console = Console()
    for query in found:
        if not query.matches:
            console.print(Text(f"{content(query)}: no matches"))
            continue
        tagged = any(tags(match) for match in query.matches)
        table = Table(title=Text(content(query)), title_justify="left", title_style="bold")
        table.add_column("#", justify="right")
        table.add_column(measure(query.matches), justify="right")
        table.add_column("id", overflow="fold")
        table.add_column("content", overflow="fold")
        if tagged:
            table.add_column("tags", overflow="fold")
        for place, match in enumerate(query.matches, 1):
            number = "" if match.score is None else f"{match.score.value:.4g}"
            # As Text, because in a string [brackets] would be markup.
            cells = [printable(match.id), content(match), *([tags(match)] if tagged else [])]
            table.add_row(str(place), number, *map(Text, cells))
        console.print(table)
