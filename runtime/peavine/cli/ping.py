"""`peavine ping`."""

from __future__ import annotations

import json
import time

import click

from peavine.cli import options
from peavine.cli.reach import reach


@click.command()
@click.argument("address", required=False, metavar="[HOST]")
@click.option("--count", type=click.IntRange(min=1), default=3, show_default=True, help="How often to ask.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=5.0, show_default=True, help="Seconds.")
@options.host
@options.as_json
def ping(address: str | None, count: int, timeout: float, host: str, as_json: bool) -> int:
    """Show which Flow answers at HOST, or --host, which of its Pods are ready, and how fast it answers.

    Exit code 3 if it does not answer, 1 if a Pod is not ready.
    """
    times = []
    with reach(address or host, timeout) as client:
        for _ in range(count):
            start = time.perf_counter()
            info = client.info()
            times.append(1000 * (time.perf_counter() - start))
    pods = [{"name": pod.name, "needs": list(pod.needs), "shards": pod.shards, "ready": pod.ready} for pod in info.pods]
    missing = [pod.name for pod in info.pods if not pod.ready]
    best, mean = min(times), sum(times) / len(times)
    if as_json:
        figures = {"milliseconds": round(best, 3)}
        click.echo(json.dumps({"flow": info.flow, "version": info.version, "pods": pods, **figures}))
        return 1 if missing else 0
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Flow {info.flow}, peavine {info.version}", title_justify="left")
    for column in ("Pod", "needs", "ready"):
        table.add_column(column)
    for pod in info.pods:
        ready = str(pod.ready or "none") + (f" (head of {pod.shards} shards)" if pod.shards > 1 else "")
        table.add_row(pod.name, ", ".join(pod.needs), ready if pod.ready else f"[red]{ready}[/red]")
    console = Console()
    console.print(table)
    console.print(f"answered {count} times: {best:.1f} ms at best, {mean:.1f} ms on average")
    return 1 if missing else 0
