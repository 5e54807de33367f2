"""The command line where it needs no Flow: help, usage, checks, conversion, and what it makes."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from peavine import __version__, cli, spec
from peavine.cli import options

ROOT = Path(__file__).parents[3]

FIVE_MISTAKES = """
apiVersion: peavine.dev/v1alpha1
kind: Flow
metadata: {name: Wrong_Name}
spec:
  timeoutSecond: 3
  pods:
  - name: first
    needs: [gateway]
    shards: 0
  - name: second
    needs: [nowhere]
  - name: third
    needs: [second]
    uses: _pass
    onError: Explode
"""


def _commands(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*words, name)
        if isinstance(command, click.Group):
            yield from _commands(command, (*words, name))


COMMANDS = sorted(_commands(cli.peavine_command))


def test_help_lists_every_command_in_its_section(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    told = capsys.readouterr().out
    for section, commands in cli.COMMANDS.items():
        assert f"{section}:" in told
        for name, line in commands.items():
            assert re.search(rf"^  {name} +{re.escape(line)}$", told, re.MULTILINE)


def test_every_module_of_a_command_is_listed() -> None:
    listed = {name for section in cli.COMMANDS.values() for name in section}
    folder = ROOT / "runtime/peavine/cli"
    shared = {"__init__", "change", "documents", "inputs", "interrupt", "options", "process", "reach"}
    modules = {path.stem for path in folder.glob("*.py")} - shared
    # A command whose name Python has for itself is in a module with an underscore after it.
    assert {name.removesuffix("_") for name in modules} == listed


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_and_option_says_what_it_is_for(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*words, "--help"]) == 0
    assert f"Usage: peavine {' '.join(words)}" in capsys.readouterr().out
    command: click.Command = cli.peavine_command
    for word in words:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), word) or pytest.fail(word)
    assert command.help
    assert [each.name for each in command.params if isinstance(each, click.Option) and not each.help] == []


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_documentation_has_every_command_with_an_example(words: tuple[str, ...]) -> None:
    text = (ROOT / "docs/cli.md").read_text()
    name = " ".join(words)
    sections = re.split(r"^##+ ", text, flags=re.MULTILINE)
    found = [section for section in sections if section.startswith(f"`peavine {name}")]
    assert found, f"docs/cli.md has no heading for `peavine {name}`"
    assert f"    peavine {name}" in found[0]


def test_the_documentation_says_every_exit_code() -> None:
    text = (ROOT / "docs/cli.md").read_text()
    for code in (0, 1, 2, 3, 130):
        assert f"| {code} |" in text


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"peavine {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["serch", "x"], 'no such command "serch"; did you mean "search"?'),
        (["zzz"], 'no such command "zzz"; known: hello, run,'),
        (["new", "exectuor", "x"], 'no such command "exectuor"; did you mean "executor"?'),
        (["search", "x", "-p", "lookups={a"], "lookups: line 1"),
        (["search", "x", "-p", "lookups={a: !Text b}"], "lookups: only data that JSON has"),
        (["index", "a.png", "--pixels", "64"], "is not WIDTHxHEIGHT"),
        (["search"], "name what to search for"),
        (["search", "x", "-p", "top_k"], "is not NAME=VALUE"),
        (["index"], "Missing argument"),
        (["run"], "name one Flow manifest: peavine run FILE"),
        (["run", "a.yaml", "-f", "b.yaml"], "name one Flow manifest: peavine run FILE"),
        (["pea", "--listen", "unix:x"], "Missing option '--pod'"),
        (["pea", "--listen", "nowhere"], '"nowhere" is not HOST:PORT'),
        (["pea", "--listen", "0.0.0.0:70000"], '"0.0.0.0:70000" is not HOST:PORT'),
        (["run", "-f", "flow.yaml", "--grpc-port", "70000"], "not in the range"),
        (["index", "docs.jsonl", "--timeout", "0"], "not in the range"),
        (["completion", "tcsh"], "'tcsh' is not one of"),
    ],
)
def test_a_wrong_command_line_exits_2_and_says_why(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""


@pytest.mark.parametrize("command", [["check"], ["convert"], ["render", "-f"], ["run"], ["run", "-f"]], ids=" ".join)
def test_a_bad_manifest_exits_2_with_all_its_problems(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "flow.yaml"
    path.write_text(FIVE_MISTAKES)
    assert cli.main([*command, str(path)]) == 2
    told = capsys.readouterr().err
    for place in (
        "metadata.name",
        "spec.timeoutSecond",
        "spec.pods[0].shards",
        "spec.pods[1].needs[0]",
        "spec.pods[2].onError",
    ):
        assert f"{path}: {place}: " in told
    assert "Traceback" not in told


def test_check_tells_programs_the_problems_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "flow.yaml"
    path.write_text(FIVE_MISTAKES)
    assert cli.main(["check", str(path), "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False
    assert len(told["problems"]) == 5
    assert all(problem["message"] for problem in told["problems"])


def test_convert_makes_one_manifest_of_an_old_flow_and_its_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "old.yml").write_text(
        "!Flow\nversion: '1.0'\nwith: {rest_api: true}\npods:\n"
        "- {name: encode, uses: enc.yml, parallel: 2}\n- {name: index, uses: _index, shards: 2, polling: all}\n"
    )
    (tmp_path / "enc.yml").write_text("!Mine {metas: {py_modules: mine.py}}\n")
    (tmp_path / "mine.py").write_text("class Mine: ...\n")
    assert cli.main(["convert", str(tmp_path / "old.yml")]) == 0
    told = capsys.readouterr()
    manifest = spec.parse(yaml.safe_load(told.out))
    assert [(pod.name, pod.replicas, pod.shards) for pod in manifest.spec.pods] == [
        ("encode", 2, 1),
        ("index", None, 2),
    ]
    assert manifest.spec.pods[0].files == {"mine.py": "class Mine: ...\n"}
    assert "peavine: with.rest_api: left out; every gateway serves gRPC and HTTP" in told.err


def test_convert_writes_what_each_pod_needs_and_the_fields_of_today(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "metadata: {name: a}\nspec:\n  gateway: {grpcPort: 9000}\n  pods: [{name: first}, {name: second}]\n"
    (tmp_path / "flow.yaml").write_text(text)
    assert cli.main(["check", str(tmp_path / "flow.yaml")]) == 2
    told = capsys.readouterr().err
    assert "spec.gateway.grpcPort: unknown field, which an earlier peavine had; write `service: {ports:" in told
    assert '`needs: [first]` to follow "first"' in told
    assert cli.main(["convert", str(tmp_path / "flow.yaml")]) == 0
    made = spec.parse(yaml.safe_load(capsys.readouterr().out)).spec
    assert [pod.needs for pod in made.pods] == [["gateway"], ["first"]]
    assert made.gateway.service.ports.grpc == 9000


def test_convert_names_an_argument_that_nobody_knows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "old.yml").write_text("!Flow {pods: [{name: a, paralel: 2, porl: 3}]}")
    assert cli.main(["convert", str(tmp_path / "old.yml")]) == 2
    told = capsys.readouterr()
    assert 'pods[0].paralel: is not an argument of a Pod; did you mean "parallel"?' in told.err
    assert "pods[0].porl: is not an argument of a Pod" in told.err
    assert told.out == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", shell]) == 0
    assert "_PEAVINE_COMPLETE" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "place", "completed"), [("peavine se", "1", ["plain,search"]), ("peavine serch --to", "2", [])]
)
def test_a_shell_completes_commands_and_prints_no_errors(words: str, place: str, completed: list[str]) -> None:
    environment = {**os.environ, "_PEAVINE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": place}
    command = [sys.executable, "-m", "peavine"]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert (told.stdout.split(), told.stderr) == (completed, "")


def test_the_systems_errors_are_told_without_a_stack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").write_text("")
    assert cli.main(["new", "executor", "shout", "--folder", str(tmp_path / "taken" / "shout")]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"peavine: {tmp_path}/taken")
    assert "Traceback" not in told


def test_an_option_of_the_environment_is_checked_like_any_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PEAVINE_RUN_GRPC_PORT", "many")
    assert cli.main(["run", "-f", "flow.yaml"]) == 2
    assert "Invalid value for '--grpc-port': 'many'" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["localhost:{}", "127.0.0.1:{}", "grpc://localhost:{}", "unix:{}/none.sock"])
@pytest.mark.parametrize("command", [["ping"], ["search", "x"], ["delete", "x"]], ids=" ".join)
def test_where_nothing_listens_the_error_is_one_sentence_with_the_next_command(
    command: list[str], host: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    host = host.format(tmp_path if host.startswith("unix") else port)
    assert cli.main([*command, "--host", host]) == 3
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.startswith(f"peavine: nothing listens at {host}; start a Flow with `peavine run FILE`")
    assert "ping" not in told


def test_a_host_that_does_not_exist_is_said_to_be_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["ping", "no-such-host.invalid"]) == 3
    assert "no-such-host.invalid: the name of this host is not known" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["nowhere.jsonl", "nowhere/*.md"])
def test_a_file_that_is_missing_is_reported_before_a_server_is_asked(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["index", name, "--host", "localhost:1"]) == 1
    assert capsys.readouterr().err == f'peavine: no file matches "{name}"\n'


def test_values_of_parameters_are_json_flow_yaml_or_text() -> None:
    @click.command()
    @options.parameters
    def show(parameters: dict[str, Any]) -> dict[str, Any]:
        return parameters

    given = [
        "lookups={tags__category: shoes, tags__price__lt: 60}",
        'a={"b": [1]}',
        "c=[x, 1]",
        "d=3",
        "e=no",
        "f=a: b",
    ]
    found = show.main([word for pair in given for word in ("-p", pair)], standalone_mode=False)
    assert found == {
        "lookups": {"tags__category": "shoes", "tags__price__lt": 60},
        "a": {"b": [1]},
        "c": ["x", 1],
        "d": 3,
        "e": "no",
        "f": "a: b",
    }
