"""Valid inputs of every kind, to be mutated."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from peavine.documents import Document, Score, Sparse
from peavine.v1 import pea_pb2
from peavine.v1.document_pb2 import DocumentBatch
from peavine.wire import batch_from_bytes, batch_to_bytes, encoded
from peavine.wire.header import header
from peavine.wire.hello import draining, hello
from peavine.wire.unit import serialize, stamp

ROOT = Path(__file__).parents[2]


def document(name: str) -> Document:
    """Return a Document with something in most of its fields."""
    doc = Document(id=name, tensor=np.ones(4, np.float32), tags={"a": [1.0, None, {"b": "c"}], "d": True})
    doc.embedding = Sparse.from_dense(np.eye(2, dtype=np.float32))
    doc.uri, doc.weight, doc.location = "file:x", 0.5, (1, 2)
    doc.score = Score(0.5, "s", operands=[Score(1.0, "t")])
    doc.evaluations = [Score(0.25, "e")]
    doc.chunks.append(Document(text="a chunk"))
    doc.matches.append(Document(buffer=b"a match"))
    return doc


BODIES = [
    batch_to_bytes([document("x"), document("y")]),
    batch_to_bytes([Document(id="q", tensor=np.ones(4, np.float32))]),
    batch_to_bytes([Document(id="q", text="x")], [Document(id="t", text="y")]),
    batch_to_bytes([Document(id=f"{number}", embedding=np.ones(16, np.float32)) for number in range(20)]),
]
COLUMNS = [encoded(batch_from_bytes(body), columns=True) for body in BODIES]
BODIES += COLUMNS
PAYLOADS = [DocumentBatch.FromString(body).columns for body in COLUMNS]
ENVELOPES = [
    pea_pb2.Envelope(
        header=header(kind, top_k=3 if kind == "search" else None, queries=[{"driver": "VectorSearchDriver"}]),
        bodies=[body],
    )
    for kind in ("search", "index", "update", "delete", "train")
    for body in BODIES
]
for number, one in enumerate(ENVELOPES):
    one.header.id, one.header.deadline = f"{number}", 4e9
REQUESTS = [one.SerializeToString() for one in ENVELOPES]
UNITS = [
    serialize(pea_pb2.Unit(kind=one.header.kind, items=[one] * (1 + number % 3), routes=[pea_pb2.Route(pod="p")]))
    for number, one in enumerate(ENVELOPES)
]
STAMPED = [stamp(unit, 1, 0, 3.9e9) for unit in UNITS]
HELLOS = [hello("pod", "pea", {"search": ["top_k", "metric"]}, window=8), draining()]
_BYTES = {"data": "AACAPwAAgD8AAIA/AACAPw==", "dtype": "<f4", "shape": [4]}
JSON = [
    json.dumps({"docs": [{"id": "x", "tensor": [1, 2, 3, 4]}], "top_k": 3}).encode(),
    json.dumps({"docs": [{"text": "x", "chunks": [{"text": "y"}], "tags": {"a": [1]}, "tensor": _BYTES}]}).encode(),
    json.dumps({"ids": ["x", "y"], "parameters": {"top_k": 1}, "queries": [], "timeout_seconds": 5}).encode(),
]
YAML = [
    b"!RandomProjection\nwith: {output_dim: 16}\nmetas: {name: x}\nrequests:\n  on: {search: [!EncodeDriver {}]}\n",
    b"a: &x [1, 2.5, yes, ~, 0x1f, '${{ENV.HOME}}']\nb: *x\nc: |\n  text\n",
]
MANIFESTS = [path.read_bytes() for path in sorted((ROOT / "tests/unit/operator/flows").glob("*.yaml"))]
MANIFESTS.append(json.dumps({"metadata": {"name": "f"}, "spec": {"pods": [{"name": "a", "replicas": 2}]}}).encode())
