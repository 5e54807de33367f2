"""A disk that fails for a while: the batch is refused, and the store goes on as soon as the disk does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from peavine.store import verify
from tests.broken_disk import BrokenDisk

SCENARIO = """
import os, pathlib, sys, threading
import numpy as np
from peavine.errors import StoreError
from peavine.executors.indexers import NumpyIndexer

flag, how = pathlib.Path(os.environ["BROKEN_DISK"]), sys.argv[2]
indexer = NumpyIndexer("euclidean").open(pathlib.Path(sys.argv[1]))
store = indexer.store

def add(id):
    with indexer.transaction():
        indexer.add([id], np.array([[len(id), 0]], np.float32), [id])

def found():
    return sorted(indexer.query(np.zeros((1, 2), np.float32), 10)[0][0])

add("a")
flag.write_text(how)
for id in ("bb", "ccc"):
    try:
        add(id)
    except StoreError as error:
        assert str(store.folder) in str(error) and "Input/output error" in str(error), error
    else:
        raise SystemExit("the disk did not fail")
if "open" not in how:
    threads = [threading.Thread(target=found) for _ in range(4)]  # they find out together that LMDB has given up
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(*found())
    assert store.healthy() is None, store.healthy()
else:
    assert "Input/output error" in store.healthy(), store.healthy()
flag.unlink()
assert store.healthy() is None, store.healthy()
add("dddd")
print(*found())
indexer.close()
indexer = NumpyIndexer("euclidean").open(pathlib.Path(sys.argv[1]))
print(*found())
indexer.close()
"""


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> BrokenDisk:
    return BrokenDisk(tmp_path_factory.mktemp("disk"))


@pytest.mark.parametrize(
    ("how", "found"),
    [
        pytest.param("header", ["a", "a dddd", "a dddd"], id="a header is not written"),
        pytest.param("sync", ["a", "a dddd", "a dddd"], id="the pages are not on disk"),
        pytest.param("late", ["a bb ccc", "a bb ccc dddd", "a bb ccc dddd"], id="a header is written all the same"),
        pytest.param("header open", None, id="the file cannot even be opened again"),
    ],
)
def test_index_and_search_go_on_when_the_disk_is_well_again(
    tmp_path: Path, disk: BrokenDisk, how: str, found: list[str] | None
) -> None:

    result = subprocess.run(
        [sys.executable, "-c", SCENARIO, str(tmp_path), how],
        env={**os.environ, **disk.env},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == (found or ["a dddd"] * 2)
    assert verify(tmp_path) == []
