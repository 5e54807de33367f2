"""From inputs to the bodies of requests: cut by number of Documents, and again where the bytes would be too many."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, Protocol

from peavine.client.items import Inputs, Item, document, iterable
from peavine.documents import Batch, Document
from peavine.errors import InvalidRequest
from peavine.wire.forms import request_body

__all__ = ["Body", "Cut", "Run", "bodies"]

_HEADROOM = 4096
"""Bytes of a message that are left for its header."""
_AT_ONCE = 0.005
"""Seconds for which more requests are encoded after the first; each pull has a price of its own."""


class Run(Protocol):
    """Runs the user's own code, such as iterators and callbacks: in the thread that called, or on the event loop."""

    def __call__(self, work: Any, /, *arguments: Any) -> Awaitable[Any]:
        """Return what `work` returns."""


class Cut(NamedTuple):
    """How inputs are cut into requests now."""

    documents: int
    """Documents in a request."""
    requests: int
    """Requests that are encoded at once, at the most."""


class Body(NamedTuple):
    """The body of one request."""

    data: bytes
    documents: int


async def bodies(
    inputs: Inputs, kind: str, wanted: Callable[[], Awaitable[Cut]], max_bytes: int, run: Run
) -> AsyncGenerator[Body, None]:
    """Give the bodies of requests with as many Documents as `wanted` says each time, none larger than `max_bytes`."""
    made = _Encoder(kind, max_bytes - _HEADROOM)
    items = await run(iterable, inputs)
    if isinstance(items, AsyncIterable):
        waiting: list[Item] = []
        cut = await wanted()
        async for item in items:
            waiting.append(item)
            if len(waiting) >= cut.documents:
                for body in await run(made.encode, waiting):
                    yield body
                waiting, cut = [], await wanted()
        for body in await run(made.encode, waiting):
            yield body
        return
    iterator = iter(items)
    while encoded := await run(made.pull, iterator, *await wanted()):
        for body in encoded:
            yield body


class _Encoder:
    """Counts the items, so that a message can say which one is wrong."""

    def __init__(self, kind: str, max_bytes: int) -> None:
        self._ids = kind == "delete"
        self._max_bytes = max_bytes
        self._count = 0
        self._failure: Exception | None = None

    def pull(self, items: Iterator[Item], size: int, most: int) -> list[Body]:
        """Encode the next requests: one, and up to `most` if they come at once. An empty list is the end.

        An error of the iterator comes with the pull after the one that gives what was before it.
        """
        pulled: list[Body] = []
        until = time.monotonic() + _AT_ONCE
        while self._failure is None and len(pulled) < most and (not pulled or time.monotonic() < until):
            taken: list[Item] = []
            try:
                taken.extend(islice(items, size))
            except Exception as error:
                self._failure = error
            if not taken:
                break
            pulled += self.encode(taken)
        if self._failure is not None and not pulled:
            raise self._failure
        return pulled

    def encode(self, items: Iterable[Item]) -> list[Body]:
        """Encode items as one request, or as several where that would be too large."""
        first = self._count
        pairs = [document(item, first + place, ids=self._ids) for place, item in enumerate(items)]
        self._count += len(pairs)
        docs = [pair[0] for pair in pairs]
        truths = [pair[1] for pair in pairs if pair[1] is not None]
        if truths and len(truths) != len(docs):
            raise InvalidRequest(
                f"inputs[{first}:{self._count}]: {len(truths)} of {len(docs)} have a ground truth; give pairs, or none"
            )
        return list(self._fitting(docs, truths)) if docs else []

    def _fitting(self, docs: Sequence[Document], truths: Sequence[Document]) -> Iterator[Body]:
        data = request_body(Batch(list(docs), list(truths)))
        if len(data) <= self._max_bytes:
            yield Body(data, len(docs))
        elif len(docs) == 1:
            raise InvalidRequest(
                f"Document {docs[0].id!r} has {len(data)} bytes, and the Flow takes {self._max_bytes}; cut it into "
                "smaller ones, or raise spec.maxMessageBytes"
            )
        else:
            half = len(docs) // 2
            yield from self._fitting(docs[:half], truths[:half])
            yield from self._fitting(docs[half:], truths[half:])
