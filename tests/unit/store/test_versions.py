"""The newest write of a Document stands, in whatever order writes arrive."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peavine.clock import LIFETIME, SHARD
from peavine.documents import row_name
from peavine.errors import InvalidRequest, StoreError
from peavine.store import Store, Table, verify
from peavine.store.table import pack


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.close()
    assert verify(tmp_path) == []


def put(table: Table, owner: str, value: bytes, version: int, *parts: str) -> None:
    ids = [owner, *parts]
    table.add(ids, [value] * len(ids), [owner] * len(ids), [version] * len(ids))


def test_an_older_write_changes_nothing_and_the_same_one_again_does(store: Store) -> None:
    table, now = Table(store, "rows"), SHARD.now()
    put(table, "a", b"new", now)
    put(table, "a", b"old", now - 1, "0")
    assert table.get(["a"]) == [b"new"]
    put(table, "a", b"new", now, "0")
    assert len(table) == 2
    put(table, "a", b"newer", now + 1)
    assert [row.value for row in table] == [b"newer"]


def test_a_late_write_does_not_bring_back_what_was_deleted_even_if_it_was_never_there(store: Store) -> None:
    table, now = Table(store, "rows"), SHARD.now()
    put(table, "a", b"first", now - 3)
    table.delete(["a", "b"], [now, now])
    put(table, "a", b"late", now - 1, "0")
    put(table, "b", b"late", now - 1)
    assert len(table) == 0
    put(table, "a", b"again", now + 1)
    table.delete(["a"], [now])
    assert table.get(["a"]) == [b"again"]


def test_an_update_is_late_or_not_as_any_write(store: Store) -> None:
    table, now = Table(store, "rows"), SHARD.now()
    put(table, "a", b"new", now)
    for version, value in ((now - 1, b"late"), (now + 1, b"newer")):
        table.update(["a", "unknown"], [value, value], ["a", "unknown"], [version, version])
    assert table.get(["a", "unknown"]) == [b"newer", None]


def test_tables_of_one_store_decide_alike(store: Store) -> None:
    vectors, documents, now = Table(store, "vectors"), Table(store, "documents"), SHARD.now()
    for version, value in ((now, b"new"), (now - 1, b"late")):
        with store.write():
            put(vectors, "a", value, version)
            put(documents, "a", value, version)
    assert vectors.get(["a"]) == documents.get(["a"]) == [b"new"]


def test_of_two_writes_in_one_batch_the_newer_one_stands(store: Store) -> None:
    table, now = Table(store, "rows"), SHARD.now()
    table.add(["a", "a", "a"], [b"2", b"3", b"1"], ["a", "a", "a"], [now - 1, now, now - 2])
    assert table.get(["a"]) == [b"3"]


def test_versions_outlive_the_process_and_so_does_its_clock(tmp_path: Path) -> None:
    store, now = Store(tmp_path), SHARD.now()
    put(Table(store, "rows"), "a", b"new", now)
    store.close()
    store = Store(tmp_path)
    table = Table(store, "rows")
    put(table, "a", b"late", now - 1)
    assert table.get(["a"]) == [b"new"]
    assert SHARD.now() > now
    store.close()


def test_a_write_is_answered_when_the_clock_is_past_its_version(store: Store) -> None:
    version = SHARD.now() + 50_000
    put(Table(store, "rows"), "a", b"soon", version)
    assert SHARD.now() > version


def test_what_was_deleted_is_forgotten_when_no_late_write_can_arrive_any_more(store: Store) -> None:
    table, now = Table(store, "rows"), SHARD.now()
    long_ago = (now - LIFETIME - 10_000_000).to_bytes(8, "big")
    with store.write() as txn:  # a deletion and a later write of another Document, as they were left then
        for owner in (b"gone", b"back"):
            txn.put("tombstones", long_ago + owner, b"")
        txn.put("versions", b"gone", long_ago)
        txn.put("versions", b"back", (now - 5).to_bytes(8, "big"))
    put(table, "a", b"1", now)
    with store.committed() as reading:
        assert [reading.get("versions", owner) is not None for owner in (b"gone", b"back", b"a")] == [False, True, True]
        assert reading.count("tombstones") == 0
    with pytest.raises(InvalidRequest, match="this write was issued 3,61"):
        put(table, "gone", b"late", now - LIFETIME - 10_000_000)


owners = st.sampled_from("abc")
writes = st.lists(st.tuples(st.sampled_from(["add", "delete"]), owners, st.booleans()), max_size=12)


@settings(deadline=None)
@given(writes, st.randoms(use_true_random=False))
def test_any_order_of_arrival_leaves_what_the_order_of_issue_would(
    found: list[tuple[str, str, bool]], chance: random.Random
) -> None:
    issued = [(n, kind, owner, again) for n, (kind, owner, again) in enumerate(found)]
    arriving = [*issued, *(write for write in issued if write[3])]
    chance.shuffle(arriving)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        table, now = Table(store, "rows"), SHARD.now()
        for n, kind, owner, _ in arriving:
            if kind == "add":
                put(table, owner, f"{n}".encode(), now - 100 + n, *(str(part) for part in range(n % 3)))
            else:
                table.delete([owner], [now - 100 + n])
        expected: dict[str, list[bytes]] = {}
        for n, kind, owner, _ in issued:
            expected[owner] = [f"{n}".encode()] * (1 + n % 3) if kind == "add" else []
        for owner, values in expected.items():
            assert [row.value for row in table if row.owner == owner] == values
        store.close()
        assert verify(Path(folder)) == []


def test_parts_of_different_documents_may_share_ids_and_never_displace_a_root(store: Store) -> None:
    table = Table(store, "rows")
    table.add(["a", "0", "b", "0", "a"], [b"a", b"a0", b"b", b"b0", b"ba"], ["a", "a", "b", "b", "b"])
    names = [row_name(id, owner) for id, owner in [("a", "a"), ("0", "a"), ("b", "b"), ("0", "b"), ("a", "b")]]
    assert table.get(names) == [b"a", b"a0", b"b", b"b0", b"ba"]
    assert table.get(["0"]) == [None]
    table.delete(["0", "b"])
    assert [(row.id, row.owner) for row in table] == [("a", "a"), ("0", "a")]


def test_a_part_whose_ids_are_too_long_together_is_refused(store: Store) -> None:
    table = Table(store, "rows")
    table.add(["p" * 253], [b""], ["r" * 256])
    assert len(table) == 1
    with pytest.raises(InvalidRequest, match="ids of 254 and 256 bytes; together they may have 509"):
        table.add(["p" * 254], [b""], ["r" * 256])


def test_rows_that_an_earlier_version_kept_by_the_ids_of_parts_are_found(tmp_path: Path) -> None:
    """Its rows, `id -> owner's size, owner, value`: more of them than are converted at once."""
    store = Store(tmp_path)
    for name in ("rows", "rows.owners"):
        store.table(name)
    parts = [f"{n}".encode() for n in range(2500)]
    with store.write() as txn:
        txn.put("rows", b"root", b"\0\0whole")
        txn.put("rows", b"single", b"\0\0one")
        for part in parts:
            txn.put("rows", part, b"\4\0root" + b"part " + part)
        txn.put("rows.owners", b"root", pack([b"root", *parts]))
    store.close()
    reader = Store(tmp_path, read_only=True)
    with pytest.raises(StoreError, match="written by an earlier peavine; open it once for writing"):
        Table(reader, "rows")
    reader.close()
    store = Store(tmp_path)
    table = Table(store, "rows")
    assert table.get(["root", "single", row_name("7", "root"), row_name("2499", "root"), "7"]) == [
        b"whole", b"one", b"part 7", b"part 2499", None,
    ]  # fmt: skip
    table.delete(["root"])
    assert [row.id for row in table] == ["single"]
    store.close()
    assert verify(tmp_path) == []
