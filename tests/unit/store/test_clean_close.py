"""The file is walked after a crash, and not after a clean close: the start of a large shard must not take minutes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from peavine.errors import StoreDamaged
from peavine.store import Store, Table, verify

CRASH = """
import os, pathlib, sys
from peavine.store import Store
Store(pathlib.Path(sys.argv[1]))
os._exit(9)
"""


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A store that was closed."""
    store = Store(tmp_path / "store")
    ids = [f"{n:05}" for n in range(5000)]
    Table(store, "rows").add(ids, [b"value" * 20 for _ in ids], ids)
    store.close()
    return tmp_path / "store"


def damage(folder: Path) -> None:
    """Overwrite the header of a page that holds rows."""
    content = bytearray((folder / "data.mdb").read_bytes())
    at = content.index(b"02500") // 4096 * 4096
    content[at : at + 16] = b"\xff" * 16
    with (folder / "data.mdb").open("r+b") as file:
        file.write(content)


def test_what_was_closed_is_opened_without_a_walk_and_what_crashed_after_one(closed: Path) -> None:
    damage(closed)  # what the walk would find
    Store(closed).close()
    crashed = subprocess.run([sys.executable, "-c", CRASH, str(closed)], check=False, timeout=60)
    assert crashed.returncode == 9
    with pytest.raises(StoreDamaged, match="restore a snapshot"):
        Store(closed)


def test_a_file_that_changed_since_it_was_closed_is_walked(closed: Path) -> None:
    other = closed.parent / "other"
    store = Store(closed)
    store.snapshot(other)
    store.close()
    (other / "data.mdb").rename(closed / "data.mdb")
    damage(closed)
    with pytest.raises(StoreDamaged):
        Store(closed)


def test_whoever_only_reads_always_walks_and_leaves_the_mark(closed: Path) -> None:
    before = sorted(path.name for path in closed.iterdir())
    Store(closed, read_only=True).close()
    assert sorted(path.name for path in closed.iterdir()) == before
    damage(closed)
    with pytest.raises(StoreDamaged):
        Store(closed, read_only=True)
    assert verify(closed) != []
