"""The command line. Each command is a module here; it is imported when it is called, so `--help` is quick.

Commands read options, call the library and print. An error that peavine raises on purpose is printed without a
traceback.

Exit codes: 0 success; 1 failure; 2 the command line, a manifest or a request is wrong; 3 nothing answers at the
address, or not in time; 130 stopped by Ctrl-C.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import click

from peavine.errors import (
    DeadlineExceeded,
    InvalidRequest,
    ManifestError,
    Overloaded,
    PeavineError,
    Unavailable,
    did_you_mean,
)
from peavine.version import __version__

COMMANDS: dict[str, dict[str, str]] = {
    "Try": {
        "hello": "Index and search images with a Flow on this machine.",
    },
    "Run": {
        "run": "Run a Flow as processes on this machine.",
        "pea": "Run one Pea, or a Pod's head.",
        "gateway": "Run a Flow's gateway.",
    },
    "Use": {
        "index": "Index Documents; those that are there already are replaced.",
        "search": "Search, and print the matches as a table.",
        "update": "Update Documents that are there.",
        "delete": "Delete Documents and their chunks.",
        "train": "Train the Executors of a Flow.",
        "get": "Print stored Documents by id.",
        "count": "Count the stored Documents.",
        "list": "List the stored Documents.",
        "stats": "Show what is stored, in numbers.",
        "export": "Write all stored Documents to a file, with their vectors.",
        "import": "Index the Documents of an export.",
        "ping": "Show a Flow's Pods and how fast it answers.",
    },
    "Make": {
        "check": "Check a Flow manifest and report every problem.",
        "convert": "Make one manifest of a Flow and the files next to it.",
        "render": "Print the Kubernetes objects that a Flow leads to.",
        "new": "Create something new from a template.",
        "reshard": "Rewrite data for another number of shards.",
        "completion": "Print the completion script of a shell.",
    },
}
"""Every command with its line of help, in the sections of `peavine --help`."""

_OTHERWISE = {"import": "import_", "list": "list_"}
"""Modules of commands whose names Python has for itself."""

EXIT_CODES: tuple[tuple[type[PeavineError], int], ...] = (
    (ManifestError, 2),
    (InvalidRequest, 2),
    (Unavailable, 3),
    (DeadlineExceeded, 3),
    (Overloaded, 3),
    (PeavineError, 1),
)


class Group(click.Group):
    """A group of commands that suggests one for a misspelt name."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the name and the command that the arguments begin with, and the other arguments."""
        # Completion, which parses resiliently, has no use for an error.
        if not ctx.resilient_parsing and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            known = self.list_commands(ctx)
            hint = did_you_mean(args[0], known) or f"; known: {', '.join(known)}"
            ctx.fail(f'no such command "{args[0]}"{hint}')
        return super().resolve_command(ctx, args)


class Commands(Group):
    """The commands by section, each imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return their names."""
        return [name for section in COMMANDS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one."""
        if cmd_name not in self.list_commands(ctx):
            return None
        name = _OTHERWISE.get(cmd_name, cmd_name)
        command = getattr(import_module(f"peavine.cli.{name}"), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections."""
        for section, commands in COMMANDS.items():
            with formatter.section(section):
                formatter.write_dl(list(commands.items()))


@click.group(cls=Commands, context_settings={"auto_envvar_prefix": "PEAVINE", "help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", message="peavine %(version)s")
def peavine_command() -> None:
    """Neural search as a Kubernetes resource, and as processes on this machine.

    Begin with `peavine hello`. Every option can also be set in the environment, as PEAVINE_<COMMAND>_<OPTION>.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line, `sys.argv` when none is given, and return its exit code."""
    try:
        result = peavine_command.main(args=arguments, prog_name="peavine", standalone_mode=False)
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Ended by Ctrl-C.", err=True)
        return 130
    except PeavineError as error:
        for line in str(error).splitlines() or [type(error).__name__]:
            click.echo(f"peavine: {line}", err=True)
        return next(code for kind, code in EXIT_CODES if isinstance(error, kind))
    except OSError as error:
        click.echo(f"peavine: {error.filename or 'the system'}: {error.strerror or error}", err=True)
        return 1
    return result if isinstance(result, int) else 0
