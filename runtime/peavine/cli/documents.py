"""How stored Documents are printed: as a table for people, or as lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from peavine.documents import Document

__all__ = ["show"]


def show(docs: Sequence[Document], as_json: bool) -> None:
    """Print Documents without their arrays."""
    if as_json:
        for doc in docs:
            click.echo(json.dumps(doc.to_dict(arrays="none"), ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from peavine.documents.outline import content, printable, tags

    table = Table("id", "content", "tags", "chunks")
    for doc in docs:
        # As Text, because in a string [brackets] would be markup.
        table.add_row(*map(Text, (printable(doc.id), content(doc), tags(doc), str(len(doc.chunks)))))
    Console().print(table)
