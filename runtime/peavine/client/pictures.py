"""Pictures as arrays, read with Pillow, which is part of the extra `images`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from peavine.errors import InvalidRequest

__all__ = ["check_installed", "pixels"]


def check_installed() -> None:
    """Raise InvalidRequest if Pillow, which reads pictures, is not installed."""
    try:
        import PIL.Image  # noqa: F401
    except ImportError:
        raise InvalidRequest(
            "reading pictures needs Pillow: pip install pillow; --form files, or sources.files() in Python, sends "
            "their bytes instead"
        ) from None


def pixels(path: Path, shape: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return a picture as height x width x 3 numbers, red, green and blue, scaled to `shape`: height and width.

    Raises InvalidRequest where the file is not a picture, or Pillow is not installed.
    """
    check_installed()
    from PIL import Image, ImageOps

    height, width = shape
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
            return np.asarray(upright.resize((width, height), Image.Resampling.BILINEAR))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidRequest(f"{path}: is not a picture that can be read: {error}") from error
