"""What comes back: an answer to each request, and the summary of a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from peavine.documents import Batch, Document
from peavine.errors import DeadlineExceeded, Overloaded, PeavineError, Unavailable
from peavine.v1 import pea_pb2
from peavine.wire import batch_from_bytes
from peavine.wire.report import report_of
from peavine.wire.status import error_of

__all__ = ["Answer", "Coverage", "Route", "Summary"]


@dataclass(frozen=True)
class Route:
    """Where a request was, and when, in seconds since 1970 by that machine's clock."""

    pod: str
    pea: str
    start: float
    end: float
    problem: str = ""
    """What went wrong there, when the request went on all the same."""


@dataclass(frozen=True)
class Coverage:
    """How much of the data an answer rests on: shards that answered, of all."""

    answered: int
    total: int


@dataclass
class Answer:
    """The answer to one request. `docs` are decoded when they are first asked for."""

    id: str
    kind: str
    documents: int
    """How many Documents the request had."""
    routes: Sequence[Route] = ()
    coverage: Coverage | None = None
    report: Mapping[str, Any] = field(default_factory=dict)
    """What the Flow answers besides Documents, such as counts, statistics and explanations."""
    error: PeavineError | None = None
    """Why the request failed; it has no `docs` then."""
    body: bytes = field(default=b"", repr=False)
    _batch: Batch | None = field(default=None, repr=False)

    @property
    def docs(self) -> list[Document]:
        """The n-th answers the n-th Document of the request."""
        return self.decode().docs

    @property
    def groundtruths(self) -> list[Document]:
        """The ground truths as they came back."""
        return self.decode().groundtruths

    def decode(self) -> Batch:
        """Return the Documents and their ground truths."""
        if self._batch is None:
            self._batch = batch_from_bytes(self.body) if self.error is None else Batch()
        return self._batch


@dataclass
class Summary:
    """What a call did: `documents` were answered in `requests`, and `failed` Documents were not."""

    kind: str
    documents: int = 0
    requests: int = 0
    failed: int = 0
    seconds: float = 0.0

    @property
    def documents_per_second(self) -> float:
        """The rate of the whole call."""
        return self.documents / self.seconds if self.seconds else 0.0

    def __str__(self) -> str:
        lost = f", {self.failed} failed" if self.failed else ""
        rate = f"{self.documents_per_second:,.0f} documents/s"
        return f"{self.kind}: {self.documents} documents in {self.seconds:.2f} s ({rate}{lost})"


def answer(asked_id: str, kind: str, documents: int, envelope: pea_pb2.Envelope, unit: pea_pb2.Unit) -> Answer:
    """Return the answer that an envelope without an error bears; the unit's routes are all its items'."""
    header = envelope.header
    return Answer(
        id=asked_id,
        kind=kind,
        documents=documents,
        routes=[_route(route) for route in (*header.routes, *unit.routes)],
        coverage=Coverage(header.coverage.answered, header.coverage.total) if header.HasField("coverage") else None,
        report=report_of(header),
        body=envelope.bodies[0] if envelope.bodies else b"",
    )


def failure(status: pea_pb2.Status) -> PeavineError:
    """Return the error that a status tells, with where it happened."""
    error = error_of(status)
    error.pod, error.pea = status.pod, status.pea
    if status.traceback:
        error.add_note(status.traceback)
    return error


def late(documents: str, error: DeadlineExceeded) -> DeadlineExceeded:
    """Return the error with the Documents that it is about."""
    named = DeadlineExceeded(f"{documents}: {error}")
    named.pod, named.pea = error.pod, error.pea
    for note in getattr(error, "__notes__", ()):
        named.add_note(note)
    return named


def may_try_again(error: PeavineError) -> bool:
    """Whether the same request may succeed a moment later."""
    return isinstance(error, Overloaded | Unavailable)


def _route(route: pea_pb2.Route) -> Route:
    return Route(route.pod, route.pea, route.start, route.end, route.status.message)
