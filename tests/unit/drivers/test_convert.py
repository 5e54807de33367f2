from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from peavine.documents import Batch, Document
from peavine.drivers import Task
from peavine.drivers.convert import Buffer2URI, Tensor2PngURI, Text2URI, URI2Buffer, URI2Text
from peavine.errors import InvalidRequest


def converted(driver: Any, doc: Document) -> Document:
    driver.run([Task([Batch([doc])])], None, "index")
    return doc


@given(st.binary())
def test_bytes_survive_a_data_uri(data: bytes) -> None:
    uri = converted(Buffer2URI(), Document(buffer=data, mime_type="image/png")).uri
    back = converted(URI2Buffer(), Document(uri=uri))
    assert (back.buffer, back.mime_type) == (data, "image/png")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_survives_a_data_uri(text: str) -> None:
    uri = converted(Text2URI(), Document(text=text)).uri
    assert converted(URI2Text(), Document(uri=uri)).text == text


@pytest.mark.parametrize("driver", [URI2Text(), URI2Buffer()])
@pytest.mark.parametrize("scheme", ["", "file://", "FILE:", "http://127.0.0.1", "data"])
def test_no_file_and_no_address_is_read(tmp_path: Path, driver: Any, scheme: str) -> None:
    """The predecessor read any file of the server that a client named."""
    secret = tmp_path / "secret"
    secret.write_text("secret")
    doc = Document(id="a", uri=f"{scheme}{secret}")
    with pytest.raises(InvalidRequest, match="Document 'a': its uri is not a data: URI"):
        converted(driver, doc)
    assert doc.content is None


@pytest.mark.parametrize("uri", ["data:;base64,*", "data:image/png;base64,a"])
def test_a_broken_data_uri_is_refused(uri: str) -> None:
    with pytest.raises(InvalidRequest, match="is not base64"):
        converted(URI2Buffer(), Document(uri=uri))


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="not UTF-8"):
        converted(URI2Text(), Document(uri="data:,%ff"))


def pixels(doc: Document) -> tuple[NDArray[Any], int]:
    """Return what a PNG shows and its colour type: read back without the code that wrote it."""
    raw = base64.b64decode(doc.uri.removeprefix("data:image/png;base64,"))
    assert raw[:8] == b"\x89PNG\r\n\x1a\n"
    width, height, _, colours = struct.unpack(">IIBB", raw[16:26])
    size = struct.unpack(">I", raw[33:37])[0]
    rows = np.frombuffer(zlib.decompress(raw[41 : 41 + size]), np.uint8).reshape(height, -1)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, -1).squeeze(), colours


@pytest.mark.parametrize(("shape", "colours"), [((3, 5), 0), ((3, 5, 1), 0), ((3, 5, 3), 2), ((3, 5, 4), 6)])
def test_a_tensor_becomes_a_picture(shape: tuple[int, ...], colours: int) -> None:
    tensor = np.random.default_rng(1).integers(0, 255, shape).astype(np.uint8)
    seen, kind = pixels(converted(Tensor2PngURI(), Document(tensor=tensor)))
    assert kind == colours
    assert np.array_equal(seen, tensor.squeeze())


def test_a_flat_tensor_becomes_a_picture_of_the_size_given() -> None:
    doc = Document(tensor=np.arange(6, dtype=np.uint8))
    assert pixels(converted(Tensor2PngURI(width=3, height=2), doc))[0].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_numbers_outside_a_picture_are_cut() -> None:
    doc = Document(tensor=[[-1.0, 300.0, np.nan]])
    assert pixels(converted(Tensor2PngURI(), doc))[0].tolist() == [0, 255, 0]


@pytest.mark.parametrize("shape", [(), (4,), (2, 2, 2), (1, 2, 3, 4), (0, 3)], ids=str)
def test_what_is_no_picture_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidRequest, match="a picture is H x W"):
        converted(Tensor2PngURI(), Document(tensor=np.zeros(shape)))
