"""Options that several commands have."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from peavine.errors import ManifestError

F = TypeVar("F", bound=Callable[..., Any])


def _parameters(context: click.Context, option: click.Parameter, pairs: tuple[str, ...]) -> dict[str, Any]:
    """Return NAME=VALUE pairs as a map.

    A value is read as JSON or, if it begins with a brace or bracket, as YAML. Any other value is text, `no` included.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise click.BadParameter(f'"{pair}" is not NAME=VALUE')
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = _flow(name, value) if value[:1] in ("{", "[") else value
    return found


def _flow(name: str, value: str) -> Any:
    from peavine.yaml import load

    try:
        return json.loads(json.dumps(load(value)))
    except ManifestError as error:
        raise click.BadParameter(f"{name}: {error}") from None
    except TypeError:  # such as a YAML tag
        raise click.BadParameter(f"{name}: only data that JSON has can be sent") from None


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
    help="An argument for the Drivers, for this call only; VALUE may be {a: 1} or [1, 2], as in YAML.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
request_size = click.option(
    "--request-size",
    type=click.IntRange(min=1),
    help="Documents in one request; as many as take about a second if left out.",
)


def call_options(command: F) -> F:
    """Add the options that every call of a Flow has."""
    for option in (as_json, parameters, timeout, host):
        command = option(command)
    return command


def read_options(command: F) -> F:
    """Add the options of commands that read what a Flow stores."""
    for option in (as_json, timeout, host):
        command = option(command)
    return command


def given(**options: Any) -> Mapping[str, Any]:
    """Return the options that were given on the command line."""
    return {name: value for name, value in options.items() if value not in (None, {})}
