"""The files next to an Executor's YAML: found by name in its own folder only, and imported as private modules."""

from __future__ import annotations

import importlib.util
import itertools
import shutil
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path, PurePosixPath
from types import ModuleType

from peavine.errors import ManifestError, PeavineError, did_you_mean, printable, propagate_interrupt

_numbers = itertools.count(1)

IMPORTING: ContextVar[bool] = ContextVar("importing", default=False)
"""Whether a user's module is being imported: one that starts a Flow then would start it again and again."""


class NotAllowed(PeavineError):
    """A file's name leads out of the folder, or to nothing in it."""


class Files:
    """The folder of an Executor, and the files that its manifest carries, which come first.

    `sources` are folders that the carried files may have been read from. Where one has them all, unchanged, they are
    used in their place there: with the files next to them, and with paths that a user knows from stacks and debuggers.
    """

    def __init__(self, folder: Path | None, carried: Mapping[str, str] | None, sources: Sequence[Path] = ()) -> None:
        self._temporary: Path | None = None
        self._importable: Path | None = None
        self._folders: list[Path] = []
        self._package: str | None = None
        for name in carried or ():
            if "/" in name or "\\" in name or name.startswith(".") or not name:
                raise ManifestError(f'the file "{name}" is not a plain name; use one without folder or leading dot')
        source = next((source.resolve() for source in sources if carried and _has_all(source, carried)), None)
        if source is not None:
            self._folders.append(source)
        elif carried:
            # 0700 by mkdtemp: another user of the machine can neither read nor replace them.
            self._temporary = Path(tempfile.mkdtemp(prefix="peavine-files-"))
            self._folders.append(self._temporary.resolve())
            for name, text in carried.items():
                try:
                    (self._temporary / name).write_text(text, encoding="utf-8")
                except ValueError as error:  # of its name or its text: no Unicode, or a NUL
                    self.discard()
                    raise ManifestError(f'the file "{name:.60}" cannot be written: {error}') from None
        if folder is not None:
            self._folders.append(folder.resolve())

    def find(self, name: str) -> Path:
        """Return where a file is. Raises NotAllowed when it is not in the folder, links followed."""
        parts = PurePosixPath(name)
        if parts.is_absolute() or ".." in parts.parts or "\\" in name or "\0" in name or not parts.parts:
            raise NotAllowed(f'"{name}" leads out of the Executor\'s folder; name a file in it')
        for folder in self._folders:
            try:
                path = (folder / parts).resolve()
                found = path.is_file()
            except (OSError, ValueError, RuntimeError) as error:  # too long, no Unicode, or links in a circle
                raise NotAllowed(f'"{name:.60}" cannot be the name of a file: {error!s:.120}') from None
            if not path.is_relative_to(folder):
                raise NotAllowed(f'"{name}" is a link that leads out of the Executor\'s folder')
            if found:
                return path
        if not self._folders:
            raise NotAllowed(
                f'no file "{name}": there is no folder here; write the YAML in the manifest, or use `files`'
            )
        known = sorted({path.name for folder in self._folders for path in folder.glob(f"*{parts.suffix}")})
        hint = did_you_mean(name, known) or (f"; there are {', '.join(known[:10])}" if known else "")
        raise NotAllowed(f'no file "{name}" in the Executor\'s folder{hint}')

    def module(self, name: str) -> ModuleType:
        """Import a Python file under a name that no other import can meet.

        Raises NotAllowed for the name, and ImportFailed when the module itself raises. Modules may import others in
        their folder by relative imports (`from .words import split`).
        """
        parts = PurePosixPath(name)
        if parts.suffix != ".py" or not all(part.isidentifier() for part in parts.with_suffix("").parts):
            raise NotAllowed(f'"{name}" is not a Python file; name one such as my_encoder.py')
        path = self.find(name)
        if self._package is None:
            self._package = f"peavine_user_{next(_numbers)}"
            package = ModuleType(self._package)
            package.__path__ = [str(folder) for folder in self._folders]
            sys.modules[self._package] = package
            self._make_importable(package)
        full = ".".join((self._package, *parts.with_suffix("").parts))
        if full in sys.modules:
            return sys.modules[full]
        spec = importlib.util.spec_from_file_location(full, path)
        assert spec is not None
        assert spec.loader is not None  # the suffix is .py
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        token = IMPORTING.set(True)
        try:
            spec.loader.exec_module(module)
        except BaseException as error:
            del sys.modules[full]
            propagate_interrupt(error)
            raise ImportFailed(name, path, error) from error
        finally:
            IMPORTING.reset(token)
        return module

    def _make_importable(self, package: ModuleType) -> None:
        """Let processes that multiprocessing starts afresh import the modules too: they inherit sys.path."""
        self._importable = Path(tempfile.mkdtemp(prefix="peavine-modules-"))
        text = f"__path__ = {list(package.__path__)!r}\n"
        (self._importable / f"{package.__name__}.py").write_text(text, encoding="utf-8")
        sys.path.append(str(self._importable))

    def discard(self) -> None:
        """Forget the modules, and remove the files that the manifest carried."""
        if self._importable is not None:
            with suppress(ValueError):
                sys.path.remove(str(self._importable))
            shutil.rmtree(self._importable, ignore_errors=True)
        for name in [name for name in sys.modules if name.partition(".")[0] == self._package]:
            del sys.modules[name]
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)


def _has_all(folder: Path, carried: Mapping[str, str]) -> bool:
    """Return whether a folder holds these files, byte for byte, none of them a link that leads out of it."""
    try:
        return all(
            (folder / name).resolve().is_relative_to(folder.resolve())
            and (folder / name).read_text(encoding="utf-8") == text
            for name, text in carried.items()
        )
    except (OSError, ValueError):
        return False


class ImportFailed(PeavineError):
    """A user's module raised while it was imported; the message has its own line and exception."""

    def __init__(self, name: str, path: Path, error: BaseException) -> None:
        line = _line(error, path)
        reason = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
        hint = ""
        if isinstance(error, ModuleNotFoundError) and error.name is not None:
            missing = error.name.partition(".")[0]
            beside = (path.parent / f"{missing}.py").is_file()
            hint = f"; write `from . import {missing}`" if beside else "; install it where the Executor runs"
        super().__init__(printable(f"{name} failed to import{f' at line {line}' if line else ''}: {reason}{hint}"))


def _line(error: BaseException, path: Path) -> int | None:
    """Return the line of this file that the error came through last."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno
    frames = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return frames[-1] if frames else None
