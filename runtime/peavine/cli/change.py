"""The commands that send Documents and want no Documents back: index, update, train; and what they report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from peavine.cli import inputs, options
from peavine.cli.reach import reach

if TYPE_CHECKING:
    from peavine.client import Summary

DONE = {
    "index": ("Document", "indexed"),
    "update": ("Document", "sent; those that were not indexed before were ignored"),
    "delete": ("id", "sent; none of them is indexed any more"),
    "train": ("Document", "sent to the Executors that learn"),
}
"""What an answer means, by kind. It does not include whether a Document was there before, or an Executor learns."""
NEXT = {
    "index": 'peavine search "TEXT" --top-k 5',
    "update": 'peavine search "TEXT"',
    "delete": 'peavine search "TEXT"',
    "train": "peavine index FILE",
}


def command(kind: str, text: str) -> click.Command:
    """Return the command that sends the Documents of files with one kind of request."""

    @click.command(kind, help=text)
    @click.argument("files", nargs=-1, required=True, metavar="FILE...")
    @inputs.options
    @options.request_size
    @options.call_options
    def send(
        files: tuple[str, ...],
        reading: inputs.Reading,
        request_size: int | None,
        host: str,
        timeout: float | None,
        parameters: Mapping[str, Any],
        as_json: bool,
    ) -> None:
        documents = inputs.Documents(files, reading)
        with reach(host) as client:
            given = options.given(timeout=timeout, parameters=parameters, request_size=request_size)
            report(getattr(client, kind)(documents, **given), host, as_json)

    return send


def report(summary: Summary, host: str, as_json: bool) -> None:
    """Print what a call did, and the command that a person may want next."""
    if as_json:
        figures = {"documents": summary.documents, "requests": summary.requests, "seconds": round(summary.seconds, 6)}
        click.echo(json.dumps({"kind": summary.kind, **figures}))
        return
    where = "" if host == "localhost:8081" else f" --host {host}"
    noun, done = DONE[summary.kind]
    count = f"{summary.documents:,} {noun}" + ("" if summary.documents == 1 else "s")
    rate = f"{summary.seconds:.1f} s, {summary.documents_per_second:,.0f} a second"
    click.echo(f"{summary.kind}: {count} {done} ({rate}). Next: {NEXT[summary.kind]}{where}")
