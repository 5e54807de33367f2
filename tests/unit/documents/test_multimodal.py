from __future__ import annotations

import numpy as np
import pytest

from peavine.documents import Document, modality, multimodal
from peavine.errors import InvalidRequest


def test_each_modality_is_a_chunk() -> None:
    doc = multimodal({"image": np.zeros(4), "caption": "a shoe"}, id="42", tags={"n": 1})
    assert [(chunk.modality, chunk.parent_id, chunk.granularity) for chunk in doc.chunks] == [
        ("image", "42", 1),
        ("caption", "42", 1),
    ]
    assert modality(doc, "caption") == "a shoe"
    assert doc.tags == {"n": 1}


def test_the_embedding_goes_before_the_content() -> None:
    doc = multimodal({"image": np.zeros(4), "caption": "a shoe"})
    doc.chunks[1].embedding = [1.0]
    assert np.array_equal(modality(doc, "caption"), [1.0])  # type: ignore[arg-type]


def test_what_is_not_there_is_named() -> None:
    doc = multimodal({"image": b"", "caption": "a shoe"}, id="a")
    with pytest.raises(InvalidRequest, match="Document 'a': has no modality 'imgae'; did you mean \"image\""):
        modality(doc, "imgae")
    with pytest.raises(InvalidRequest, match="two modalities or more, not 1"):
        multimodal({"image": b""})
    doc.chunks.append(Document(modality="image"))
    with pytest.raises(InvalidRequest, match="two of its chunks are of one modality"):
        modality(doc, "image")
