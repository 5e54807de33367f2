"""The commands that send Documents and want no Documents back: index, update, train; and how their end is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from peavine.cli import inputs, options

if TYPE_CHECKING:
    from peavine.client import Summary

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
    @inputs.form
    @inputs.size
    @options.request_size
    @options.call_options
    def send(
        files: tuple[str, ...],
        form: str | None,
        size: int | None,
        request_size: int | None,
        host: str,
        timeout: float | None,
        parameters: Mapping[str, Any],
        as_json: bool,
    ) -> None:
        from peavine.client import Client

        with Client(host) as client:
            call = getattr(client, kind)
            said = options.said(timeout=timeout, parameters=parameters, request_size=request_size)
            tell(call(inputs.read(files, form, size), **said), host, as_json)

    return send


def tell(summary: Summary, host: str, as_json: bool) -> None:
    """Print what a call did, and the command that a person may want next."""
    if as_json:
        figures = {"documents": summary.documents, "requests": summary.requests, "seconds": round(summary.seconds, 6)}
        click.echo(json.dumps({"kind": summary.kind, **figures}))
        return
    where = "" if host == "localhost:8081" else f" --host {host}"
    rate = f"{summary.seconds:.1f} s, {summary.documents_per_second:,.0f} a second"
    click.echo(f"{summary.kind}: {summary.documents:,} Documents in {rate}. Next: {NEXT[summary.kind]}{where}")
