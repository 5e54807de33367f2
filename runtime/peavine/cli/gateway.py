"""`peavine gateway`."""

from __future__ import annotations

from pathlib import Path

import click

from peavine import logs
from peavine.cli.process import FILE, PORT, logging_options, serve
from peavine.listening import ANY


@click.command()
@click.option("--plan", required=True, type=FILE, help="The plan, JSON.")
@click.option("--host", default=ANY, show_default=True, help="Where it listens; `::` is every address.")
@click.option("--grpc-port", type=PORT, default=8081, show_default=True, help="Port of gRPC; 0 takes a free one.")
@click.option("--http-port", type=PORT, default=8080, show_default=True, help="Port of HTTP; 0 takes a free one.")
@click.option("--addresses", type=click.Path(path_type=Path), help="File to write {grpc, http} to, once it listens.")
@click.option("--name", default="", help="Its name in routes and logs; FLOW-gateway if left out.")
@click.option("--metrics-port", type=PORT, help="Port of the Prometheus metrics; not served if left out.")
@logging_options
def gateway(
    plan: Path,
    host: str,
    grpc_port: int,
    http_port: int,
    addresses: Path | None,
    name: str,
    metrics_port: int | None,
    log_level: str,
    log_format: logs.Form,
) -> int:
    """Run a Flow's gateway. SIGTERM ends it when what it took is answered."""
    from peavine.gateway import GatewaySettings, server

    settings = GatewaySettings(
        plan=plan,
        host=host,
        grpc_port=grpc_port,
        http_port=http_port,
        addresses=addresses,
        name=name,
        metrics_port=metrics_port,
    )
    return serve(lambda: server.serve(settings), log_level, log_format, pea=name or "gateway")
