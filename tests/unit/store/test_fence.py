"""A second writer is noticed at the first commit, even where the lock of the folder did not keep it out."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from peavine.errors import StoreTaken
from peavine.store import Store, Table

INTRUDER = """
import pathlib, sys
from peavine.store import Store, Table
store = Store(pathlib.Path(sys.argv[1]))
if sys.argv[2:]:
    Table(store, "rows").add(["theirs"], [b"1"], ["theirs"])
store.close()
"""


def intrude(folder: Path, *arguments: str) -> None:
    """Have another process open the folder as its writer, where locks are not shared."""
    (folder / "writer.lock").unlink()
    subprocess.run([sys.executable, "-c", INTRUDER, str(folder), *arguments], check=True, timeout=60)


@pytest.mark.parametrize("arguments", [(), ("write",)], ids=["it only opened the store", "it wrote"])
def test_a_writer_whose_store_was_taken_over_commits_nothing_more(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    store = Store(tmp_path)
    table = Table(store, "rows")
    table.add(["ours"], [b"1"], ["ours"])
    assert store.healthy() is None
    intrude(tmp_path, *arguments)
    for _ in range(2):
        with pytest.raises(StoreTaken, match=r"another writer has taken it over \(epoch 2, commit [0-9]+\)"):
            table.add(["late"], [b"1"], ["late"])
    assert "another writer has taken it over" in (store.healthy() or "")
    store.close()
    store = Store(tmp_path)
    assert [row.id for row in Table(store, "rows")] == ["ours", *(["theirs"] if arguments else [])]
    store.close()


def test_an_idle_writer_knows_that_its_store_was_taken_over(tmp_path: Path) -> None:
    store = Store(tmp_path)
    intrude(tmp_path)
    assert "another writer has taken it over" in (store.healthy() or "")
    store.close()


def test_a_file_that_was_replaced_under_a_writer_is_noticed(tmp_path: Path) -> None:
    store = Store(tmp_path / "a")
    table = Table(store, "rows")
    store.snapshot(tmp_path / "b")
    shutil.move(tmp_path / "b" / "data.mdb", tmp_path / "a" / "data.mdb")
    with pytest.raises(StoreTaken, match="its file was replaced while it was open"):
        table.add(["lost"], [b"1"], ["lost"])
    assert "its file was replaced" in (store.healthy() or "")
    store.close()


def test_a_store_is_healthy_while_threads_write_to_it(tmp_path: Path) -> None:
    import threading

    store = Store(tmp_path)
    table = Table(store, "rows")

    def write() -> None:
        for n in range(50):
            table.add([str(n)], [b"1"], [str(n)])

    thread = threading.Thread(target=write)
    thread.start()
    while thread.is_alive():
        assert store.healthy() is None
    thread.join()
    store.close()
    assert store.healthy() is not None
