"""`peavine reshard`: the same Documents and the same answers with another number of shards."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from peavine import Client, Document, cli, spec
from peavine.executors.indexers import DocIDCache
from peavine.flow.order import in_order
from peavine.local import Listen, LocalFlow
from peavine.store import Shard, Store, Table, verify
from peavine.wire.split import owner

CHANCE = np.random.default_rng(7)
COUNT = 60


def flow(data: Path, shards: int) -> LocalFlow:
    seen = {"name": "seen", "uses": "_unique"}
    index = {"name": "index", "uses": "_index", "executor": {"with": {"metric": "euclidean"}}, "shards": shards}
    pods: list[dict[str, Any]] = [seen, {**index, "storage": {"size": "1Gi"}}]
    manifest = {"metadata": {"name": "shop"}, "spec": {"pods": in_order(pods)}}
    return LocalFlow(spec.parse(manifest), data=data, listen=Listen(), sink=lambda name, line: print(name, line))


def documents() -> list[Document]:
    docs = []
    for n in range(COUNT):
        doc = Document(id=f"doc{n}", text=f"text {n}", embedding=CHANCE.random(8, np.float32))
        for part in range(n % 3):
            doc.chunks.append(Document(id=f"doc{n}/{part}", text="part", embedding=CHANCE.random(8, np.float32)))
        docs.append(doc)
    return docs


def answers(client: Client) -> list[list[tuple[str, str | None, float]]]:
    queries = [Document(id=f"q{n}", embedding=np.full(8, n / 10, np.float32)) for n in range(10)]
    found = client.search(queries, top_k=1000)
    return [[(match.id, match.text, match.score.value) for match in each.matches if match.score] for each in found]


def rows(data: Path) -> dict[tuple[str, bytes], bytes]:
    """Return every row of every shard; each is in one shard."""
    found: dict[tuple[str, bytes], bytes] = {}
    for folder in sorted(data.glob("index-*")):
        store = Store(folder, read_only=True)
        with store.committed() as txn:
            for table in store.tables:
                if table != "meta":
                    mine = {(table, key): value for key, value in txn.items(table)}
                    assert not found.keys() & mine.keys()
                    found |= mine
        store.close()
    return found


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[list[tuple[str, str | None, float]]]]:
    """Data of two shards, and what is found in it."""
    data = tmp_path_factory.mktemp("indexed") / "data"
    with flow(data, 2) as running, Client(running.host) as client:
        client.index(documents())
        client.delete(["doc7"])
        found = answers(client)
    assert len(found[0]) > COUNT
    return data, found


@pytest.mark.parametrize("shards", [3, 1])
def test_every_document_and_every_search_is_the_same_afterwards(
    tmp_path: Path,
    indexed: tuple[Path, list[list[tuple[str, str | None, float]]]],
    shards: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data, found = indexed
    before, to = rows(data), tmp_path / "new"
    arguments = ["reshard", str(data), "--shards", str(shards), "--to", str(to), "--pod", "index", "--json"]
    assert cli.main(arguments) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["before"], said["shards"], said["stale"], said["rows"]) == (2, shards, 0, len(before))
    assert rows(to) == before
    for shard in range(shards):
        assert verify(to / f"index-{shard}") == []
    with flow(to, shards) as running, Client(running.host) as client:
        assert answers(client) == found
        client.delete([f"doc{n}" for n in range(COUNT)])
        assert answers(client) == [[]] * 10
    assert rows(data) == before, "the old data is left as it is"


def test_what_lay_in_a_wrong_shard_too_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for shard in range(2):
        store = Store(tmp_path / "old" / f"index-{shard}", shard=Shard("shop", "index", shard, 2))
        ids = [f"doc{n}" for n in range(20)]
        values = [b"new" if owner(id, 2) == shard else b"old" for id in ids]
        Table(store, "documents").add(ids, values, ids)
        store.close()
    to = tmp_path / "new"
    assert cli.main(["reshard", str(tmp_path / "old"), "--shards", "3", "--to", str(to)]) == 0
    assert "that another shard held by mistake" in capsys.readouterr().out
    kept = rows(to)
    assert {value[2:] for (table, _), value in kept.items() if table == "documents"} == {b"new"}
    assert len([key for table, key in kept if table == "documents"]) == 20


def test_what_was_seen_is_known_to_the_shard_that_owns_the_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = [f"doc{n}" for n in range(30)]
    for shard in range(2):
        cache = DocIDCache("content_hash")
        cache.shard = Shard("shop", "seen", shard, 2)
        with cache.open(tmp_path / "old" / f"seen-{shard}"):
            mine = [id for id in ids if owner(id, 2) == shard]
            cache.add([f"hash of {id}" for id in mine], mine)
    assert cli.main(["reshard", str(tmp_path / "old"), "--shards", "3", "--to", str(tmp_path / "new")]) == 0
    for shard in range(3):
        with DocIDCache("content_hash").open(tmp_path / "new" / f"seen-{shard}") as cache:
            mine = [id for id in ids if owner(id, 3) == shard]
            assert cache.query([f"hash of {id}" for id in mine]) == mine
            assert cache.size == len(mine)
            cache.delete(mine)
            assert cache.size == 0


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["reshard", *arguments]) in (1, 2)
    return capsys.readouterr().err


def test_it_is_refused_while_the_flow_runs_and_leaves_nothing(
    tmp_path: Path, indexed: tuple[Path, object], capsys: pytest.CaptureFixture[str]
) -> None:
    data, to = indexed[0], tmp_path / "new"
    arguments = (str(data), "--shards", "3", "--to", str(to), "--pod", "index")
    with flow(data, 2):
        assert "only one may" in refusal(capsys, *arguments)
    assert list(tmp_path.iterdir()) == []
    assert "stores of these Pods: index, seen; choose one with --pod" in refusal(capsys, *arguments[:-2])
    (data / "index-1").rename(tmp_path / "away")
    try:
        assert "index-1: is missing, and Pod index has 2 shards" in refusal(capsys, *arguments)
    finally:
        (tmp_path / "away").rename(data / "index-1")
    to.mkdir()
    (to / "file").touch()
    assert "is there already" in refusal(capsys, *arguments)


def test_a_killed_one_leaves_no_new_folder_and_can_be_started_again(
    tmp_path: Path, indexed: tuple[Path, object]
) -> None:
    data, to = indexed[0], tmp_path / "new"
    killed = """
import os, sys
from pathlib import Path
from peavine.local import resharding
plan = resharding.plan(Path(sys.argv[1]), Path(sys.argv[2]), 3, "index")
left = [100]
def tell(rows):
    left[0] -= rows
    if not left[0]:
        os.kill(os.getpid(), 9)
resharding.carry_out(plan, tell)
"""
    result = subprocess.run([sys.executable, "-c", killed, str(data), str(to)], check=False, timeout=60)
    assert result.returncode == -9
    assert not to.exists()
    assert cli.main(["reshard", str(data), "--shards", "3", "--to", str(to), "--pod", "index"]) == 0
    assert rows(to) == rows(data)
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
