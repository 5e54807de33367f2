"""User code that raises what nobody catches, or does not return: the Pea answers the others, or exits."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from peavine.documents import Document
from peavine.pea import PeaServer, PeaSettings
from peavine.spec import parse_pod
from tests.local.streams.running import UnitStream, envelope, until

CODE = """
import asyncio, re, time
from pathlib import Path
from peavine.executors import Crafter

class Own(BaseException):
    pass

class Wild(Crafter):
    def craft(self, text):
        order, _, rest = (text or "").partition(" ")
        if order == "cancel":
            async def call():
                asyncio.current_task().cancel()
                await asyncio.sleep(1)
            asyncio.run(call())
        if order == "raise":
            raise {"Own": Own, "KeyboardInterrupt": KeyboardInterrupt, "GeneratorExit": GeneratorExit}[rest]("stop it")
        if order == "surrogate":
            raise ValueError("cannot read caf\\udce9.png")
        if order == "await":
            while not Path(rest).exists():
                time.sleep(0.01)
        if order == "match":
            re.match("(a+)+$", "a" * 64 + "b")
        return {"text": f"{text}, done"}

    def close(self):
        raise Own("cannot close")
"""

POD: dict[str, Any] = {"uses": "!Wild\nmetas: {py_modules: wild.py}\n", "files": {"wild.py": CODE}}
STATES = health_pb2.HealthCheckResponse


def pod(**fields: Any) -> dict[str, Any]:
    return {"kind": "Pod", "metadata": {"name": "work"}, "spec": {"timeoutSeconds": 1, **POD, **fields}}


@asynccontextmanager
async def pea(patience: float, **fields: Any) -> AsyncIterator[tuple[PeaServer, UnitStream]]:
    """Run a Pea in this process, with a stream to it."""
    server = PeaServer(PeaSettings(Path("unused"), "127.0.0.1:0", patience=patience), parse_pod(pod(**fields), "pod"))
    async with grpc.aio.insecure_channel(await server.start()) as channel:
        stream = UnitStream(channel)
        await stream.open()
        yield server, stream
    await server.stop(0)


async def ask(stream: UnitStream, *texts: str, seconds: float = 20.0, number: int = 1) -> None:
    items = [envelope(text, Document(id="x", text=text)) for text in texts]
    for item in items:
        item.header.deadline = time.time() + seconds
    await stream.ask(number, *items)


async def becomes(address: str, status: int) -> None:
    """Wait until health is that."""
    async with grpc.aio.insecure_channel(address) as channel:
        async with asyncio.timeout(20):
            async for answer in health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest()):
                if answer.status == status:
                    return


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("cancel", "CancelledError"),
        ("raise Own", "Own: stop it"),
        ("raise GeneratorExit", "GeneratorExit: stop it"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt: stop it"),
        ("surrogate", r"ValueError: cannot read caf\udce9.png"),
    ],
)
async def test_a_pea_outlives_whatever_its_executor_raises(
    order: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # pytest sends what was logged from process to process, and cannot send a lone surrogate.
    monkeypatch.setattr(logging.getLogger("peavine"), "propagate", False)
    async with pea(30) as (server, stream):
        for number in (1, 2):
            await ask(stream, "good", order, "fine", number=number)
            _, unit = await asyncio.wait_for(stream.answer(), 20)
            assert [item.header.HasField("status") for item in unit.items] == [False, True, False]
            assert unit.items[1].header.status.message == f"Wild.craft() raised {said}"
        await becomes(server.address, STATES.SERVING)


async def test_an_error_is_logged_once_with_its_stack_and_then_counted(caplog: pytest.LogCaptureFixture) -> None:
    async with pea(30) as (_, stream):
        for number in range(1, 13):
            await ask(stream, "raise Own", number=number)
            await asyncio.wait_for(stream.answer(), 20)
    faults = [record for record in caplog.records if record.name == "peavine.pea.faults"]
    assert [record.getMessage().rpartition(": ")[2] for record in faults[1:]] == ["10 times so far"]
    assert faults[0].exc_info
    assert "Own: stop it" in caplog.text
    assert '[rest]("stop it")' in caplog.text


async def test_a_close_that_raises_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    async with pea(30):
        pass
    assert "Wild.close() raised Own: cannot close" in caplog.text


async def test_a_pea_whose_code_is_late_is_not_serving_until_it_returns(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    signal = tmp_path / "signal"
    async with pea(4) as (server, stream):
        await ask(stream, f"await {signal}", seconds=0.3)
        await until(lambda: "has not returned" in caplog.text, "it is reported")
        record = next(record for record in caplog.records if "has not returned" in record.getMessage())
        assert "Wild.craft() for CraftDriver" in record.getMessage()
        assert "time.sleep(0.01)" in record.getMessage()
        await becomes(server.address, STATES.NOT_SERVING)
        assert not server.failed.done()
        signal.touch()
        await asyncio.wait_for(stream.answer(), 20)
        await becomes(server.address, STATES.SERVING)


async def test_slow_code_is_left_alone_while_its_deadline_runs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    signal = tmp_path / "signal"
    async with pea(1) as (server, stream):
        await ask(stream, f"await {signal}", seconds=60)
        with pytest.raises(TimeoutError):  # three times its patience
            await asyncio.wait_for(asyncio.shield(server.failed), 3)
        signal.touch()
        stamped, _ = await asyncio.wait_for(stream.answer(), 20)
        assert stamped.failed == 0
    assert "has not returned" not in caplog.text


async def test_a_task_of_ours_that_ends_is_the_end_of_the_pea() -> None:
    async with pea(1) as (server, _):
        for task in asyncio.all_tasks():
            if task.get_name() == "executor 0":
                task.cancel()
        assert await asyncio.wait_for(server.failed, 20) == 'the task "executor 0" ended: it was cancelled'


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a Pea whose patience is a second."""
    (tmp_path / "pod.json").write_text(json.dumps(pod()))
    address = f"unix:{tmp_path}/pea.sock"
    code = "import sys, uvloop\nfrom pathlib import Path\nfrom peavine import logs\nfrom peavine.pea import *\n"
    code += "logs.setup()\nsettings = PeaSettings(Path(sys.argv[1]), sys.argv[2], patience=1)\n"
    code += "sys.exit(uvloop.run(serve(settings)))"
    command = [sys.executable, "-c", code, str(tmp_path / "pod.json"), address]
    environment = {**os.environ, "PEAVINE_TERMINATION_LOG": str(tmp_path / "words")}
    output = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    yield output
    output.kill()
    output.communicate()


@pytest.mark.parametrize(
    ("order", "line"),
    [("await /nowhere", "time.sleep"), ("match", "in craft")],
    ids=["code that waits", "code that never lets go of Python's lock"],
)
async def test_a_pea_whose_code_hangs_exits_1_and_prints_where(
    process: subprocess.Popen[str], tmp_path: Path, order: str, line: str
) -> None:
    async with grpc.aio.insecure_channel(
        f"unix:{tmp_path}/pea.sock", [("grpc.max_reconnect_backoff_ms", 100)]
    ) as channel:
        await asyncio.wait_for(channel.channel_ready(), 30)
        stream = UnitStream(channel)
        await stream.open()
        await ask(stream, order, seconds=0.5)
        output, _ = await asyncio.to_thread(process.communicate, timeout=60)
    assert process.returncode == 1
    assert line in output
    if order != "match":  # else nobody could write it
        words = json.loads((tmp_path / "words").read_text())
        assert words["error"].startswith("Wild.craft() for CraftDriver has not returned for")
