"""Whatever happens to requests and shards, what is found is what a plain dictionary holds.

Writes are issued in one order and arrive in another, late, twice or in a part of the shards only; shards are killed,
also while they write, and started again. The shards are processes with real stores; what a head does between them and
the test is the real code. The model knows one rule: the newest version of a Document stands.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from peavine.clock import Heard, Issuer, ticks
from peavine.documents import Document, row_name
from peavine.store import verify
from peavine.v1 import pea_pb2
from peavine.wire import batch_from_bytes, batch_to_bytes
from peavine.wire.header import header, kind_of
from peavine.wire.merge import merge
from peavine.wire.split import owner, split
from peavine.wire.unit import parse, serialize

PATIENCE = 60.0
EXAMPLES = 250
"""Of some 45 steps each: more than 10,000 together."""
MEMORY = Path("/dev/shm")
"""A killed process loses nothing that it wrote to a file, wherever that is: so the files are in memory if possible."""

Vector = tuple[int, int]


@dataclass
class Root:
    """What the model holds of a root Document: the version of the last write, and its rows, none once it is deleted."""

    version: int
    rows: dict[str, Vector]


@dataclass
class Write:
    """A request that changes something."""

    kind: str
    version: int
    docs: dict[str, dict[str, Vector]]
    """id of a root -> its rows by name; nothing where it is deleted."""


@dataclass
class Part:
    """What one shard gets of a unit of writes, on its way."""

    shard: int
    unit: bytes
    writes: list[Write]


@dataclass
class Shard:
    """A process with a store, started when it is asked for something."""

    folder: Path
    forking: str
    pid: int = 0
    model: dict[str, Root] = field(default_factory=dict)

    def start(self) -> None:
        if not self.pid:
            self.connection = Client(self.forking, family="AF_UNIX")
            self.connection.send(str(self.folder))
            self.pid = self.next()

    def next(self) -> Any:
        assert self.connection.poll(PATIENCE), f"{self.folder} does not answer"
        return self.connection.recv()

    def send(self, unit: bytes) -> None:
        self.start()
        self.asked = ticks()
        self.connection.send_bytes(unit)

    def receive(self, heard: Heard) -> pea_pb2.Unit:
        failed, rest, seconds = self.next()
        heard.hear(seconds, self.asked, ticks())
        unit = parse(rest)
        assert not failed, unit
        return unit

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.end()

    def end(self) -> None:
        """Let it end, if it runs, and wait until it is gone: another one may open the store then."""
        if self.pid:
            self.connection.close()
            give_up = time.monotonic() + PATIENCE
            while Path(f"/proc/{self.pid}").exists():
                assert time.monotonic() < give_up, f"{self.folder} does not end"
                time.sleep(0.001)
            self.pid = 0

    def apply(self, writes: Sequence[Write]) -> None:
        """Do what the one rule says, in the order of the versions, as a batch does."""
        for write in sorted(writes, key=lambda write: write.version):
            for id, rows in write.docs.items():
                known = self.model.get(id)
                if known is not None and known.version > write.version:
                    continue
                if write.kind == "update" and not (known and known.rows):
                    continue
                self.model[id] = Root(write.version, rows)


roots = st.sampled_from(["a", "b", "c", "d", "0"])
chunks = st.sampled_from(["0", "1", "a"])
numbers = st.integers(-2, 2)
vectors = st.tuples(numbers, numbers)
documents = st.dictionaries(
    roots, st.tuples(vectors, st.dictionaries(chunks, vectors, max_size=2)), min_size=1, max_size=3
)
requests = st.lists(
    st.tuples(st.sampled_from(["index", "index", "update", "delete"]), documents), min_size=1, max_size=3
)


def rows_of(id: str, vector: Vector, parts: dict[str, Vector]) -> dict[str, Vector]:
    return {id: vector} | {row_name(part, id): each for part, each in parts.items() if part != id}


def document(id: str, vector: Vector, parts: dict[str, Vector]) -> Document:
    own = [Document(id=part, text=f"{each}", embedding=each) for part, each in parts.items() if part != id]
    return Document(id=id, text=f"{vector}", embedding=vector, chunks=own)


class History(RuleBasedStateMachine):
    """The steps."""

    forking: ClassVar[str]
    steps: ClassVar[int] = 0

    @initialize(count=st.integers(1, 3))
    def open(self, count: int) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        self.shards = [Shard(self.folder / f"{n}", self.forking) for n in range(count)]
        self.issuer, self.heard = Issuer(), Heard()
        self.issuer.follow(self.heard)
        self.late: list[Part] = []
        self.last = 0

    def issued(self, found: list[tuple[str, dict[str, tuple[Vector, dict[str, Vector]]]]]) -> list[Part]:
        """Return the parts of a unit: requests of the kind of the first one."""
        kind = found[0][0]
        unit, writes = pea_pb2.Unit(kind=kind_of(kind)), []
        for _, docs in found:
            made = header(kind)
            made.version, made.deadline = self.issuer.issue(len(docs)), time.time() + 3600
            unit.items.add(header=made, bodies=[batch_to_bytes([document(id, *of) for id, of in docs.items()])])
            rows = {id: {} if kind == "delete" else rows_of(id, *of) for id, of in docs.items()}
            writes.append(Write(kind, made.version, rows))
        parts = []
        for number, part in split(unit, len(self.shards)).items():
            own = [self.owned(writes[place], number) for place in part.places]
            parts.append(Part(number, serialize(part.unit), own))
        return parts

    def owned(self, write: Write, shard: int) -> Write:
        docs = {id: rows for id, rows in write.docs.items() if owner(id, len(self.shards)) == shard}
        return Write(write.kind, write.version, docs)

    def deliver(self, part: Part) -> None:
        shard = self.shards[part.shard]
        shard.send(part.unit)
        shard.receive(self.heard)
        shard.apply(part.writes)

    @rule(found=requests)
    def write(self, found: list[tuple[str, dict[str, tuple[Vector, dict[str, Vector]]]]]) -> None:
        for part in self.issued(found):
            self.deliver(part)

    @rule(found=requests, keep=st.sets(st.integers(0, 2)), again=st.booleans())
    def write_of_which_parts_are_late(
        self, found: list[tuple[str, dict[str, tuple[Vector, dict[str, Vector]]]]], keep: set[int], again: bool
    ) -> None:
        for part in self.issued(found):
            if part.shard not in keep:
                self.deliver(part)
            if part.shard in keep or again:
                self.late.append(part)

    @precondition(lambda self: self.late)
    @rule(data=st.data(), again=st.booleans())
    def something_late_arrives(self, data: st.DataObject, again: bool) -> None:
        place = data.draw(st.integers(0, len(self.late) - 1))
        part = self.late[place] if again else self.late.pop(place)
        self.deliver(part)

    @rule(found=requests, read=st.booleans())
    def a_shard_is_killed_while_it_writes_and_gets_the_same_again(
        self, found: list[tuple[str, dict[str, tuple[Vector, dict[str, Vector]]]]], read: bool
    ) -> None:
        first, *rest = self.issued(found)
        shard = self.shards[first.shard]
        shard.send(first.unit)
        if read:
            shard.receive(self.heard)
        shard.kill()
        for part in (first, *rest):
            self.deliver(part)

    @rule(number=st.integers(0, 2))
    def a_shard_is_started_again(self, number: int) -> None:
        shard = self.shards[number % len(self.shards)]
        shard.end()
        if shard.folder.exists():
            assert verify(shard.folder) == []

    @rule(query=vectors, top_k=st.integers(1, 12))
    def search(self, query: Vector, top_k: int) -> None:
        made = header("search", top_k=top_k)
        made.deadline = time.time() + 3600
        body = batch_to_bytes([Document(id="q", embedding=query)])
        unit = pea_pb2.Unit(kind=pea_pb2.SEARCH, items=[pea_pb2.Envelope(header=made, bodies=[body])])
        for shard in self.shards:
            shard.send(serialize(unit))
        merged, _ = merge([shard.receive(self.heard) for shard in self.shards], len(self.shards), False)
        (found,) = batch_from_bytes(merged.items[0].bodies[0]).docs
        rows = {
            name: vector for shard in self.shards for root in shard.model.values() for name, vector in root.rows.items()
        }
        nearest = sorted((float(np.hypot(*np.subtract(vector, query))), name) for name, vector in rows.items())[:top_k]
        assert [(match.row_name, match.text) for match in found.matches] == [(n, f"{rows[n]}") for _, n in nearest]
        np.testing.assert_allclose(
            [match.score.value for match in found.matches if match.score], [d for d, _ in nearest]
        )

    @invariant()
    def versions_rise(self) -> None:
        """Hold after each step, which it counts."""
        type(self).steps += 1
        if hasattr(self, "issuer"):
            version = self.issuer.issue()
            assert version > self.last
            self.last = version

    def teardown(self) -> None:
        if hasattr(self, "shards"):
            for part in self.late:
                self.deliver(part)
            self.search((0, 0), 100)
            for shard in self.shards:
                shard.end()
                assert verify(shard.folder) == []
            shutil.rmtree(self.folder)


@pytest.fixture
def forking(tmp_path: Path) -> Iterator[str]:
    """The socket of a process that forks shards."""
    path = tmp_path / "socket"
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-m", "tests.local.shard_process", str(path)], env=environment)
    give_up = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < give_up, "the process that forks shards does not start"
        time.sleep(0.01)
    yield str(path)
    process.kill()
    process.wait()


def test_what_is_found_is_what_the_model_holds(forking: str) -> None:
    History.forking = forking
    examples = settings(
        max_examples=EXAMPLES, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(History, settings=examples)
    print(f"{History.steps} steps")
