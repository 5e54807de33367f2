"""`peavine reshard DIR --shards N --to DIR`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from peavine.cli import options

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("folder", type=FOLDER, metavar="DIR")
@click.option("--shards", required=True, type=click.IntRange(1, 1024), help="The new number of shards.")
@click.option("--to", required=True, type=FOLDER, help="The new folder; it must not exist.")
@click.option("--pod", help="The Pod whose shards are rewritten; needed where several Pods have stores.")
@options.as_json
def reshard(folder: Path, shards: int, to: Path, pod: str | None, as_json: bool) -> int:
    """Rewrite the data of a Pod for another number of shards, from one folder of `peavine run --data` to another.

    The Flow must not run. DIR is left as it is; the new folder appears when all of it is on disk.
    """
    from peavine.local import resharding

    plan = resharding.plan(folder, to, shards, pod)
    for name in plan.left_out:
        click.echo(f"{folder / name}: is not a store, so it is left out", err=True)
    title = f"{plan.pod}: {plan.before} -> {shards} shards"
    with click.progressbar(length=plan.rows, label=title, file=sys.stderr, hidden=as_json) as bar:
        moved = resharding.carry_out(plan, bar.update)
    if as_json:
        shape = {"pod": plan.pod, "before": plan.before, "shards": shards, "stores": list(plan.stores)}
        click.echo(json.dumps({"to": str(to), **shape, "rows": moved.rows, "stale": moved.stale,
                               "left_out": list(plan.left_out)}))  # fmt: skip
        return 0
    stale = f"; left out {moved.stale:,} that another shard held by mistake" if moved.stale else ""
    click.echo(f"{to}: {moved.rows:,} rows in {shards} shards of Pod {plan.pod}{stale}.")
    click.echo(f"Next: set `shards: {shards}`, then peavine run FLOW --data {to}")
    return 0
