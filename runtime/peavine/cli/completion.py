"""`peavine completion SHELL`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from peavine import cli


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of SHELL.

    Put `eval "$(peavine completion bash)"` in ~/.bashrc (zsh: the same in ~/.zshrc), or
    `peavine completion fish > ~/.config/fish/completions/peavine.fish`.
    """
    complete = get_completion_class(shell)
    assert complete is not None
    click.echo(complete(cli.peavine_command, {}, "peavine", "_PEAVINE_COMPLETE").source())
