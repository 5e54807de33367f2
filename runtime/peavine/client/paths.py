"""From the names that a user gives to files: a name that exists is that file, and only then may it be a pattern."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from peavine.documents import MAX_ID_BYTES
from peavine.errors import NotFound

__all__ = ["identity", "matching", "printable"]


def matching(names: str | Path | Iterable[str | Path]) -> Iterator[Path]:
    """Give each file that is named, once. A string that names nothing may be a pattern; a Path never is one.

    Raises NotFound for a name or a pattern without a file.
    """
    seen = set()
    for name in [names] if isinstance(names, str | Path) else names:
        found = False
        for path in _files(name):
            found = True
            if path not in seen:
                seen.add(path)
                yield path
        if not found:
            folder = str(name).rstrip("/")
            hint = f'; it is a folder: "{folder}/*" are its files' if Path(name).is_dir() else ""
            raise NotFound(f'no file matches "{printable(str(name))}"{hint}')


def _files(name: str | Path) -> Iterator[Path]:
    path = Path(name)
    if path.exists() or isinstance(name, Path):
        # Pipes and devices are files, too, if they are named.
        return iter([path] if path.exists() and not path.is_dir() else [])
    return (Path(found) for found in sorted(glob.iglob(_pattern(name), recursive=True)) if Path(found).is_file())


def _pattern(name: str) -> str:
    """Return the pattern with what is in it of folders that exist taken as it is, such as `set [2]/*.png`."""
    parts = name.split("/")
    for count in range(len(parts) - 1, 0, -1):
        folder = "/".join(parts[:count])
        if glob.has_magic(folder) and os.path.isdir(folder):
            return "/".join([glob.escape(folder), *parts[count:]])
    return name


def identity(path: Path) -> str | None:
    """Return what names a file's Document: its path, or the path's hash where that cannot be an id.

    What comes through a pipe has no name of its own, so it gets a random id.
    """
    if not path.is_file():
        return None
    raw = os.fsencode(path)
    try:
        if len(raw) <= MAX_ID_BYTES:
            return raw.decode()
    except UnicodeDecodeError:
        pass
    return hashlib.blake2b(raw, digest_size=8).hexdigest()


def printable(name: str) -> str:
    """Return a path as text, with the bytes that are not UTF-8 as \\xNN."""
    return os.fsencode(name).decode(errors="backslashreplace")
