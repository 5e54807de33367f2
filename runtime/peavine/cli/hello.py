"""`peavine hello`."""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from peavine import flow
from peavine.cli.interrupt import end_like_ctrl_c
from peavine.cli.reach import reach
from peavine.errors import StartError
from peavine.hello import demonstration, images
from peavine.local import Listen, LocalFlow


@click.command()
@click.option("--docs", type=click.IntRange(min=1), help="Images to index; all there are if left out.")
@click.option("--queries", type=click.IntRange(min=1), default=2000, show_default=True, help="Images to search for.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the four Fashion-MNIST files.")
@click.option("--workdir", type=click.Path(path_type=Path), help="Folder of the page, and of the index while it runs.")
@click.option("--host", help="A Flow that is up already, such as one in a cluster, instead of one on this machine.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
def hello(
    docs: int | None, queries: int, data: Path | None, workdir: Path | None, host: str | None, as_json: bool
) -> None:
    """Index and search images with a Flow on this machine, and write a page of pictures.

    The Flow has two Pods, an encoder with two replicas and an index with two shards: six processes with their gateway
    and head. The images are Fashion-MNIST, all 70,000 where the Debian package dataset-fashion-mnist is installed,
    else a sample.
    """
    end_like_ctrl_c()
    console = Console(stderr=True, quiet=as_json)
    folder = images.folder(data)
    indexed, wanted = images.load(folder, "train", docs), images.load(folder, "t10k", queries)
    _say(console, f"Images from {folder}: {len(indexed):,} to index, {len(wanted):,} to search for.")
    with ExitStack() as stack:
        pages = workdir or Path(tempfile.mkdtemp(prefix="peavine-hello-"))
        if host is None:
            # An index that another run left has other images.
            pages.mkdir(parents=True, exist_ok=True)
            index = stack.enter_context(tempfile.TemporaryDirectory(prefix="index-", dir=pages))
            running = _started(Path(index), console)
            stack.callback(running.stop)
            host = running.host
        client = stack.enter_context(reach(host))
        result = demonstration.demonstrate(client, indexed, wanted, pages, False if as_json else None)
    if as_json:
        click.echo(json.dumps(asdict(result)))
        return
    table = Table(show_header=False, title="peavine hello", title_justify="left")
    for name, value in demonstration.table(result):
        table.add_row(name, value)
    Console().print(table)
    click.echo(f"Pictures of the matches: {result.page}")
    click.echo("Next: your own Flow. peavine new executor NAME; peavine run flow.yaml; docs/quickstart.md")


def _started(data: Path, console: Console) -> LocalFlow:
    """Start the Flow; what its processes say is shown if they fail."""
    lines: list[str] = []
    manifest, _ = flow.read(demonstration.FLOW)
    running = LocalFlow(manifest, data=data, listen=Listen(), sink=lambda name, line: lines.append(f"{name} | {line}"))
    with console.status("Starting the Flow: encode (2 replicas), index (2 shards), its head, the gateway"):
        try:
            running.start()
        except StartError:
            console.print("\n".join(lines), markup=False)
            raise
    _say(console, f"The Flow runs: {len(running.pids)} processes; gateway at {running.host}")
    return running


def _say(console: Console, sentence: str) -> None:
    """Print a sentence, wrapped only in a terminal."""
    console.print(sentence, soft_wrap=not console.is_terminal)
