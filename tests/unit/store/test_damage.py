"""A file that is not what was written is refused with a clear error; the process never dies of it."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import lmdb
import pytest

from peavine.errors import StoreDamaged, StoreTooNew
from peavine.store import Store, Table, verify

ROWS = {f"{n:05}": f"value {n}".encode() * 5 for n in range(1500)}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a store that has been written to, over and over."""
    folder = tmp_path_factory.mktemp("written")
    store = Store(folder)
    table = Table(store, "rows")
    ids = list(ROWS)
    for start in range(0, 1500, 250):
        batch = ids[start : start + 250]
        table.add(batch, [b"first"] * 250, batch)
    for start in range(0, 1500, 250):
        batch = ids[start : start + 250]
        table.add(batch, [ROWS[id] for id in batch], [f"owner {int(id) // 5}" for id in batch])
    store.close()
    return (folder / "data.mdb").read_bytes()


TRY = """
import pathlib, sys
from peavine.errors import StoreDamaged, StoreTooNew
from peavine.store import Store, Table
for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    try:
        store = Store(folder)
        rows = {row.id: row.value for row in Table(store, "rows")}
        Table(store, "rows").add(["new"], [b"new"], ["new"])
        store.close()
        print(folder.name, "whole" if rows == WRITTEN else "WRONG", flush=True)
    except (StoreDamaged, StoreTooNew) as error:
        assert str(folder) in str(error), error
        print(folder.name, "refused", flush=True)
"""


def outcomes(tmp_path: Path, files: dict[str, bytes]) -> dict[str, str]:
    """Open each file as a store in a process of its own, read it all and write to it."""
    for name, content in files.items():
        folder = tmp_path / "stores" / name
        folder.mkdir(parents=True)
        (folder / "data.mdb").write_bytes(content)
    result = subprocess.run(
        [sys.executable, "-c", f"WRITTEN = {ROWS!r}\n{TRY}", str(tmp_path / "stores")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, f"exit {result.returncode}\n{result.stdout[-300:]}\n{result.stderr}"
    return dict(line.rsplit(" ", 1) for line in result.stdout.splitlines())


def test_any_byte_of_the_headers_may_be_damaged(tmp_path: Path, written: bytes) -> None:
    chance = random.Random(1)
    files = {}
    for page in (0, 4096):
        for at in range(page, page + 152):
            changed = bytearray(written)
            changed[at] ^= chance.randrange(1, 256)
            files[f"{at:06}"] = bytes(changed)
    found = outcomes(tmp_path, files)
    assert len(found) == 304
    assert "WRONG" not in found.values()
    assert list(found.values()).count("refused") > 150  # the others are not used: an address, the older header's roots


def test_a_file_cut_anywhere_is_refused(tmp_path: Path, written: bytes) -> None:
    chance = random.Random(2)
    ends = [0, 1, 100, 4096, 8191, 8192, len(written) // 2, len(written) - 4096, len(written) - 1]
    ends += [chance.randrange(len(written)) for _ in range(20)]
    found = outcomes(tmp_path, {f"{end:08}": written[:end] for end in ends})
    assert {name for name, outcome in found.items() if outcome == "WRONG"} == set()
    assert [found[f"{end:08}"] for end in ends[:7]] == ["refused"] * 7


def test_pages_overwritten_with_garbage_are_refused(tmp_path: Path, written: bytes) -> None:
    chance = random.Random(3)
    files = {}
    for n in range(40):
        changed = bytearray(written)
        at = chance.randrange(len(written) // 4096) * 4096
        changed[at : at + 64] = chance.randbytes(64)  # a page's header and its first pointers
        files[f"{n:02}"] = bytes(changed)
    found = outcomes(tmp_path, files)
    assert "WRONG" not in found.values()
    assert list(found.values()).count("refused") > 10


@pytest.mark.parametrize(
    "content",
    [b"", b"not a database", bytes(100_000), random.Random(4).randbytes(100_000)],
    ids=["empty", "text", "zeros", "noise"],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data.mdb").write_bytes(content)
    with pytest.raises(StoreDamaged, match=f"store {tmp_path}: data.mdb is damaged .*; restore a snapshot"):
        Store(tmp_path)
    assert (tmp_path / "data.mdb").read_bytes() == content
    assert verify(tmp_path) != []


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    with lmdb.Environment(str(tmp_path), max_dbs=1) as env, env.begin(write=True) as txn:
        txn.put(b"mine", b"1")
    with pytest.raises(StoreDamaged, match="it is an LMDB file, but not a peavine store"):
        Store(tmp_path)


def test_a_store_of_a_later_version_is_refused_by_name(tmp_path: Path) -> None:
    Store(tmp_path).close()
    with lmdb.Environment(str(tmp_path), max_dbs=8) as env, env.begin(write=True) as txn:
        txn.put(b"version", b"3", db=env.open_db(b"meta", txn=txn))
    with pytest.raises(
        StoreTooNew, match=f"store {tmp_path}: written in format 3, this peavine reads up to 2; upgrade"
    ):
        Store(tmp_path)


def test_a_writer_killed_while_making_the_file_leaves_nothing_that_matters(tmp_path: Path) -> None:
    half = tmp_path / ".unfinished-x"
    half.mkdir()
    (half / "data.mdb").write_bytes(b"half")
    Store(tmp_path).close()
    assert not half.exists()


def test_verify_names_rows_and_lists_that_disagree(tmp_path: Path) -> None:
    store = Store(tmp_path)
    Table(store, "rows").add(["a", "b", "c"], [b"1", b"2", b"3"], ["x", "x", "c"])
    assert verify_closed(store) == []
    for table, key, value, problem in [
        ("rows", b"\xff\0xb", None, "table rows: 'x' lists the row 'b', which is not there"),
        ("rows.owners", b"x", None, "table rows: row 'a' belongs to 'x', which does not list it"),
        ("rows.owners", b"x", 2 * b"\x01\x00a", "table rows: 'x' lists the row 'a' twice"),
    ]:
        copy = tmp_path / f"copy-{table}-{len(value or b'')}"
        store = Store(tmp_path)
        store.snapshot(copy)
        store.close()
        with lmdb.Environment(str(copy), max_dbs=8) as env, env.begin(write=True) as txn:
            database = env.open_db(table.encode(), txn=txn)
            if value is None:
                txn.delete(key, db=database)
            else:
                txn.put(key, value, db=database)
        assert problem in verify(copy)


def verify_closed(store: Store) -> list[str]:
    store.close()
    return verify(store.folder)
