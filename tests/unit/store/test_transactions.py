"""What a store promises about transactions: all or nothing, on disk when acknowledged, one writer, room to grow."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from peavine.errors import StoreError, StoreFull
from peavine.store import Store, Table


def fill(table: Table, start: int, count: int, size: int = 100) -> None:
    ids = [f"{n:06}" for n in range(start, start + count)]
    table.add(ids, [id.encode() * (size // 6) for id in ids], ids)


def test_what_was_committed_is_there_after_reopening(tmp_path: Path) -> None:
    store = Store(tmp_path)
    Table(store, "rows").add(["a", "b"], [b"1", b"2"], ["a", "a"])
    store.close()

    store = Store(tmp_path)
    assert list(Table(store, "rows")) == [("a", "a", b"1"), ("b", "a", b"2")]
    store.close()


def test_a_block_that_raises_changes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    table = Table(store, "rows")
    table.add(["a"], [b"1"], ["a"])

    def change_and_fail() -> None:
        with store.write():
            table.add(["b"], [b"2"], ["b"])
            table.delete(["a"])
            assert table.get(["a", "b"]) == [None, b"2"], "a transaction sees its own changes"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_and_fail()
    assert table.get(["a", "b"]) == [b"1", None]
    store.close()


def test_a_part_that_raised_keeps_the_whole_from_being_committed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    table = Table(store, "rows")

    def go_on_after_a_failed_part() -> None:
        with store.write():
            table.add(["a"], [b"1"], ["a"])
            with contextlib.suppress(ZeroDivisionError), store.write():
                table.add(["b"], [b"2"], ["b"])
                raise ZeroDivisionError

    with pytest.raises(StoreError, match="a part of the transaction failed"):
        go_on_after_a_failed_part()
    assert len(table) == 0
    store.close()


def test_a_commit_returns_when_the_disk_has_it(tmp_path: Path) -> None:
    """LMDB then writes the pages, waits for the disk, and writes the header that makes them count, synchronously."""
    store = Store(tmp_path)
    flags = store._opened.flags()
    store.close()
    assert (flags["sync"], flags["metasync"], flags["map_async"], flags["writemap"]) == (True, True, False, False)


def test_every_commit_changes_the_state_and_nothing_else_does(tmp_path: Path) -> None:
    store = Store(tmp_path)
    table = Table(store, "rows")
    states = [store.state]
    for id in "ab":
        table.add([id], [b"1"], [id])
        states.append(store.state)
    with store.write():
        table.get(["a"])
    assert store.state == states[-1]
    assert len(set(states)) == 3
    store.close()


def test_threads_write_in_turn_and_read_meanwhile(tmp_path: Path) -> None:
    store = Store(tmp_path)
    table = Table(store, "counts")
    table.add(["n"], [b"0"], ["n"])

    def increment() -> None:
        for _ in range(20):
            with store.write() as txn:
                txn.lock()
                table.add(["n"], [str(int(table.get(["n"])[0] or b"") + 1).encode()], ["n"])

    threads = [threading.Thread(target=increment) for _ in range(4)]
    for thread in threads:
        thread.start()
    seen = []
    while any(thread.is_alive() for thread in threads):
        seen.append(int(table.get(["n"])[0] or b""))
    for thread in threads:
        thread.join()
    assert table.get(["n"]) == [b"80"]
    assert seen == sorted(seen)
    store.close()


def test_a_second_writer_is_refused_and_told_the_folder_and_the_process(tmp_path: Path) -> None:
    store = Store(tmp_path)
    other = "import sys, pathlib, peavine.store; peavine.store.Store(pathlib.Path(sys.argv[1]))"
    result = subprocess.run([sys.executable, "-c", other, str(tmp_path)], capture_output=True, text=True, timeout=120)
    assert f"store {tmp_path}: process {os.getpid()} is writing to it" in result.stderr
    with pytest.raises(StoreError, match="only one may"):
        Store(tmp_path)
    store.close()
    Store(tmp_path).close()


def test_another_process_reads_what_the_writer_has_committed(tmp_path: Path) -> None:
    store = Store(tmp_path, map_size=1 << 20)
    table = Table(store, "rows")
    fill(table, 0, 10)
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert reader.stdin is not None
    assert reader.stdout is not None
    assert reader.stdout.readline() == "10\n"
    fill(table, 10, 90_000)  # grows past what the reader has mapped
    reader.stdin.write("again\n")
    reader.stdin.flush()
    assert reader.stdout.readline() == "90010\n"
    reader.communicate(timeout=120)
    assert reader.returncode == 0
    store.close()


READER = """
import pathlib, sys
from peavine.store import Store, Table
store = Store(pathlib.Path(sys.argv[1]), read_only=True, map_size=1 << 20)
table = Table(store, "rows")
print(len(table), flush=True)
sys.stdin.readline()
assert len(list(table)) == len(table)
print(len(table), flush=True)
"""


def test_reading_only_never_writes_and_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nothing was ever written here"):
        Store(tmp_path / "none", read_only=True)
    assert not (tmp_path / "none").exists()
    store = Store(tmp_path)
    fill(Table(store, "rows"), 0, 3)
    store.close()

    before = (tmp_path / "data.mdb").read_bytes()
    store = Store(tmp_path, read_only=True)
    assert len(Table(store, "rows")) == 3
    assert len(Table(store, "never made")) == 0
    with pytest.raises(StoreError, match="read-only"):
        Table(store, "rows").delete(["000001"])
    store.close()
    assert (tmp_path / "data.mdb").read_bytes() == before


def test_the_map_grows_by_itself_while_others_read(tmp_path: Path) -> None:
    store = Store(tmp_path, map_size=1 << 20)
    table = Table(store, "rows")
    done = threading.Event()
    failures: list[Exception] = []

    def read() -> None:
        while not done.is_set():
            try:
                ids = [row.id for row in table]
                if len(ids) % 1000:
                    failures.append(AssertionError(f"half a batch: {len(ids)}"))
            except Exception as error:
                failures.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    for start in range(0, 20_000, 1000):
        fill(table, start, 1000, size=600)
    done.set()
    thread.join()
    assert not failures
    assert len(table) == 20_000
    assert (tmp_path / "data.mdb").stat().st_size > 8 << 20
    store.close()


def test_a_bound_on_the_size_is_kept_and_the_store_goes_on(tmp_path: Path) -> None:
    store = Store(tmp_path, map_size=1 << 20, max_size=4 << 20)
    table = Table(store, "rows")
    kept = []

    def fill_up() -> None:
        for start in range(0, 100_000, 1000):
            fill(table, start, 1000, size=600)
            kept.append(start)

    with pytest.raises(StoreFull, match=f"store {tmp_path}: the bound set for its size is reached; raise max_size"):
        fill_up()
    assert 0 < len(kept) * 1000 == len(table)
    table.add(["000000"], [b"small"], ["000000"])
    assert table.get(["000000"]) == [b"small"]
    store.close()


def test_a_snapshot_is_a_store_of_its_own_taken_while_writing(tmp_path: Path) -> None:
    store = Store(tmp_path / "a")
    table = Table(store, "rows")
    fill(table, 0, 1000)
    done = threading.Event()

    def write() -> None:
        start = 1000
        while not done.is_set():
            fill(table, start, 1000)
            start += 1000

    thread = threading.Thread(target=write)
    thread.start()
    try:
        store.snapshot(tmp_path / "b")
    finally:
        done.set()
        thread.join()
    with pytest.raises(StoreError, match="there is a store already"):
        store.snapshot(tmp_path / "b")
    store.close()

    copy = Store(tmp_path / "b")
    rows = Table(copy, "rows")
    assert len(rows) >= 1000
    assert len(rows) % 1000 == 0
    fill(rows, 500_000, 10)
    copy.close()
    files = sorted(path.name for path in (tmp_path / "b").iterdir())
    assert files == ["clean-close", "data.mdb", "lock.mdb", "writer.lock"]
