"""Documents of several modalities, such as a picture with its caption: one chunk for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from peavine.documents.document import Content, Document
from peavine.errors import InvalidRequest, did_you_mean

__all__ = ["modality", "multimodal"]


def multimodal(contents: Mapping[str, Content], **fields: Any) -> Document:
    """Return a Document with a chunk for each modality; `fields` are the Document's own.

    `multimodal({"image": pixels, "caption": "a red shoe"}, id="42")`
    """
    if len(contents) < 2:
        raise InvalidRequest(f"a multimodal Document has two modalities or more, not {len(contents)}")
    doc = Document(**fields)
    for name, content in contents.items():
        chunk = Document(modality=name)
        chunk.content = content
        doc.chunks.append(chunk)
    return doc


def modality(doc: Document, name: str) -> Content:
    """Return what a Document says in one modality: the embedding of that chunk, or its content if it has none yet."""
    chunks = {chunk.modality: chunk for chunk in doc.chunks}
    if len(chunks) < len(doc.chunks):
        raise InvalidRequest(f"Document {doc.id!r}: two of its chunks are of one modality")
    if name not in chunks:
        hint = did_you_mean(name, chunks) or f"; it has {', '.join(chunks) or 'none'}"
        raise InvalidRequest(f"Document {doc.id!r}: has no modality {name!r}{hint}")
    value = chunks[name].content if chunks[name].embedding is None else chunks[name].embedding
    if value is None:
        raise InvalidRequest(f"Document {doc.id!r}: its chunk of modality {name!r} is empty")
    return value
