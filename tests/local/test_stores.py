"""A Flow's data: whose it is, what becomes of it when the disk fails, and what a Pea reports about it."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf.json_format import MessageToDict

from peavine import Client, Document, spec
from peavine.errors import PeavineError, StartError
from peavine.local import Listen, LocalFlow
from peavine.store import Store
from peavine.v1 import pea_pb2
from peavine.wire.hello import hello
from peavine.wire.unit import parse, stamp, unstamp
from tests.broken_disk import BrokenDisk

PATIENCE = 60.0
EUCLIDEAN = {"uses": "_index", "executor": {"with": {"metric": "euclidean"}}}


def flow(data: Path, shards: int = 1, **pod: Any) -> LocalFlow:
    pods = [{"name": "index", **EUCLIDEAN, "shards": shards, "storage": {"size": "1Gi"}, **pod}]
    manifest = {"metadata": {"name": "shop"}, "spec": {"pods": pods, "timeoutSeconds": 5}}
    return LocalFlow(spec.parse(manifest), data=data, listen=Listen(), sink=lambda name, line: print(name, line))


def documents(*ids: str) -> list[Document]:
    return [Document(id=id, embedding=np.array([n, 0], np.float32)) for n, id in enumerate(ids)]


def eventually(attempt: Callable[[], object]) -> None:
    """Return as soon as the attempt raises no PeavineError and returns no False."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if attempt() is not False:
                return
        except PeavineError:
            if time.monotonic() > deadline:
                raise
        assert time.monotonic() < deadline


def found(client: Client) -> set[str]:
    (answer,) = client.search(documents("query"), top_k=100)
    return {match.id for match in answer.matches}


def test_data_is_refused_by_another_number_of_shards(tmp_path: Path) -> None:
    with flow(tmp_path, shards=2) as running, Client(running.host) as client:
        client.index(documents("a", "b", "c", "d"))
    with pytest.raises(StartError, match=r'it holds shard \d of 2 of Pod "index", but Pod "index" now has 3 shards'):
        flow(tmp_path, shards=3).start(PATIENCE)
    with pytest.raises(StartError, match="now has 1 shard; set `shards` back to 2"):
        flow(tmp_path, shards=1).start(PATIENCE)
    with flow(tmp_path, shards=2) as running, Client(running.host) as client:
        assert found(client) == {"a", "b", "c", "d"}


def test_folders_of_shards_that_changed_places_are_refused(tmp_path: Path) -> None:
    with flow(tmp_path, shards=2):
        pass
    for before, after in (("index-0", "x"), ("index-1", "index-0"), ("x", "index-1")):
        (tmp_path / before).rename(tmp_path / after)
    with pytest.raises(StartError, match=r"is opened as shard [01]; put each shard's volume where it belongs"):
        flow(tmp_path, shards=2).start(PATIENCE)


@pytest.fixture
def disk(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> BrokenDisk:
    """A disk of all processes that are started now, which fails when it is told to."""
    made = BrokenDisk(tmp_path_factory.mktemp("disk"))
    for name, value in made.env.items():
        monkeypatch.setenv(name, value)
    return made


def test_a_flow_goes_on_in_the_same_process_after_an_io_error(tmp_path: Path, disk: BrokenDisk) -> None:
    with flow(tmp_path) as running, Client(running.host) as client:
        client.index(documents("a"))
        pids = running.pids
        with disk.failing("header"):
            with pytest.raises(PeavineError, match="Input/output error"):
                client.index(documents("b"))
            assert found(client) == {"a"}
        client.index(documents("c"))
        assert found(client) == {"a", "c"}
        assert running.pids == pids


def test_a_pea_whose_store_cannot_be_opened_again_exits_and_comes_back(tmp_path: Path, disk: BrokenDisk) -> None:
    with flow(tmp_path) as running, Client(running.host) as client:
        client.index(documents("a"))
        pid = running.pids["index-0-0"]
        with disk.failing("header open"):
            with pytest.raises(PeavineError):
                client.index(documents("b"))
            eventually(lambda: running.pids["index-0-0"] != pid)
        eventually(lambda: client.index(documents("c")))
        assert found(client) == {"a", "c"}


def test_a_pea_whose_store_was_taken_over_exits_and_reads_what_the_other_wrote(tmp_path: Path) -> None:
    with flow(tmp_path) as running, Client(running.host) as client:
        client.index(documents("a"))
        pid = running.pids["index-0-0"]
        (tmp_path / "index-0" / "writer.lock").unlink()
        Store(tmp_path / "index-0").close()
        eventually(lambda: running.pids["index-0-0"] != pid)
        eventually(lambda: client.index(documents("b")))
        assert found(client) == {"a", "b"}


@pytest.fixture
def pea(tmp_path: Path, unused_tcp_port: int) -> Iterator[tuple[Path, str]]:
    """The folder of a Pea, which holds its data and its socket, and the address of its metrics."""
    labels = {"peavine.dev/flow": "shop"}
    manifest = {"metadata": {"name": "index", "labels": labels}, "spec": {**EUCLIDEAN, "shards": 2}}
    (tmp_path / "pod.json").write_text(json.dumps(manifest))
    command = ["pea", "--pod", str(tmp_path / "pod.json"), "--listen", f"unix:{tmp_path / 's'}", "--shard", "1"]
    command += ["--data", str(tmp_path / "data"), "--metrics-port", str(unused_tcp_port)]
    process = subprocess.Popen([sys.executable, "-m", "peavine", *command], env=os.environ)
    yield tmp_path, f"http://127.0.0.1:{unused_tcp_port}"
    process.terminate()
    assert process.wait(PATIENCE) == 0


def greeting(address: str) -> pea_pb2.Hello:
    """Return a Pea's Hello."""
    questions: queue.Queue[bytes | None] = queue.Queue()
    questions.put(stamp(hello("test", "test"), 0, 0, time.time()))
    with grpc.insecure_channel(address) as channel:
        stream: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream("/peavine.v1.Pea/Stream")
        answers = stream(iter(questions.get, None), timeout=PATIENCE)
        said = parse(unstamp(next(answers)).rest).hello
        questions.put(None)
        return said


def test_a_pea_reports_its_store(pea: tuple[Path, str]) -> None:
    folder, url = pea
    status: dict[str, Any] = {}

    def ask() -> bool:
        try:
            with urllib.request.urlopen(f"{url}/status", timeout=5) as answer:
                status.update(json.load(answer))
        except (OSError, ValueError):  # it does not listen yet, or not for this
            return False
        return bool(status["stores"])

    eventually(ask)
    store = Store(folder / "data", read_only=True)
    assert store.identity is not None
    writers = [[takeover.writer.hex(), takeover.counter] for takeover in store.writers]
    place = {"flow": "shop", "pod": "index", "shard": 1, "shards": 2}
    (reported,) = status["stores"]
    counter = store.position.counter
    known = {"name": ".", "id": store.identity.id, **place, "epoch": 1, "counter": counter, "writers": writers}
    assert reported == known
    with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:
        assert f'peavine_store_epoch{{id="{store.identity.id}",name="."}} 1.0' in answer.read().decode()
    (identity,) = greeting(f"unix:{folder / 's'}").stores
    assert MessageToDict(identity) == {"id": store.identity.id, **place, "epoch": "1", "counter": str(counter)}
    store.close()
