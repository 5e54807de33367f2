"""A Flow on one machine: its processes start together, are kept running, and end together, however they end."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from peavine import Flow, spec
from peavine.client import Client
from peavine.errors import ExecutorError, StartError
from peavine.flow.order import in_order
from peavine.local import Listen, LocalFlow

STARTING = 60.0
"""Seconds that a Flow may take to start, or to end, on a busy machine."""


SLOW = """
import time
from peavine import Crafter

class Slow(Crafter):
    def post_init(self):
        time.sleep(60)

    def craft(self, text):
        return {}
"""

ENV = """
import os
from peavine import Crafter

class Env(Crafter):
    def craft(self, text):
        return {"tags": {name: os.environ.get(name, "") for name in ("COLOUR", "OMP_NUM_THREADS")}}
"""


def _until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + STARTING
    while not condition():
        assert time.monotonic() < deadline, f"not in {STARTING:g} s: {what}"
        time.sleep(0.02)


def _alive(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _manifest(*pods: dict[str, Any]) -> spec.Flow:
    return spec.parse({"metadata": {"name": "flow"}, "spec": {"pods": in_order(pods)}})


@pytest.fixture
def said() -> list[str]:
    """Return the lines that the processes print."""
    return []


@pytest.fixture
def indexing(said: list[str], tmp_path: Path) -> Iterator[LocalFlow]:
    """Return a Flow with a head and two shards that keep their data."""
    pods = ({"name": "encode", "uses": "HashingTextEncoder"}, {"name": "index", "uses": "_index", "shards": 2})
    flow = LocalFlow(
        _manifest(*pods),
        data=tmp_path / "data",
        listen=Listen(),
        sink=lambda name, line: said.append(f"{name}: {line}"),
    )
    flow.start(STARTING)
    yield flow
    flow.stop()


def test_every_process_has_its_name_and_its_data(indexing: LocalFlow, tmp_path: Path) -> None:
    assert set(indexing.pids) == {"encode-0-0", "index-0-0", "index-1-0", "index-head", "gateway"}
    with Client(indexing.host) as client:
        client.index(f"number {i}" for i in range(20))
    assert all((tmp_path / "data" / shard).is_dir() for shard in ("index-0", "index-1"))


def test_a_killed_process_is_started_again_with_its_data(indexing: LocalFlow, said: list[str]) -> None:
    with Client(indexing.host) as client:
        client.index([{"id": f"d{i}", "text": f"number {i}"} for i in range(20)])
        before = indexing.pids["index-0-0"]
        os.kill(before, signal.SIGKILL)
        _until(lambda: indexing.pids["index-0-0"] != before, "a new process")
        (answer,) = client.search(["number 7"], top_k=20, timeout=STARTING)
    assert len(answer.matches) == 20
    assert any("index-0-0 was ended by SIGKILL" in line for line in said)


def test_a_gateway_that_is_started_again_is_where_it_was(indexing: LocalFlow) -> None:
    with Client(indexing.host, connect_timeout=STARTING) as client:
        client.index(["red shoes"], progress=False)
        before = indexing.pids["gateway"]
        os.kill(before, signal.SIGKILL)
        _until(lambda: indexing.pids["gateway"] != before, "a new gateway")
        (answer,) = client.search(["red shoes"], timeout=STARTING, progress=False)
    assert [match.text for match in answer.matches] == ["red shoes"]
    with urllib.request.urlopen(f"{indexing.url}/healthz", timeout=STARTING) as told:
        assert told.status == 200


def test_nothing_is_left_when_it_stops(indexing: LocalFlow) -> None:
    pids = indexing.pids.values()
    indexing.stop()
    assert not [pid for pid in pids if _alive(pid)]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_no_process_outlives_its_parent(tmp_path: Path, number: signal.Signals) -> None:
    file = tmp_path / "flow.yaml"
    file.write_text(Flow("x").add("a").add("b", uses="_index", shards=2).dump())
    run = ["run", "-f", str(file), "--grpc-port", "0", "--http-port", "0", "--json"]
    command = [sys.executable, "-m", "peavine", *run]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent:
        assert parent.stdout is not None
        pids = json.loads(parent.stdout.readline())["pids"].values()
        assert all(_alive(pid) for pid in pids)
        try:
            parent.send_signal(number)
            _until(lambda: not [pid for pid in pids if _alive(pid)], "the end of every process")
            parent.wait(STARTING)
        finally:
            parent.kill()
    assert parent.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 0)


@pytest.mark.parametrize(
    ("uses", "error"),
    [
        ("!RandomProjection {with: {output_dmi: 3}}", "output_dmi"),
        ("!NoSuchEncoder {}", "NoSuchEncoder"),
        ("!Broken {metas: {py_modules: [broken.py]}}", "this module is broken"),
    ],
)
def test_a_flow_that_cannot_start_says_why_in_the_executors_own_words(uses: str, error: str, said: list[str]) -> None:
    files = {"broken.py": "raise RuntimeError('this module is broken')\n"}
    pods = ({"name": "fine"}, {"name": "wrong", "uses": uses, "files": files})
    flow = LocalFlow(_manifest(*pods), listen=Listen(), sink=lambda name, line: said.append(line))
    with pytest.raises(StartError, match=error) as caught:
        flow.start(STARTING)
    assert str(caught.value).startswith("wrong-0-0: ")
    assert flow.pids == {}


def test_a_flow_that_is_not_ready_in_time_names_what_it_waits_for(said: list[str]) -> None:
    pod = {"name": "slow", "uses": "!Slow {metas: {py_modules: [slow.py]}}", "files": {"slow.py": SLOW}}
    flow = LocalFlow(_manifest(pod), listen=Listen(), sink=lambda name, line: said.append(line))
    with pytest.raises(StartError, match=r"not ready within 3 s: .*slow-0-0"):
        flow.start(3)


def test_a_port_in_use_is_named_with_the_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        flow = LocalFlow(_manifest({"name": "a"}), listen=Listen(grpc_port=port), sink=lambda name, line: None)
        with pytest.raises(StartError, match=rf"port {port} on 127\.0\.0\.1 is in use; .*--grpc-port"):
            flow.start(STARTING)


def test_a_process_is_started_again_also_where_nobody_reads_what_it_says() -> None:
    def closed(name: str, line: str) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    flow = LocalFlow(_manifest({"name": "a"}), listen=Listen(), sink=closed)
    with flow:
        before = flow.pids["a-0-0"]
        os.kill(before, signal.SIGKILL)
        _until(lambda: flow.pids["a-0-0"] != before, "a new process")


def test_the_environment_of_the_manifest_reaches_its_pea() -> None:
    flow = Flow("x", env=[{"name": "COLOUR", "value": "blue"}]).add(
        "a", uses="!Env {metas: {py_modules: [env.py]}}", files={"env.py": ENV}
    )
    with flow:
        (answer,) = flow.search(["?"])
    assert answer.tags == {"COLOUR": "blue", "OMP_NUM_THREADS": "1"}


def test_a_flow_in_python_does_all_kinds_of_request(tmp_path: Path) -> None:
    flow = Flow("x", folder=tmp_path).add("encode", uses="HashingTextEncoder").add("index", uses="_index")
    with flow:
        flow.index([{"id": "a", "text": "red shoes"}, {"id": "b", "text": "blue hat"}])
        assert [match.id for match in flow.search(["red shoes"], top_k=1)[0].matches] == ["a"]
        flow.update([{"id": "a", "text": "green gloves"}])
        assert [match.id for match in flow.search(["green gloves"], top_k=1)[0].matches] == ["a"]
        flow.delete(["a"])
        assert [match.id for match in flow.search(["green gloves"], top_k=5)[0].matches] == ["b"]


def test_a_flow_in_python_prints_one_line_when_it_is_ready(capsys: pytest.CaptureFixture[str]) -> None:
    with Flow("x").add("a") as flow:
        assert flow.search(["?"])[0].text == "?"
        ready = f"Flow x is ready: gRPC {flow.host}, HTTP {flow.url}/docs\n"
        assert capsys.readouterr().err == ready
    assert capsys.readouterr().err == ""


def test_a_flow_in_python_prints_its_log_where_that_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    with Flow("x", log=True).add("a"):
        pass
    assert "gateway | " in capsys.readouterr().err


def test_an_executors_error_is_printed_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    broken = "from peavine import Crafter\nclass Mine(Crafter):\n    def craft(self, text):\n        return 1 / 0\n"
    flow = Flow("x").add("a", uses="!Mine {metas: {py_modules: [mine.py]}}", files={"mine.py": broken})
    with flow, pytest.raises(ExecutorError, match="ZeroDivisionError"):
        flow.search(["?"])
    told = capsys.readouterr().err
    assert "a-0-0 | Traceback" in told
    assert "return 1 / 0" in told


@pytest.mark.parametrize("host", ["::1", "[::1]", "::"])
def test_a_flow_listens_on_ipv6_and_its_clients_reach_it_there(host: str) -> None:
    flow = LocalFlow(_manifest({"name": "a"}), listen=Listen(host), sink=lambda name, line: None)
    with flow, Client(f"[::1]:{flow.host.rpartition(':')[2]}") as client:
        assert client.search("x")[0].text == "x"
        with urllib.request.urlopen(f"http://[::1]:{flow.url.rpartition(':')[2]}/readyz", timeout=20) as answer:
            assert answer.status == 200
