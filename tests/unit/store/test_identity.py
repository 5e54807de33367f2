"""A store knows which shard's data it holds, and is not opened as another one's."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import lmdb
import pytest

from peavine.errors import StoreMisplaced
from peavine.store import Position, Shard, Store, Table, verify

FIRST = Shard("shop", "index", 0, 2)


def make(folder: Path, shard: Shard | None = FIRST) -> None:
    store = Store(folder, shard=shard)
    Table(store, "rows").add(["a"], [b"1"], ["a"])
    store.close()


def test_a_new_store_has_an_identity_of_its_own_and_keeps_it(tmp_path: Path) -> None:
    ids = []
    for folder in (tmp_path / "a", tmp_path / "a", tmp_path / "b"):
        store = Store(folder, shard=FIRST)
        assert store.identity is not None
        assert store.identity.shard == FIRST
        ids.append(store.identity.id)
        store.close()
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param(
            {"shards": 3},
            'it holds shard 0 of 2 of Pod "index", but Pod "index" now has 3 shards; set `shards` back to 2, or '
            "rewrite the data: peavine reshard DIR --shards 3 --to NEW_DIR",
            id="another number of shards",
        ),
        pytest.param(
            {"shard": 1},
            'it holds shard 0 of 2 of Pod "index", but is opened as shard 1; put each shard\'s volume where it belongs',
            id="another shard",
        ),
        pytest.param(
            {"pod": "find"},
            'it holds shard 0 of 2 of Pod "index", but is opened by Pod "find"; give the Pod its old name back, or a '
            "folder or volume of its own",
            id="another Pod",
        ),
    ],
)
def test_a_store_of_another_shard_is_refused_and_left_as_it_is(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    make(tmp_path)
    before = (tmp_path / "data.mdb").read_bytes()
    with pytest.raises(StoreMisplaced) as refused:
        Store(tmp_path, shard=dataclasses.replace(FIRST, **changes))  # type: ignore[arg-type]
    assert str(refused.value) == f"store {tmp_path}: {words}"
    assert (tmp_path / "data.mdb").read_bytes() == before
    Store(tmp_path, shard=FIRST).close()


def test_a_flow_of_another_name_may_take_over_the_data(tmp_path: Path) -> None:
    make(tmp_path)
    restored = dataclasses.replace(FIRST, flow="restored")
    make(tmp_path, restored)
    store = Store(tmp_path, read_only=True)
    assert store.identity is not None
    assert store.identity.shard == restored
    store.close()


def test_a_pod_that_only_reads_may_have_another_name_but_not_another_shard(tmp_path: Path) -> None:
    make(tmp_path)
    Store(tmp_path, read_only=True, shard=dataclasses.replace(FIRST, pod="find")).close()
    with pytest.raises(StoreMisplaced, match="opened as shard 1"):
        Store(tmp_path, read_only=True, shard=dataclasses.replace(FIRST, pod="find", shard=1))


def test_a_store_without_a_shard_becomes_that_of_the_first_pea(tmp_path: Path) -> None:
    make(tmp_path, shard=None)
    make(tmp_path)
    make(tmp_path, shard=None)  # a program that does not know about shards
    with pytest.raises(StoreMisplaced):
        make(tmp_path, dataclasses.replace(FIRST, shard=1))


def test_a_store_of_the_first_format_gets_an_identity_when_it_is_first_opened_for_writing(tmp_path: Path) -> None:
    make(tmp_path)
    with lmdb.Environment(str(tmp_path), max_dbs=8) as env, env.begin(write=True) as txn:
        meta = env.open_db(b"meta", txn=txn)
        for row in (b"identity", b"position", b"writers"):
            txn.delete(row, db=meta)
        txn.put(b"version", b"1", db=meta)
        txn.put(b"state", b"0123456789abcdef", db=meta)
    store = Store(tmp_path, read_only=True)
    assert (store.identity, store.position, store.state) == (None, Position(), b"0123456789abcdef")
    store.close()
    make(tmp_path)
    store = Store(tmp_path, read_only=True)
    assert store.identity is not None
    assert store.identity.shard == FIRST
    assert store.position[:2] == (1, 1)
    store.close()
    assert verify(tmp_path) == []


def test_the_position_grows_with_every_commit_and_every_writer(tmp_path: Path) -> None:
    make(tmp_path)
    positions = []
    for _ in range(2):
        store = Store(tmp_path)
        positions.append(store.position)
        for id in "ab":
            Table(store, "rows").add([id], [b"1"], [id])
            positions.append(store.position)
        store.close()
    first = positions[0].counter
    passed = [(position.epoch, position.counter - first) for position in positions]
    assert passed == [(2, 0), (2, 1), (2, 2), (3, 2), (3, 3), (3, 4)]
    assert positions == sorted(positions)


def test_opening_a_store_leaves_what_was_computed_from_it_current(tmp_path: Path) -> None:
    make(tmp_path)
    store = Store(tmp_path, read_only=True)
    state = store.state
    store.close()
    store = Store(tmp_path)
    assert store.state == state
    store.close()


def test_copies_that_went_different_ways_never_have_the_same_state(tmp_path: Path) -> None:
    make(tmp_path / "a")
    store = Store(tmp_path / "a")
    store.snapshot(tmp_path / "b")
    store.close()
    states, counters = set(), set()
    for name in "ab":
        make(tmp_path / name)
        store = Store(tmp_path / name, read_only=True)
        states.add(store.state)
        counters.add(store.position.counter)
        store.close()
    assert (len(states), len(counters)) == (2, 1)


def test_a_snapshot_can_be_told_from_what_came_after_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "a", shard=FIRST)
    store.snapshot(tmp_path / "b")
    Table(store, "rows").add(["a"], [b"1"], ["a"])
    copy = Store(tmp_path / "b", read_only=True)
    assert copy.identity == store.identity
    assert copy.position < store.position
    assert copy.writers == store.writers
    for each in (copy, store):
        each.close()
    copy = Store(tmp_path / "b")
    assert [takeover.counter for takeover in copy.writers] == [0, 0]
    copy.close()
    store = Store(tmp_path / "a")
    assert [takeover.counter for takeover in store.writers] == [0, store.position.counter]
    store.close()
