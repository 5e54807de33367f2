"""Call: one request at one Pod, as bytes, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from peavine.errors import PeavineError

__all__ = ["Call", "Query"]


@dataclass(frozen=True, slots=True)
class Query:
    """Overrides for the arguments of one class of Driver."""

    driver: str
    """Name of the class."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    priority: int = 0
    """It wins over a Driver of a lower priority."""
    disabled: bool = False


@dataclass(slots=True)
class Call:
    """A request as it comes to a Pod, and its answer.

    The Runner sets either `body` or `failure`. `executor` and `driver` say where an error arose, skipped or not.
    """

    bodies: Sequence[bytes]
    """Serialized DocumentBatches: one, or at a Pod that joins several others one of each, in the order of `needs`."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Arguments for Drivers by name: `top_k`, or `VectorSearchDriver.top_k` for one class of Driver. Priority 1."""
    queries: Sequence[Query] = ()
    """Overrides with priorities of their own."""
    version: int = 0
    """When a write was issued, in microseconds since 1970 by the Flow's clock; 0 where nobody said."""
    kept: frozenset[str] | None = None
    """The fields of Documents that the answer keeps; None for everything."""
    overdue: Callable[[], PeavineError | None] = lambda: None
    """Returns the error of a request whose deadline has passed, None before. Called right before each execution."""

    body: bytes = b""
    """The answer, a serialized DocumentBatch."""
    failure: PeavineError | None = None
    """What went wrong, when the request ends here."""
    skipped: PeavineError | None = None
    """What went wrong, when the request goes on as it came: the Pod says `onError: Skip`."""
    report: Mapping[str, Any] = field(default_factory=dict)
    """What the Drivers answer besides Documents, such as counts; see `Task.report`."""
    executor: str = ""
    driver: str = ""
    top_k: int = 0
    """The most matches that a Document was given, as the last Driver with such a bound had it; 0 where none has."""
