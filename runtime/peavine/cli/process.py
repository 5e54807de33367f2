"""What `peavine pea` and `peavine gateway` share: they are programs that serve until SIGTERM."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import click
import uvloop

from peavine import logs
from peavine.local import lifeline

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
PORT = click.IntRange(0, 65535)

F = TypeVar("F", bound=Callable[..., Any])


def logging_options(command: F) -> F:
    """Add --log-level and --log-format; both can be set for all programs at once in the environment."""
    for option in (
        click.option(
            "--log-format",
            type=click.Choice(["json", "text"]),
            default="json",
            envvar="PEAVINE_LOG_FORMAT",
            show_envvar=True,
            help="JSON for programs, text for people.",
        ),
        click.option(
            "--log-level",
            type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
            default="info",
            envvar="PEAVINE_LOG_LEVEL",
            show_envvar=True,
            help="What is logged.",
        ),
    ):
        command = option(command)
    return command


def serve(server: Callable[[], Coroutine[Any, Any, int]], log_level: str, log_format: logs.Form, **context: str) -> int:
    """Log, watch the parent where there is one, run the server, and return the exit code."""
    logs.setup(log_level, log_format, **context)
    lifeline.hold()
    return uvloop.run(server())
