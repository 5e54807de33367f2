"""What all workers of a run of the tests share: the first one to come makes it, the last one to leave removes it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"process {os.getpid()}"
"""The name of this run, which all of its workers know."""


class InUse(SystemExit):
    """Another run of the tests uses what only one can use."""


@contextmanager
def shared(folder: Path, make: Callable[[], None], remove: Callable[[], None]) -> Iterator[None]:
    """Have what `make` makes. Raise InUse while another run on this machine has it.

    Whoever is inside holds a shared lock. The door is locked while somebody comes or goes, so that who finds nobody
    else inside is the first, or the last. The kernel drops the locks of a process that dies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    owner = folder / "tests.run"
    with open(folder / "tests.door", "w") as door, open(folder / "tests.lock", "w") as inside:
        with _locked(door):
            if _is_empty(inside):
                owner.write_text(RUN)
                make()
            elif owner.read_text() != RUN:
                raise InUse(f"{folder} is in use by another run of the tests; wait until that has finished")
            fcntl.flock(inside, fcntl.LOCK_SH)
        try:
            yield
        finally:
            with _locked(door):
                if _is_empty(inside):
                    remove()


@contextmanager
def _locked(file: IO[str]) -> Iterator[None]:
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def _is_empty(inside: IO[str]) -> bool:
    """Whether nobody else is inside. The caller's own shared lock is given up."""
    try:
        fcntl.flock(inside, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
