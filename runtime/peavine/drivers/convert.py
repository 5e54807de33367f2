"""Convert: content to and from data URIs, and tensors to PNG.

Nothing here opens a file or a URL: what a `uri` names is chosen by strangers. Only `data:` URIs, which hold their
content themselves (RFC 2397), are read.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import numpy as np

from peavine.documents import Document
from peavine.drivers.driver import Count, Task, Traversing
from peavine.drivers.stack import WritingOut
from peavine.errors import InvalidRequest
from peavine.png import COLOUR_TYPES, data_uri, png

__all__ = ["Buffer2URI", "Tensor2PngURI", "Text2URI", "URI2Buffer", "URI2Text"]


class _Converter(Traversing):
    """Converts each Document on the paths; those that have nothing to convert stay as they are."""

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Convert each Document."""
        for level in self.levels(tasks):
            for doc in level.docs:
                self._convert(doc)

    def _convert(self, doc: Document) -> None:
        raise NotImplementedError


class Buffer2URI(_Converter):
    """Put the buffer into a data URI."""

    def _convert(self, doc: Document) -> None:
        if doc.buffer is not None:
            doc.uri = data_uri(doc.mime_type or "application/octet-stream", doc.buffer)


class Text2URI(_Converter):
    """Put the text into a data URI."""

    def _convert(self, doc: Document) -> None:
        if doc.text is not None:
            doc.uri = f"data:{doc.mime_type or 'text/plain'};charset=utf-8,{quote(doc.text)}"


class URI2Buffer(_Converter):
    """Make what a data URI holds the buffer."""

    def _convert(self, doc: Document) -> None:
        if doc.uri:
            kind, data = _read(doc)
            doc.buffer = data
            doc.mime_type = doc.mime_type or kind


class URI2Text(_Converter):
    """Make what a data URI holds the text."""

    def _convert(self, doc: Document) -> None:
        if doc.uri:
            kind, data = _read(doc)
            try:
                doc.text = data.decode()
            except UnicodeDecodeError:
                raise InvalidRequest(f"Document {doc.id!r}: what its uri holds is not UTF-8") from None
            doc.mime_type = doc.mime_type or kind


class Tensor2PngURI(_Converter):
    """Draw the tensor as a PNG in a data URI. It is H x W (grey), or H x W x 3 or x 4 (colour), from 0 to 255."""

    width: Count | None = None
    """Width of a tensor that is one list of numbers."""
    height: Count | None = None
    """Height of a tensor that is one list of numbers."""

    def _convert(self, doc: Document) -> None:
        if doc.tensor is None:
            return
        pixels = WritingOut()(doc, doc.tensor)
        if pixels.ndim == 1 and self.width and self.height and pixels.size % (self.width * self.height) == 0:
            pixels = pixels.reshape(self.height, self.width, -1)
        known = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in COLOUR_TYPES)
        if not known or pixels.size == 0 or pixels.dtype.kind not in "biuf":
            raise InvalidRequest(f"Document {doc.id!r}: a picture is H x W, H x W x 3 or H x W x 4, not {pixels.shape}")
        with np.errstate(invalid="ignore"):
            doc.uri = data_uri("image/png", png(np.nan_to_num(pixels).clip(0, 255).astype(np.uint8)))


def _read(doc: Document) -> tuple[str, bytes]:
    """Return type and content of a data URI."""
    scheme, _, rest = doc.uri.partition(":")
    head, comma, body = rest.partition(",")
    if scheme.lower() != "data" or not comma:
        raise InvalidRequest(
            f"Document {doc.id!r}: its uri is not a data: URI; files and addresses are read by the client, never here"
        )
    kind, *options = head.split(";")
    try:
        raw = unquote_to_bytes(body)
        data = base64.b64decode(raw, validate=True) if "base64" in options else raw
    except (binascii.Error, ValueError):
        raise InvalidRequest(f"Document {doc.id!r}: its data: URI is not base64") from None
    return kind or "text/plain", data
