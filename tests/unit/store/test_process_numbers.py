"""LMDB tells the users of a file apart by their process numbers, and in every container a Pea has the number 1."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from peavine.errors import StoreError
from peavine.store import Store

# What LMDB does in a process of that number: it locks the byte of lock.mdb at that offset.
NAMESAKE = """
import fcntl, sys
file = open(sys.argv[1], "r+b")
fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, int(sys.argv[2]))
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_reader_with_the_number_of_another_process_is_told_what_to_do(tmp_path: Path) -> None:
    Store(tmp_path).close()
    command = [sys.executable, "-c", NAMESAKE, str(tmp_path / "lock.mdb"), str(os.getpid())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as namesake:
        assert namesake.stdout is not None
        assert namesake.stdout.readline() == "locked\n"
        with pytest.raises(StoreError, match=f"the same process number, {os.getpid()}, .*shareProcessNamespace: true"):
            Store(tmp_path, read_only=True)
        namesake.communicate(timeout=30)
    Store(tmp_path, read_only=True).close()
