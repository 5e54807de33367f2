"""`peavine run`."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import click

from peavine import flow
from peavine.cli.interrupt import end_like_ctrl_c
from peavine.local import START_SECONDS, Listen, LocalFlow

COLOURS = ("cyan", "green", "magenta", "blue", "yellow", "bright_cyan", "bright_green", "bright_magenta")


@click.command()
@click.argument("manifest", required=False, metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--file", "-f", type=click.Path(dir_okay=False, path_type=Path), help="The same as FILE.")
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Folder of its data; none: temporary.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where it listens; `::` is every address.")
@click.option("--grpc-port", type=click.IntRange(0, 65535), help="The manifest's if left out; 0 takes a free one.")
@click.option("--http-port", type=click.IntRange(0, 65535), help="The manifest's if left out; 0 takes a free one.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=START_SECONDS,
    show_default=True,
    help="Seconds the start may take.",
)
@click.option("--json", "as_json", is_flag=True, help="Print {flow, grpc, http, pids} as a line when it is ready.")
def run(
    manifest: Path | None,
    file: Path | None,
    data: Path | None,
    host: str,
    grpc_port: int | None,
    http_port: int | None,
    timeout: float,
    as_json: bool,
) -> int:
    """Run the Flow of the manifest FILE as processes on this machine, until Ctrl-C or SIGTERM.

    Each Pea, each head and the gateway is a process, which is started again when it exits by itself. The log goes to
    stderr.
    """
    if (manifest is None) == (file is None):
        raise click.UsageError("name one Flow manifest: peavine run FILE")
    source = manifest or file
    assert source is not None
    reading = flow.examine(source)
    found = flow.checked(reading)
    for note in reading.notes:
        click.echo(note, err=True)
    ports = found.spec.gateway.service.ports
    listen = Listen(
        host,
        ports.grpc if grpc_port is None else grpc_port,
        ports.http if http_port is None else http_port,
    )
    names = [pod.name for pod in found.spec.pods]
    running = LocalFlow(found, data=data, listen=listen, sources=reading.sources, sink=_prefixed(names))
    end_like_ctrl_c()
    try:
        running.start(timeout)
        if as_json:
            addresses = {"grpc": running.host, "http": running.url}
            click.echo(json.dumps({"flow": found.metadata.name, **addresses, "pids": running.pids}))
        else:
            _tell(found.metadata.name, running)
        threading.Event().wait()
    except KeyboardInterrupt:
        click.echo("Stopping the Flow; Ctrl-C again stops it at once.", err=True)
    finally:
        running.stop()
    return 0


def _tell(name: str, running: LocalFlow) -> None:
    where = "" if running.host.endswith(":8081") else f" --host {running.host}"
    click.secho(f"Flow {name} is ready: gRPC {running.host}, HTTP {running.url}/docs", bold=True)
    click.echo(f'Next, in another terminal: peavine index FILE{where}; peavine search "TEXT"{where}. Ctrl-C stops it.')


def _prefixed(names: list[str]) -> Callable[[str, str], None]:
    """Return a sink that prints a process's lines with its name before them, in its Pod's colour."""
    width = max(len(name) for name in (*names, "gateway")) + 5
    lock = threading.Lock()

    def sink(process: str, line: str) -> None:
        pod = max((i for i, name in enumerate(names) if process.startswith(f"{name}-")), default=-1)
        colour = COLOURS[pod % len(COLOURS)] if pod >= 0 else "white"
        with lock:
            for each in line.split("\n"):
                click.echo(click.style(f"{process:<{width}}", fg=colour) + "| " + each, err=True)

    return sink
