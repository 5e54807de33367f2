"""Everything that reads what strangers send, as functions of bytes. Each may raise PeavineError and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress

from peavine import spec, yaml
from peavine.documents import from_dicts
from peavine.documents.columns import Columns
from peavine.errors import PeavineError
from peavine.gateway.edge import envelope_of
from peavine.v1.document_pb2 import DocumentBatch
from peavine.wire import batch_from_bytes, batch_to_bytes, encoded
from peavine.wire.census import check_documents
from peavine.wire.columns import rows_of
from peavine.wire.forms import as_rows
from peavine.wire.header import header
from peavine.wire.hello import check
from peavine.wire.join import join
from peavine.wire.merge import merge_bodies
from peavine.wire.split import split
from peavine.wire.unit import answered, received, unstamp
from tests.fuzz import samples

__all__ = ["PARSERS"]


def _text(raw: bytes) -> str:
    return raw.decode(errors="surrogateescape")


def _documents(raw: bytes) -> None:
    check_documents(raw, 64)
    batch = batch_from_bytes(raw)
    batch_to_bytes(batch.docs, batch.groundtruths)
    encoded(batch, columns=True)
    for part in batch_from_bytes(raw).parts:
        if isinstance(part, Columns):
            rows_of(part, ())


def _columns(raw: bytes) -> None:
    _documents(DocumentBatch(columns=raw).SerializeToString())  # with a length that fits


def _json(raw: bytes) -> None:
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        return
    batch_to_bytes(from_dicts(data.get("docs") if isinstance(data, dict) else data))
    if isinstance(data, dict):
        header("search", parameters=data.get("parameters") if isinstance(data.get("parameters"), dict) else None)


def _yaml(raw: bytes) -> None:
    data = yaml.load(_text(raw))
    yaml.substitute(data, {"HOME": "x"})


def _manifest(raw: bytes) -> None:
    spec.parse(yaml.load(_text(raw)))


def _pod(raw: bytes) -> None:
    spec.parse_pod(yaml.load(_text(raw)))


def _unit(raw: bytes) -> None:
    unit = received(unstamp(raw), 65536)
    split(unit, 3)


def _answer(raw: bytes) -> None:
    unit = answered(unstamp(raw).rest, 1)
    join([unit.SerializeToString()] * 2, 1)
    for other in (b"".join(unit.items[0].bodies), *samples.BODIES):
        with suppress(PeavineError):
            merge_bodies([b"".join(unit.items[0].bodies), other], 3)
    as_rows(unit)


PARSERS: dict[str, tuple[Callable[[bytes], object], Sequence[bytes]]] = {
    "documents": (_documents, samples.BODIES),
    "columns": (_columns, samples.PAYLOADS),
    "request": (envelope_of, samples.REQUESTS),
    "unit": (_unit, samples.STAMPED),
    "answer": (_answer, samples.STAMPED),
    "hello": (lambda raw: check(raw, "a peer"), samples.HELLOS),
    "json": (_json, samples.JSON),
    "yaml": (_yaml, samples.YAML + samples.MANIFESTS),
    "manifest": (_manifest, samples.MANIFESTS),
    "pod manifest": (_pod, samples.MANIFESTS),
}
"""By name: the function, and inputs that it takes."""
