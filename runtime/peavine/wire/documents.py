"""Documents as bytes and back, row by row. Exact, but for the numbers in tags, which become doubles."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Any

from google.protobuf.internal.containers import RepeatedCompositeFieldContainer
from google.protobuf.message import DecodeError

from peavine.documents import Batch, Document, Score, Tensor
from peavine.documents.bounds import MAX_DEPTH
from peavine.documents.plain import FIELDS, NUMBERS, TEXTS
from peavine.documents.quantize import Quantization
from peavine.errors import InvalidRequest
from peavine.v1 import document_pb2
from peavine.wire.tags import read_struct, write_struct
from peavine.wire.tensors import read_tensor, write_tensor

__all__ = [
    "batch_to_bytes",
    "document_from_bytes",
    "document_to_bytes",
    "rest_from_bytes",
    "rows_from_bytes",
    "write_rest",
]

_ALL = frozenset(FIELDS)


def batch_to_bytes(
    docs: Iterable[Document],
    groundtruths: Iterable[Document] = (),
    quantization: Quantization | None = None,
    kept: Container[str] = _ALL,
) -> bytes:
    """Return the bytes of a DocumentBatch; InvalidRequest says which Document cannot travel, and why.

    `kept` are the fields of Documents that are written.
    """
    batch = document_pb2.DocumentBatch()
    _write_all("docs", docs, batch.docs, quantization, kept, 0)
    _write_all("groundtruths", groundtruths, batch.groundtruths, quantization, kept, 0)
    return batch.SerializeToString()


def rows_from_bytes(data: bytes) -> Batch:
    """Return the Documents; InvalidRequest says where the bytes are not those of a DocumentBatch of rows."""
    try:
        batch = document_pb2.DocumentBatch.FromString(data)
    except DecodeError:
        raise InvalidRequest("the body is not a DocumentBatch: malformed protobuf, or nested too deep") from None
    if batch.columns:
        raise InvalidRequest("the body has both rows and columns; send Documents in one form")
    return Batch(_read_all("docs", batch.docs), _read_all("groundtruths", batch.groundtruths))


def document_to_bytes(doc: Document, quantization: Quantization | None = None) -> bytes:
    """Return the bytes of one Document, with all below it."""
    message = document_pb2.Document()
    try:
        _write(doc, message, quantization, _ALL, 0)
    except InvalidRequest as problem:
        raise InvalidRequest(f"Document {doc.id!r}: {problem}") from None
    return message.SerializeToString()


def document_from_bytes(data: bytes) -> Document:
    """Return the Document; InvalidRequest says where the bytes are not those of one."""
    try:
        message = document_pb2.Document.FromString(data)
    except DecodeError:
        raise InvalidRequest("not a Document: malformed protobuf, or nested too deep") from None
    return _read(message)


def rest_from_bytes(data: bytes) -> Document:
    """Return what a row of columns has besides its columns, as a Document; its id means nothing."""
    try:
        message = document_pb2.Document.FromString(data)
    except DecodeError:
        raise InvalidRequest("rest: malformed protobuf, or nested too deep") from None
    if message.chunks or message.matches:
        raise InvalidRequest("rest: has chunks or matches, which are columns of their own")
    message.id = "rest"
    return _read(message)


def write_rest(
    message: document_pb2.Document,
    *,
    tensor: Tensor | None = None,
    embedding: Tensor | None = None,
    location: Sequence[int] = (),
    score: Score | None = None,
    evaluations: Iterable[Score] = (),
) -> None:
    """Add to a message what has no column: irregular arrays, places, and what a score and evaluations consist of."""
    if tensor is not None:
        write_tensor(tensor, message.tensor)
    if embedding is not None:
        write_tensor(embedding, message.embedding)
    message.location.extend(location)
    if score is not None:
        _write_score("score", score, message.score, 0)
    for place, each in enumerate(evaluations):
        _write_score(f"evaluations[{place}]", each, message.evaluations.add(), 0)


def _write_all(
    path: str,
    docs: Iterable[Document],
    messages: RepeatedCompositeFieldContainer[document_pb2.Document],
    quantization: Quantization | None,
    kept: Container[str],
    depth: int,
) -> None:
    for index, doc in enumerate(docs):
        try:
            _write(doc, messages.add(), quantization, kept, depth)
        except InvalidRequest as problem:
            raise InvalidRequest(f"{path}[{index}].{problem}") from None


def _write(
    doc: Document,
    message: document_pb2.Document,
    quantization: Quantization | None,
    kept: Container[str],
    depth: int,
) -> None:
    if depth >= MAX_DEPTH:
        raise InvalidRequest(f"id: {doc.id!r} is nested more than {MAX_DEPTH} deep")
    message.id = doc.id
    content = doc.content
    if isinstance(content, str):
        if "text" in kept:
            _write_text(message, "text", content)
    elif isinstance(content, bytes):
        if "buffer" in kept:
            message.buffer = content
    elif content is not None and "tensor" in kept:
        write_tensor(content, message.tensor, quantization)
    if doc.embedding is not None and "embedding" in kept:
        write_tensor(doc.embedding, message.embedding, quantization)
    for name in TEXTS:
        if name in kept and (value := getattr(doc, name)):
            _write_text(message, name, value)
    for name in NUMBERS:
        if name in kept and (value := getattr(doc, name)):
            _set(message, name, value, "a whole number from 0 to 4294967295")
    if doc.weight is not None and "weight" in kept:
        _set(message, "weight", doc.weight, "a number")
    if doc.location and "location" in kept:
        try:
            message.location.extend(doc.location)
        except (ValueError, TypeError) as problem:
            raise InvalidRequest(f"location: {doc.location!r} ({problem})") from None
    if doc.score is not None and "score" in kept:
        _write_score("score", doc.score, message.score, 0)
    if doc.has_tags and "tags" in kept:
        try:
            write_struct(doc.tags, message.tags)
        except InvalidRequest as problem:
            raise InvalidRequest(f"tags{problem}") from None
    if doc.has_evaluations and "evaluations" in kept:
        for place, score in enumerate(doc.evaluations):
            _write_score(f"evaluations[{place}]", score, message.evaluations.add(), 0)
    if not doc.is_leaf:
        if "chunks" in kept:
            _write_all("chunks", doc.chunks, message.chunks, quantization, kept, depth + 1)
        if "matches" in kept:
            _write_all("matches", doc.matches, message.matches, quantization, kept, depth + 1)


def _write_text(message: document_pb2.Document | document_pb2.Score, name: str, value: str, path: str = "") -> None:
    if not isinstance(value, str):
        raise InvalidRequest(f"{path}{name}: must be a string, not {type(value).__name__}; use str(..)")
    try:
        setattr(message, name, value)
    except (ValueError, TypeError):
        raise InvalidRequest(f"{path}{name}: {value!r:.60} is not valid Unicode (a lone surrogate)") from None


def _set(
    message: document_pb2.Document | document_pb2.Score, name: str, value: Any, wanted: str, path: str = ""
) -> None:
    try:
        setattr(message, name, value)
    except (ValueError, TypeError):
        raise InvalidRequest(f"{path}{name}: {value!r:.60} is not {wanted}") from None


def _write_score(path: str, score: Score, message: document_pb2.Score, depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise InvalidRequest(f"{path}: has operands nested more than {MAX_DEPTH} deep")
    if not isinstance(score, Score):
        raise InvalidRequest(f"{path}: must be a Score, not {type(score).__name__}")
    message.SetInParent()  # a score of zero is a score
    _set(message, "value", score.value, "a number", f"{path}.")
    for name in ("name", "description", "reference"):
        if value := getattr(score, name):
            _write_text(message, name, value, f"{path}.")
    _set(message, "ascending", score.ascending, "true or false", f"{path}.")
    for place, operand in enumerate(score.operands):
        _write_score(f"{path}.operands[{place}]", operand, message.operands.add(), depth + 1)


def _read_all(path: str, messages: Iterable[document_pb2.Document]) -> list[Document]:
    docs = []
    for index, message in enumerate(messages):
        try:
            docs.append(_read(message))
        except InvalidRequest as problem:
            raise InvalidRequest(f"{path}[{index}].{problem}") from None
    return docs


def _read(message: document_pb2.Document) -> Document:
    doc = Document(
        id=message.id,
        uri=message.uri,
        mime_type=message.mime_type,
        modality=message.modality,
        parent_id=message.parent_id,
        granularity=message.granularity,
        adjacency=message.adjacency,
        siblings=message.siblings,
        offset=message.offset,
        level_name=message.level_name,
        root_id=message.root_id,
    )
    match message.WhichOneof("content"):
        case "text":
            doc.content = message.text
        case "buffer":
            doc.content = message.buffer
        case "tensor":
            doc.content = _read_tensor("tensor", message.tensor)
    if message.HasField("embedding"):
        doc.embedding = _read_tensor("embedding", message.embedding)
    if message.HasField("weight"):
        doc.weight = message.weight
    if message.location:
        doc.location = tuple(message.location)
    if message.HasField("score"):
        doc.score = _read_score(message.score)
    if message.HasField("tags"):
        doc.tags = read_struct(message.tags)
    if message.evaluations:
        doc.evaluations = [_read_score(score) for score in message.evaluations]
    if message.chunks or message.matches:
        doc.restore_children(_read_all("chunks", message.chunks), _read_all("matches", message.matches))
    return doc


def _read_tensor(path: str, message: document_pb2.Tensor) -> Tensor:
    try:
        return read_tensor(message)
    except InvalidRequest as problem:
        raise InvalidRequest(f"{path}: {problem}") from None


def _read_score(message: document_pb2.Score) -> Score:
    operands = [_read_score(operand) for operand in message.operands]
    return Score(message.value, message.name, message.description, operands, message.reference, message.ascending)
