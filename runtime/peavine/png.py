"""Images as PNG (https://www.w3.org/TR/png-3/) and as data URIs (RFC 2397), with the standard library and numpy."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

__all__ = ["COLOUR_TYPES", "data_uri", "png"]

COLOUR_TYPES = {1: 0, 3: 2, 4: 6}
"""PNG colour types (grey, RGB and RGBA) by how many numbers a pixel has."""


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Return an image as a PNG file with 8 bits a number. It is H x W (grey), H x W x 3 (RGB) or H x W x 4 (RGBA)."""
    height, width = pixels.shape[:2]
    rows = np.zeros((height, 1 + pixels[0].size), np.uint8)  # each row begins with its filter: 0, none
    rows[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, COLOUR_TYPES[pixels[0, 0].size], 0, 0, 0)
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(rows.tobytes())), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def data_uri(mime_type: str, data: bytes) -> str:
    """Return a data URI that holds the data."""
    return f"data:{mime_type};base64,{base64.b64encode(data).decode()}"


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
