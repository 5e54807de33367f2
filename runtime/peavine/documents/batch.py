"""Batch: the Documents of one request, and what they should have become where that is known."""

from __future__ import annotations

from peavine.documents.columns import Columns
from peavine.documents.document import Document
from peavine.documents.view import views

__all__ = ["Batch"]


class Batch:
    """The Documents of one request. The n-th groundtruth belongs to the n-th Document.

    They are columns until somebody asks for them as Documents.
    """

    __slots__ = ("_docs", "_groundtruths")

    def __init__(
        self, docs: list[Document] | Columns | None = None, groundtruths: list[Document] | Columns | None = None
    ) -> None:
        self._docs = [] if docs is None else docs
        self._groundtruths = [] if groundtruths is None else groundtruths

    @property
    def docs(self) -> list[Document]:
        """The Documents, as a list that may be changed."""
        if isinstance(self._docs, Columns):
            self._docs = views(self._docs)
        return self._docs

    @property
    def groundtruths(self) -> list[Document]:
        """What they should have become, as a list that may be changed."""
        if isinstance(self._groundtruths, Columns):
            self._groundtruths = views(self._groundtruths)
        return self._groundtruths

    def replace(self, docs: Columns) -> None:
        """Take these instead of the Documents; views that were made of them belong to the batch no more."""
        self._docs = docs

    @property
    def parts(self) -> tuple[list[Document] | Columns, list[Document] | Columns]:
        """The Documents and the groundtruths as they are now: columns, or the list that was made of them."""
        return self._docs, self._groundtruths
