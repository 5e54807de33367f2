"""Document: what is searched for and with. A plain object; what it looks like on the wire is not known here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from peavine.documents.children import Children, Chunks, Matches
from peavine.documents.identity import check_id, random_id, row_name
from peavine.documents.outline import document_html
from peavine.documents.score import Score
from peavine.documents.sparse import Sparse
from peavine.documents.tensor import Tensor, as_tensor, same
from peavine.errors import InvalidRequest

if TYPE_CHECKING:
    from peavine.documents.plain import Arrays

__all__ = ["Content", "Document"]

Content = str | bytes | Tensor
"""What a Document holds: text, bytes, or an array of numbers."""


class Document:
    """Text, bytes or an array, with tags, an embedding, chunks (its parts) and matches (its results). Recursive.

    `text`, `buffer` and `tensor` exclude each other: setting one clears the others. Lists of chunks and matches keep
    `granularity`, `adjacency`, `parent_id`, `siblings` and `offset` of what is put into them right. Equality is by
    value, arrays included; so Documents cannot be hashed: use their ids.
    """

    __slots__ = (
        "_chunks", "_content", "_embedding", "_evaluations", "_id", "_matches", "_tags", "adjacency", "granularity",
        "level_name", "location", "mime_type", "modality", "offset", "parent_id", "root_id", "score", "siblings", "uri",
        "weight",
    )  # fmt: skip

    def __init__(
        self,
        *,
        id: str | None = None,
        text: str | None = None,
        buffer: bytes | None = None,
        tensor: Any = None,
        embedding: Any = None,
        chunks: Iterable[Document] = (),
        matches: Iterable[Document] = (),
        tags: Mapping[str, Any] | None = None,
        uri: str = "",
        mime_type: str = "",
        modality: str = "",
        parent_id: str = "",
        granularity: int = 0,
        adjacency: int = 0,
        weight: float | None = None,
        siblings: int = 0,
        offset: int = 0,
        location: Sequence[int] = (),
        score: Score | None = None,
        evaluations: Iterable[Score] = (),
        level_name: str = "",
        root_id: str = "",
    ) -> None:
        self._id = random_id() if id is None else check_id(id)
        self._content: Content | None = None
        self._embedding: Tensor | None = None
        self._chunks: Chunks | None = None
        self._matches: Matches | None = None
        self._tags = dict(tags) if tags else None
        self._evaluations = list(evaluations) or None
        self.uri = uri
        self.mime_type = mime_type
        self.modality = modality
        self.parent_id = parent_id
        self.granularity = granularity
        """How many times it was cut out of something: 0 for a root, 1 for its chunks."""
        self.adjacency = adjacency
        """How many searches away it is: 0 for a query, 1 for its matches."""
        self.weight = weight
        self.siblings = siblings
        """How many chunks its parent has."""
        self.offset = offset
        """Its place among them."""
        self.location: tuple[int, ...] = tuple(location) if location else ()
        """Where in the parent's content it is: begin and end, or a box."""
        # `| Any`, as typeshed has it for what is None in cases that the caller knows: every match of a search has one.
        self.score: Score | Any = score
        """How well it matched; None for what is not a match."""
        self.level_name = level_name
        self.root_id = root_id
        """Of a match that is a part of a Document: the id of the root that it belongs to."""
        if text is not None:
            self.text = text
        if buffer is not None:
            self._only_content("buffer")
            self.buffer = buffer
        if tensor is not None:
            self._only_content("tensor")
            self.tensor = tensor
        if embedding is not None:
            self.embedding = embedding
        if chunks:
            self.chunks.extend(chunks)
        if matches:
            self.matches.extend(matches)

    def _only_content(self, name: str) -> None:
        if self._content is not None:
            raise InvalidRequest(f"Document {self._id!r}: has more than one content; give text, buffer or {name} alone")

    @property
    def id(self) -> str:
        """What names it: 1 to 256 bytes of UTF-8."""
        return self._id

    @id.setter
    def id(self, value: str) -> None:
        self._id = check_id(value)
        for chunk in self._chunks or ():
            chunk.parent_id = value

    @property
    def content(self) -> Content | None:
        """The text, buffer or tensor, whichever it has."""
        return self._content

    @content.setter
    def content(self, value: Any) -> None:
        if value is None or type(value) is str or type(value) is bytes:
            self._content = value
        elif isinstance(value, bytearray | memoryview):
            self._content = bytes(value)
        else:
            self._content = as_tensor(value, f"Document {self._id!r}: tensor")

    @property
    def text(self) -> str | None:
        """The content, if that is text."""
        return self._content if isinstance(self._content, str) else None

    @text.setter
    def text(self, value: str | None) -> None:
        if value is not None and not isinstance(value, str):
            raise InvalidRequest(f"Document {self._id!r}: text is a string, not {type(value).__name__}")
        self._content = value

    @property
    def buffer(self) -> bytes | None:
        """The content, if that is bytes."""
        return self._content if isinstance(self._content, bytes) else None

    @buffer.setter
    def buffer(self, value: bytes | None) -> None:
        if value is not None and not isinstance(value, bytes | bytearray | memoryview):
            raise InvalidRequest(f"Document {self._id!r}: buffer is bytes, not {type(value).__name__}")
        self._content = None if value is None else bytes(value)

    @property
    def tensor(self) -> Tensor | None:
        """The content, if that is an array or a Sparse. Decoded ones are read-only views: copy before changing."""
        return self._content if isinstance(self._content, np.ndarray | Sparse) else None

    @tensor.setter
    def tensor(self, value: Any) -> None:
        self._content = None if value is None else as_tensor(value, f"Document {self._id!r}: tensor")

    @property
    def embedding(self) -> Tensor | None:
        """The vector that stands for it in searches."""
        return self._embedding

    @embedding.setter
    def embedding(self, value: Any) -> None:
        self._embedding = None if value is None else as_tensor(value, f"Document {self._id!r}: embedding")

    @property
    def chunks(self) -> Chunks:
        """Its parts."""
        if self._chunks is None:
            self._chunks = Chunks(self, [])
        return self._chunks

    @chunks.setter
    def chunks(self, value: Iterable[Document]) -> None:
        docs = list(value)
        self._chunks = Chunks(self, [])
        self._chunks.extend(docs)

    @property
    def matches(self) -> Matches:
        """Its results, the best first."""
        if self._matches is None:
            self._matches = Matches(self, [])
        return self._matches

    @matches.setter
    def matches(self, value: Iterable[Document]) -> None:
        docs = list(value)
        self._matches = Matches(self, [])
        self._matches.extend(docs)

    @property
    def tags(self) -> dict[str, Any]:
        """Free data, as JSON knows it. On the wire every number is a double, so 1 comes back as 1.0."""
        if self._tags is None:
            self._tags = {}
        return self._tags

    @tags.setter
    def tags(self, value: Mapping[str, Any] | None) -> None:
        self._tags = dict(value) if value else None

    @property
    def evaluations(self) -> list[Score]:
        """How well it was processed, measured against a groundtruth."""
        if self._evaluations is None:
            self._evaluations = []
        return self._evaluations

    @evaluations.setter
    def evaluations(self, value: Iterable[Score]) -> None:
        self._evaluations = list(value) or None

    @property
    def has_tags(self) -> bool:
        """Whether there are tags. Asking makes no dictionary."""
        return bool(self._tags)

    @property
    def has_evaluations(self) -> bool:
        """Whether there are evaluations. Asking makes no list."""
        return bool(self._evaluations)

    @property
    def is_leaf(self) -> bool:
        """Whether it has neither chunks nor matches. Asking makes no lists."""
        return not self._chunks and not self._matches

    @property
    def row_name(self) -> str:
        """What names its row in an index: its id, and for a match that is a part also that of its root."""
        return row_name(self._id, self.root_id or self._id)

    def restore_children(self, chunks: list[Document], matches: list[Document]) -> None:
        """Take children that know their places already: for decoders, which must not change what was sent."""
        self._chunks = Chunks(self, chunks) if chunks else None
        self._matches = Matches(self, matches) if matches else None

    def move(self, granularity: int, adjacency: int) -> None:
        """Put it, and all below it, at another place of the tree."""
        if (granularity, adjacency) == (self.granularity, self.adjacency):
            return
        self.granularity, self.adjacency = granularity, adjacency
        for chunk in self._chunks or ():
            chunk.move(granularity + 1, adjacency)
        for match in self._matches or ():
            match.move(granularity, adjacency + 1)

    def content_hash(self) -> str:
        """Return blake2b, as 16 hex characters, of what it says: content, tags, uri, types, weight and location.

        Two Documents that say the same have the same hash, whatever their ids, places, chunks and matches. The
        embedding counts only where there is no content, for it is made from that.
        """
        digest = hashlib.blake2b(digest_size=8)
        _feed(digest, self._embedding if self._content is None else self._content)
        facts = [self.uri, self.mime_type, self.modality, self.weight, self.location, self.level_name]
        digest.update(json.dumps([facts, _plain(self._tags or {})], sort_keys=True).encode())
        return digest.hexdigest()

    def without(self, *fields: str) -> Document:
        """Return a copy that shares everything with it but lacks some fields; its children still call it parent."""
        copy = Document.__new__(Document)
        for slot in Document.__slots__:
            setattr(copy, slot, getattr(self, slot))
        copy.clear(*fields)
        return copy

    def clear(self, *fields: str) -> None:
        """Empty fields, by name; the content is emptied by its own name only, or by `content`."""
        for name in fields:
            if name not in _CONTENTS or getattr(self, name) is not None:
                setattr(self, name, _EMPTY.get(name))

    def to_dict(self, arrays: Arrays = "base64") -> dict[str, Any]:
        """Return it as plain data for JSON; see `peavine.documents.plain`."""
        from peavine.documents.plain import to_dict

        return to_dict(self, arrays)

    @classmethod
    def from_dict(cls, data: Any, path: str = "") -> Document:
        """Return the Document that plain data means; InvalidRequest tells all that is wrong, with `path` before it."""
        from peavine.documents.reading import from_dict

        return from_dict(data, path)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Document):
            return NotImplemented
        return (
            self._id == other._id
            and all(getattr(self, name) == getattr(other, name) for name in _PLAIN)
            and (self._tags or {}) == (other._tags or {})
            and (self._evaluations or []) == (other._evaluations or [])
            and _same_content(self._content, other._content)
            and same(self._embedding, other._embedding)
            and _children(self._chunks) == _children(other._chunks)
            and _children(self._matches) == _children(other._matches)
        )

    __hash__ = None  # type: ignore[assignment]  # it can change

    def __repr__(self) -> str:
        shown = [f"id={self._id!r}"]
        content = self._content
        if isinstance(content, str):
            shown.append(f"text={content if len(content) <= 40 else content[:37] + '...'!r}")
        elif isinstance(content, bytes):
            shown.append(f"buffer={len(content)} bytes")
        elif content is not None:
            shown.append(f"tensor={_sketch(content)}")
        if self._embedding is not None:
            shown.append(f"embedding={_sketch(self._embedding)}")
        if self._tags:
            shown.append(f"tags={self._tags!r}")
        if self.score is not None:
            shown.append(f"score={self.score.value:g}")
        shown += [
            f"{name}={len(docs)}" for name, docs in (("chunks", self._chunks), ("matches", self._matches)) if docs
        ]
        return f"Document({', '.join(shown)})"

    def _repr_html_(self) -> str:
        return document_html(self)


_EMPTY: dict[str, Any] = (
    dict.fromkeys(("chunks", "matches", "evaluations", "location"), ())
    | dict.fromkeys(("uri", "mime_type", "modality", "parent_id", "level_name", "root_id"), "")
    | dict.fromkeys(("granularity", "adjacency", "siblings", "offset"), 0)
)
"""What a field is when it is left out, where that is not None."""

_CONTENTS = ("text", "buffer", "tensor")

_PLAIN = (
    "adjacency", "granularity", "level_name", "location", "mime_type", "modality", "offset", "parent_id", "root_id",
    "score", "siblings", "uri", "weight",
)  # fmt: skip


def _children(docs: Children | None) -> list[Document]:
    return list(docs) if docs else []


def _same_content(one: Content | None, other: Content | None) -> bool:
    if isinstance(one, np.ndarray | Sparse) and isinstance(other, np.ndarray | Sparse):
        return same(one, other)
    return type(one) is type(other) and one == other


def _sketch(array: Tensor) -> str:
    return repr(array) if isinstance(array, Sparse) else f"{'x'.join(map(str, array.shape)) or 'scalar'} {array.dtype}"


def _feed(digest: hashlib.blake2b, part: Content | None) -> None:
    """Add one part, with its type and length before it, so that no two different contents read alike."""
    if isinstance(part, Sparse):
        digest.update(f"{part.layout}{part.shape}".encode())
        for array in (part.rows, part.columns, part.values):
            _feed(digest, array)
    elif isinstance(part, np.ndarray):
        little = np.ascontiguousarray(part, part.dtype.newbyteorder("<"))
        digest.update(f"array{little.dtype.str}{part.shape}".encode() + little.tobytes())
    else:
        raw = part.encode(errors="surrogatepass") if isinstance(part, str) else part or b""
        digest.update(f"{type(part).__name__}{len(raw)}:".encode() + raw)


def _plain(value: Any) -> Any:
    """Return tags with every number a double, as they are after a journey over the wire."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
