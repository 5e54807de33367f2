"""`peavine pea`."""

from __future__ import annotations

from pathlib import Path

import click

from peavine import logs
from peavine.cli.process import FILE, PORT, logging_options, serve
from peavine.listening import split


def _address(context: click.Context, option: click.Parameter, value: str) -> str:
    """Return where to listen, or refuse it: gRPC would take a port above 65535 for another one."""
    if value.startswith("unix:") or split(value) is not None:
        return value
    raise click.BadParameter(f'"{value}" is not HOST:PORT, such as 127.0.0.1:8081 or [::]:8081, or unix:PATH')


@click.command()
@click.option("--pod", required=True, type=FILE, help="The Pod manifest, JSON or YAML.")
@click.option("--plan", type=FILE, help="A head's plan; it makes this Pea the head of the Pod.")
@click.option("--shard", type=click.IntRange(min=0), default=0, show_default=True, help="Its part of the data.")
@click.option("--name", default="", help="Its name in routes and logs; POD-SHARD if left out.")
@click.option("--listen", required=True, metavar="HOST:PORT|unix:PATH", callback=_address, help="Where it serves gRPC.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of its data; a temporary one if left out.")
@click.option("--metrics-port", type=PORT, help="Port of the Prometheus metrics.")
@click.option(
    "--source",
    "sources",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder that the manifest's files were read from; where they are unchanged, they are used there.",
)
@click.option(
    "--files",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of more files for the Executor; those that the manifest carries take precedence.",
)
@logging_options
def pea(
    pod: Path,
    plan: Path | None,
    shard: int,
    name: str,
    listen: str,
    data: Path | None,
    metrics_port: int | None,
    sources: tuple[Path, ...],
    files: Path | None,
    log_level: str,
    log_format: logs.Form,
) -> int:
    """Run one Pea of a Pod, or with --plan the Pod's head. SIGTERM ends it when what it has is done."""
    from peavine.pea import PeaSettings, server

    settings = PeaSettings(
        pod=pod,
        listen=listen,
        shard=shard,
        name=name,
        data=data,
        plan=plan,
        metrics_port=metrics_port,
        sources=sources,
        files=files,
    )
    return serve(lambda: server.serve(settings), log_level, log_format, pea=name or f"{pod.stem}-{shard}")
