"""Batch: the Documents of one request, and what they should have become where that is known."""

from __future__ import annotations

from dataclasses import dataclass, field

from peavine.documents.document import Document

__all__ = ["Batch"]


@dataclass(slots=True)
class Batch:
    """The Documents of one request. The n-th groundtruth belongs to the n-th Document."""

    docs: list[Document] = field(default_factory=list)
    groundtruths: list[Document] = field(default_factory=list)
