"""A Pea that indexes is killed at random moments: what it answered for is on disk, and nothing is half there.

Each unit brings Documents of its own, with chunks, and one Document that every unit replaces. Units are sent ahead of
their answers. After each kill the folder is read and the Pea started again on it.
"""

from __future__ import annotations

import contextlib
import json
import queue
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np

from peavine.documents import Document
from peavine.executors.indexers import BinaryPbIndexer, CompoundIndexer, NumpyIndexer
from peavine.store import verify
from peavine.store.table import row
from peavine.v1 import pea_pb2
from peavine.wire import batch_to_bytes, document_from_bytes
from peavine.wire.hello import hello
from peavine.wire.unit import CONTROL, parse, serialize, stamp, unstamp

KILLS = 32
SERIES = 2
"""Folders that are worked on side by side."""
PATIENCE = 60.0
BACKOFF = [(f"grpc.{which}_reconnect_backoff_ms", 100) for which in ("initial", "min", "max")]
LATEST = "latest"


def documents(number: int) -> list[Document]:
    """Return the Documents of a unit: the same for the same number."""
    chance = random.Random(number)
    found = []
    for n in range(chance.choice([1, 5, 40])):
        doc = Document(id=f"{number}-{n}", text=f"unit {number} " * 10, embedding=vector(number, n))
        for chunk in range(chance.randrange(3)):
            doc.chunks.append(Document(id=f"{number}-{n}-{chunk}", text="chunk", embedding=vector(number, n)))
        found.append(doc)
    return [*found, Document(id=LATEST, text=str(number), embedding=vector(number, 0))]


def vector(*place: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.random.default_rng(place).random(16, np.float32)


def unit(number: int) -> bytes:
    header = pea_pb2.Header(id=str(number), kind=pea_pb2.INDEX, deadline=time.time() + PATIENCE)
    item = pea_pb2.Envelope(header=header, bodies=[batch_to_bytes(documents(number), [])])
    return stamp(serialize(pea_pb2.Unit(kind=pea_pb2.INDEX, items=[item])), number, 0, time.time())


class IndexingPea:
    """A Pea process with a `_index`, and a stream to it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        manifest = {
            "metadata": {"name": "index"},
            "spec": {"uses": "_index", "executor": {"with": {"metric": "euclidean"}}},
        }
        (folder / "pod.json").write_text(json.dumps(manifest))
        address = f"unix:{folder / 'pea.sock'}"
        command = ["pea", "--pod", str(folder / "pod.json"), "--listen", address, "--data", str(folder / "data")]
        with (folder / "log").open("w") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "peavine", *command], stdout=log, stderr=log)
        self.channel = grpc.insecure_channel(address, BACKOFF)
        ready = grpc.channel_ready_future(self.channel)
        while self.process.poll() is None and not ready.done():
            with contextlib.suppress(grpc.FutureTimeoutError):
                ready.result(1)
        assert ready.done(), (folder / "log").read_text()
        self._questions: queue.Queue[bytes | None] = queue.Queue()
        self._questions.put(stamp(hello("test", "test"), CONTROL, 0, time.time()))
        stream: grpc.StreamStreamMultiCallable[bytes, bytes] = self.channel.stream_stream("/peavine.v1.Pea/Stream")
        self._answers = stream(iter(self._questions.get, None), timeout=PATIENCE)
        said = parse(unstamp(next(self._answers)).rest)
        self.window = max(1, said.hello.window)

    def send(self, number: int) -> None:
        self._questions.put(unit(number))

    def answers(self) -> Iterator[int]:
        """Yield the numbers of the units that were indexed, until the Pea is gone."""
        with contextlib.suppress(grpc.RpcError):
            for raw in self._answers:
                stamped = unstamp(raw)
                assert not stamped.failed, parse(stamped.rest)
                yield stamped.number
        assert self._answers.code() is grpc.StatusCode.UNAVAILABLE, self._answers.details()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self._questions.put(None)
        self.channel.close()


def on_disk(folder: Path) -> tuple[set[str], int]:
    """Return the ids of the vectors, each with its Document, and the number that the last unit wrote."""
    assert verify(folder) == []
    with CompoundIndexer().open(folder) as indexer:
        vectors, kept = indexer.components
        assert isinstance(vectors, NumpyIndexer)
        assert isinstance(kept, BinaryPbIndexer)
        with indexer.store.committed() as txn:
            ids = [row(key, value).id for key, value in txn.items("vectors")]
            values = {row(key, value).id for key, value in txn.items("documents")}
        assert values == set(ids), "vectors and Documents disagree"
        (found,) = kept.query([LATEST])
        assert found is not None
        return set(ids), int(document_from_bytes(found).text or "")


def expected(number: int) -> set[str]:
    return {id for doc in documents(number) for id in (doc.id, *(chunk.id for chunk in doc.chunks))} - {LATEST}


def data_folder(folder: Path) -> Path:
    """Return where the Pea's store is."""
    (found,) = folder.glob("data/**/data.mdb")
    return found.parent


def killed_again_and_again(folder: Path, kills: int) -> int:
    """Return how many kills left a unit without an answer."""
    chance = random.Random(str(folder.name))
    acknowledged: set[int] = set()
    unsure: set[int] = set()
    number = unanswered = 0
    for kill in range(kills):
        pea = IndexingPea(folder)
        sent: set[int] = set()
        answered: set[int] = set()
        moment = threading.Timer(chance.uniform(0, 0.25), pea.kill)
        early = kill % 4 == 0  # maybe before anything is answered
        for _ in range(pea.window):
            number += 1
            pea.send(number)
            sent.add(number)
        if early:
            moment.start()
        for done in pea.answers():
            if not early and not answered:
                moment.start()
            answered.add(done)
            number += 1
            pea.send(number)
            sent.add(number)
        moment.join()
        pea.close()
        acknowledged |= answered
        unanswered += bool(sent - answered)
        unsure |= sent - answered
        if not acknowledged:
            continue
        ids, latest = on_disk(data_folder(folder))
        lost = [unit for unit in acknowledged if not expected(unit) <= ids]
        assert not lost, f"kill {kill}: {lost} were answered and are not there"
        for unit in unsure:
            there = expected(unit) & ids
            assert there in (set(), expected(unit)), f"kill {kill}: unit {unit} is half there"
            if there:
                acknowledged.add(unit)
        unsure.clear()
        assert ids - {LATEST} == set().union(*map(expected, acknowledged))
        assert latest == max(acknowledged)
    assert len(acknowledged) > kills
    return unanswered


def test_a_killed_pea_loses_nothing_that_it_answered_for(tmp_path: Path) -> None:
    with ThreadPoolExecutor(SERIES) as threads:
        folders = [tmp_path / f"series{n}" for n in range(SERIES)]
        unanswered = sum(threads.map(killed_again_and_again, folders, [KILLS // SERIES] * SERIES))
    assert unanswered > KILLS // 2, "most kills should come while something is under way"
