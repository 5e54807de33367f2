"""`peavine run` as a person or a script at a terminal sees it: what it prints, how it fails, how it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from peavine.client import Client
from peavine.errors import PeavineError

PATIENCE = 60.0
INDEX = """
metadata: {name: notes}
spec:
  pods:
  - {name: encode, needs: [gateway], uses: HashingTextEncoder}
  - {name: index, needs: [encode], uses: _index, shards: 2}
"""
MINE = """
metadata: {name: mine}
spec:
  pods:
  - {name: first, needs: [gateway]}
  - {name: mine, needs: [first], uses: mine.yml}
"""
ANY_PORTS = ("--grpc-port", "0", "--http-port", "0")


class Terminal(subprocess.Popen[str]):
    """`peavine run` of a manifest, and what it says."""

    def __init__(self, manifest: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "peavine", "run", "-f", str(manifest), *arguments]
        super().__init__(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.log: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def line(self) -> str:
        """Return the next line of its results; nothing when it ended."""
        assert self.stdout is not None
        return self.stdout.readline()

    def until_logged(self, words: str) -> str:
        give_up = time.monotonic() + PATIENCE
        while not (found := [line for line in self.log if words in line]):
            assert time.monotonic() < give_up, f'nobody said "{words}": {self.log}'
            time.sleep(0.02)
        return found[0]

    def ended(self) -> int:
        """Return its exit code."""
        code = self.wait(PATIENCE)
        self._reader.join(PATIENCE)
        for pipe in (self.stdout, self.stderr):
            assert pipe is not None
            pipe.close()
        return code

    def _read(self) -> None:
        assert self.stderr is not None
        for line in self.stderr:
            self.log.append(line.rstrip("\n"))


@contextmanager
def running(folder: Path, flow: str, *arguments: str) -> Iterator[tuple[Terminal, dict[str, Any]]]:
    """Give a Flow that runs, and what it printed when it was ready."""
    (folder / "flow.yaml").write_text(flow)
    terminal = Terminal(folder / "flow.yaml", *ANY_PORTS, "--json", *arguments)
    try:
        yield terminal, json.loads(terminal.line())
    finally:
        terminal.terminate()
        assert terminal.ended() == 0


def test_people_are_told_where_it_is_and_what_comes_next(tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text("metadata: {name: a}\nspec: {pods: [{name: a}]}\n")
    terminal = Terminal(tmp_path / "flow.yaml", *ANY_PORTS)
    first, second = terminal.line(), terminal.line()
    terminal.send_signal(signal.SIGINT)
    assert terminal.ended() == 0
    assert first.startswith("Flow a is ready: gRPC 127.0.0.1:")
    assert "/docs" in first
    host = first.split("gRPC ")[1].split(",")[0]
    assert f"peavine index FILE --host {host}" in second
    assert any(line.startswith("a-0-0") for line in terminal.log)


def test_its_data_outlives_it(tmp_path: Path) -> None:
    arguments = ("--data", str(tmp_path / "data"))
    with running(tmp_path, INDEX, *arguments) as (_, ready), Client(ready["grpc"]) as client:
        client.index(["red shoes", "blue hat"], progress=False)
    with running(tmp_path, INDEX, *arguments) as (_, ready), Client(ready["grpc"]) as client:
        (query,) = client.search(["red shoes"], progress=False)
    assert [match.text for match in query.matches] == ["red shoes", "blue hat"]


FRAGILE = """
import os, sys
from peavine import Crafter

class Mine(Crafter):
    def craft(self, text):
        if text == "die":
            print("these are my last words", file=sys.stderr, flush=True)
            os._exit(7)
        return {"text": text.upper()}
"""


def mine(folder: Path, code: str) -> None:
    """Write an Executor beside the manifest."""
    (folder / "mine.py").write_text(code)
    (folder / "mine.yml").write_text("# Ours.\n!Mine {metas: {py_modules: [mine.py]}}\n")


def test_a_pea_that_crashes_says_its_last_words_and_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    temporary = Path(tempfile.mkdtemp(prefix="p-"))  # Sockets want a shorter path than `tmp_path` is.
    request.addfinalizer(lambda: shutil.rmtree(temporary))
    monkeypatch.setenv("TMPDIR", str(temporary))
    mine(tmp_path, FRAGILE)
    with running(tmp_path, MINE) as (terminal, ready), Client(ready["grpc"]) as client:
        with pytest.raises(PeavineError):
            client.search(["die"], timeout=1, progress=False)
        assert terminal.until_logged("ended with code 7").startswith("mine-0-0")
        terminal.until_logged("these are my last words")
        assert "starting it again in" in terminal.until_logged("starting it again")
        (answer,) = client.search(["well"], timeout=PATIENCE, progress=False)
    assert answer.text == "WELL"
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import nothing_like_this\n", "No module named 'nothing_like_this'"),
        ("class Mine:\n  def encode(self: ...\n", "mine.py"),
        ("class Other:\n    def encode(self, batch): ...\n", "Mine"),
        ("class Mine:\n    def encode(self): ...\n", "encode"),
        ("class Mine:\n    async def encode(self, batch): ...\n", "async"),
        ("class Mine:\n    def __init__(self, dim): ...\n\n    def encode(self, batch): ...\n", "dim"),
    ],
    ids=[
        "a module that fails to import",
        "a syntax error",
        "no such class",
        "a method without arguments",
        "an async method",
        "an argument that is missing",
    ],
)
def test_an_executor_that_cannot_be_made_is_refused_before_a_process_starts(
    tmp_path: Path, code: str, said: str
) -> None:
    mine(tmp_path, code)
    (tmp_path / "flow.yaml").write_text(MINE)
    terminal = Terminal(tmp_path / "flow.yaml", *ANY_PORTS, "--json")
    assert terminal.line() == ""
    assert terminal.ended() == 2
    log = "\n".join(terminal.log)
    assert "flow.yaml: spec.pods[1].uses" in log
    assert said in log
    assert "Traceback" not in log
    assert "mine-0-0" not in log


def test_an_executor_that_cannot_be_opened_ends_the_start_in_its_own_words(tmp_path: Path) -> None:
    mine(tmp_path, "class Mine:\n    def encode(self, batch): ...\n    def post_init(self): 1 / 0\n")
    (tmp_path / "flow.yaml").write_text(MINE)
    terminal = Terminal(tmp_path / "flow.yaml", *ANY_PORTS, "--json")
    assert terminal.line() == ""
    assert terminal.ended() == 1
    (told,) = (line for line in terminal.log if line.startswith("peavine: "))
    assert told.startswith("peavine: mine-0-0: Mine.post_init() raised ZeroDivisionError")
    assert told.endswith("(executor Mine)")
    assert not [line for line in terminal.log if "Traceback" in line]


def test_a_port_in_use_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text(INDEX)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        terminal = Terminal(tmp_path / "flow.yaml", "--grpc-port", "0", "--http-port", str(port))
        assert terminal.ended() == 1
    assert f"port {port} on 127.0.0.1 is in use" in terminal.log[-1]
    assert "--http-port" in terminal.log[-1]


@pytest.mark.parametrize("host", ["::1", "::"])
def test_a_flow_listens_on_ipv6(tmp_path: Path, host: str) -> None:
    (tmp_path / "flow.yaml").write_text("metadata: {name: six}\nspec: {pods: [{name: only}]}\n")
    terminal = Terminal(tmp_path / "flow.yaml", *ANY_PORTS, "--host", host, "--json")
    ready = json.loads(terminal.line())
    port = ready["grpc"].rpartition(":")[2]
    assert ready["grpc"] == (f"[::1]:{port}" if host == "::1" else f"127.0.0.1:{port}")
    with Client(f"[::1]:{port}") as client:
        assert [answer.text for answer in client.search(["hello"])] == ["hello"]
    terminal.send_signal(signal.SIGINT)
    assert terminal.ended() == 0


HANGING = """
import time
from peavine import Crafter

class Mine(Crafter):
    def craft(self, text):
        print("working", flush=True)
        time.sleep(3600)
        return {}
"""


def test_a_second_ctrl_c_ends_all_of_it_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    temporary = Path(tempfile.mkdtemp(prefix="p-"))
    request.addfinalizer(lambda: shutil.rmtree(temporary))
    monkeypatch.setenv("TMPDIR", str(temporary))
    mine(tmp_path, HANGING)
    (tmp_path / "flow.yaml").write_text(MINE)
    terminal = Terminal(tmp_path / "flow.yaml", *ANY_PORTS, "--json")
    ready = json.loads(terminal.line())
    asking = [sys.executable, "-m", "peavine", "search", "x", "--host", ready["grpc"]]
    with subprocess.Popen(asking, stderr=subprocess.DEVNULL) as client:
        terminal.until_logged("working")
        terminal.send_signal(signal.SIGINT)
        terminal.until_logged("Ctrl-C again")
        terminal.send_signal(signal.SIGINT)
        assert terminal.ended() == 130
        client.kill()
    assert [pid for pid in ready["pids"].values() if os.path.exists(f"/proc/{pid}")] == []
    assert list(temporary.iterdir()) == []


def test_ctrl_c_while_it_starts_leaves_nobody_behind(tmp_path: Path) -> None:
    code = "import time\nclass Mine:\n    def encode(self, batch): ...\n    def post_init(self): time.sleep(3600)\n"
    mine(tmp_path, code)
    (tmp_path / "flow.yaml").write_text(MINE)
    terminal = Terminal(tmp_path / "flow.yaml", *ANY_PORTS)
    terminal.until_logged("first-0-0")
    children = Path(f"/proc/{terminal.pid}/task/{terminal.pid}/children").read_text().split()
    assert children
    terminal.send_signal(signal.SIGINT)
    terminal.ended()
    assert [pid for pid in children if os.path.exists(f"/proc/{pid}")] == []
