"""Arrays in a file, for what an Executor has learned. Nothing in it is unpickled."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from peavine.errors import StoreDamaged
from peavine.store.file import translated

__all__ = ["load_arrays", "save_arrays"]


def save_arrays(path: Path, **arrays: ArrayLike) -> None:
    """Replace the file (.npz) as a whole, on disk when this returns: after a power cut there is the old or the new one.

    Texts are arrays of type `str_`. Raises StoreFull, StoreError, and ValueError for arrays of Python objects.
    """
    made = {name: np.asarray(array) for name, array in arrays.items()}
    for name, array in made.items():
        if array.dtype.hasobject:
            raise ValueError(f"{name}: an array of Python objects cannot be saved; make it one of numbers or texts")
    partial = path.with_name(path.name + ".partial")
    with translated(path.parent):
        try:
            with partial.open("wb") as file:
                np.savez(file, **made)  # type: ignore[arg-type]
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def load_arrays(path: Path, *names: str) -> dict[str, NDArray[Any]]:
    """Return the arrays of these names. Raises StoreDamaged where the file is not what `save_arrays` wrote."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in names}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise StoreDamaged(f"{path} is damaged ({error}); remove it and train again, or restore it") from error
