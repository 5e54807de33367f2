"""Options that several commands have."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def _parameters(context: click.Context, option: click.Parameter, pairs: tuple[str, ...]) -> dict[str, Any]:
    """Return NAME=VALUE pairs as a map; a value that is JSON is read as that."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise click.BadParameter(f'"{pair}" is not NAME=VALUE')
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


host = click.option(
    "--host",
    envvar="PEAVINE_HOST",
    show_envvar=True,
    default="localhost:8081",
    show_default=True,
    help="Where the Flow's gateway answers gRPC.",
)
timeout = click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds a request may take; the Flow's if left out."
)
parameters = click.option(
    "--parameter",
    "-p",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_parameters,
    help="An argument for the Drivers, for this call only.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
request_size = click.option(
    "--request-size",
    type=click.IntRange(min=1),
    help="Documents in one request; as many as take about a second if left out.",
)


def call_options(command: F) -> F:
    """Add what every call of a Flow can be told."""
    for option in (as_json, parameters, timeout, host):
        command = option(command)
    return command


def said(**options: Any) -> Mapping[str, Any]:
    """Return the options that were given."""
    return {name: value for name, value in options.items() if value not in (None, {})}
