"""A disk that fails when a test says so: a library that is preloaded into a process (broken_disk.c)."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class BrokenDisk:
    """Compiles the library into a folder; a process with `env` in its environment obeys `failing`."""

    def __init__(self, folder: Path) -> None:
        library, self._flag = folder / "broken_disk.so", folder / "broken_disk"
        source = Path(__file__).with_suffix(".c")
        command = ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-o", str(library), str(source), "-ldl"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)  # needs a C compiler
        assert result.returncode == 0, result.stderr
        self.env = {"LD_PRELOAD": str(library), "BROKEN_DISK": str(self._flag)}

    @contextmanager
    def failing(self, how: str) -> Iterator[None]:
        """Let the disk fail inside the block."""
        self._flag.write_text(how)
        try:
            yield
        finally:
            self._flag.unlink()
