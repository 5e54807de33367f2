import struct
import zlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from peavine.png import png

SIZES = st.integers(1, 9)
SHAPES = st.one_of(st.tuples(SIZES, SIZES), st.tuples(SIZES, SIZES, st.sampled_from([1, 3, 4])))


@given(arrays(np.uint8, SHAPES))
def test_a_png_holds_the_pixels(pixels: np.ndarray) -> None:
    file = png(pixels)
    assert file.startswith(b"\x89PNG\r\n\x1a\n")
    place, chunks = 8, {}
    while place < len(file):
        size, kind = struct.unpack_from(">I4s", file, place)
        content = file[place + 8 : place + 8 + size]
        assert struct.unpack_from(">I", file, place + 8 + size) == (zlib.crc32(kind + content),)
        chunks[kind] = content
        place += 12 + size
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    assert struct.unpack(">IIBBBBB", chunks[b"IHDR"]) == (pixels.shape[1], pixels.shape[0], 8, kind_of(pixels), 0, 0, 0)
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(len(pixels), -1)
    assert np.array_equal(rows[:, 1:], pixels.reshape(len(pixels), -1))
    assert not rows[:, 0].any()


def kind_of(pixels: np.ndarray) -> int:
    """Return PNG's number for grey, RGB or RGBA."""
    return {1: 0, 3: 2, 4: 6}[pixels.shape[2] if pixels.ndim == 3 else 1]
