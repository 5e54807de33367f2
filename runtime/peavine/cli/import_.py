"""`peavine import FILE...`."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

import click

from peavine.cli import change, inputs, options
from peavine.cli.reach import reach


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@options.request_size
@options.call_options
def import_(
    files: tuple[str, ...],
    request_size: int | None,
    host: str,
    timeout: float | None,
    parameters: Mapping[str, Any],
    as_json: bool,
) -> None:
    """Index the Documents of FILEs that `peavine export` wrote, as they are: nothing is cut or encoded anew.

    `-` is standard input. Documents that are stored already are replaced.
    """
    from peavine.client import sources

    docs = chain.from_iterable(sources.jsonl(inputs.standard_input() if file == "-" else file) for file in files)
    with reach(host) as client:
        given = options.given(timeout=timeout, request_size=request_size)
        summary = client.index(docs, parameters={**parameters, "restore": True}, **given)
    change.report(summary, host, as_json)
