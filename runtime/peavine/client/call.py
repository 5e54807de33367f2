"""One call of a user: its inputs become requests, a bounded number of answers waits for the user, in order."""

from __future__ import annotations

import asyncio
import inspect
import operator
import secrets
import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing

from peavine.client.answer import Answer, Summary
from peavine.client.items import Inputs, count
from peavine.client.options import IN_FLIGHT, Options, check
from peavine.client.pending import Pending
from peavine.client.progress import Bar
from peavine.client.requests import Cut, Run, bodies
from peavine.client.session import Session
from peavine.documents import Document
from peavine.spec.rules import MAX_DOCUMENTS
from peavine.v1 import pea_pb2
from peavine.wire.header import header
from peavine.wire.unit import MAX_ITEMS

__all__ = ["Call"]

_MAX_BYTES_OUT = 16 * 1024 * 1024
"""Bytes of requests that a call keeps in memory, unless a single one is larger."""


class Call:
    """A call that has not begun. One of its methods is used, once."""

    def __init__(self, session: Session, kind: str, inputs: Inputs, options: Options, run: Run) -> None:
        check(options)
        self._session = session
        self._kind = kind
        self._inputs = inputs
        self._options = options
        self._run = run
        self._header = header(
            kind,
            top_k=options.get("top_k"),
            filter=options.get("filter"),
            parameters=options.get("parameters"),
            queries=options.get("queries", ()),
            timeout=options.get("timeout"),
            fields=options.get("fields", ()),
        )
        self._out: dict[asyncio.Future[list[Answer]], int] = {}
        self._bytes = self._fed = 0
        self._ready: deque[asyncio.Future[list[Answer]]] = deque()
        """Answered and not taken. When answers are taken in order only its length is of use."""
        self._max_documents = MAX_DOCUMENTS
        self._changed = asyncio.Event()
        self._room = asyncio.Event()

    async def summary(self) -> Summary:
        """Send everything, and return what was done."""
        summary = Summary(self._kind)
        began = time.monotonic()
        async with aclosing(self.answers(ordered=False)) as answers:
            async for answer in answers:
                summary.requests += 1
                if answer.error:
                    summary.failed += answer.documents
                else:
                    summary.documents += answer.documents
        if self._kind == "train" and summary.requests:
            await self._flush()
        summary.seconds = time.monotonic() - began
        return summary

    async def _flush(self) -> None:
        """Let Executors learn that wait for the last train request. Raises what the Flow answers."""
        self._header.id = secrets.token_hex(8)
        self._header.parameters["flush"] = True
        envelope = pea_pb2.Envelope(header=self._header, bodies=[b""])
        future: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
        timeout = self._header.timeout or None
        self._session.submit(Pending(self._kind, envelope, envelope.ByteSize(), 0, timeout, future))
        (answer,) = await future
        if answer.error is not None:
            raise answer.error

    async def documents(self) -> list[Document]:
        """Send everything, and return the Documents that came back."""
        found: list[Document] = []
        async with aclosing(self.answers(ordered=self._options.get("ordered", True))) as answers:
            async for answer in answers:
                found += (await self._run(answer.decode)).docs
        return found

    async def answers(self, ordered: bool) -> AsyncGenerator[Answer, None]:
        """Give each answer, after its callbacks.

        Ends with the error of the inputs, of a callback, or of the first answer that failed where there is no
        `on_error`; what was sent before that is answered first.
        """
        info = await self._session.limits()
        self._max_documents = info.max_documents or MAX_DOCUMENTS
        feeding = asyncio.create_task(self._feed(info.max_message_bytes))
        feeding.add_done_callback(lambda _: self._changed.set())
        answered, failure = 0, None
        try:
            with Bar(self._kind, self._total(), self._options.get("progress"), self._estimate) as bar:
                while some := await self._next(feeding, ordered):
                    for answer in some:
                        if answer.error:
                            failure = failure or answer.error
                            if self._options.get("on_error") is None:
                                feeding.cancel()
                        else:
                            answered += answer.documents
                        bar.advance(answer.documents)
                        await self._tell(answer)
                        yield answer
            if not feeding.cancelled():
                feeding.result()
            if failure and self._options.get("on_error") is None:
                raise failure
        except Exception as error:
            error.add_note(f"{answered} Documents of this call were answered before.")
            raise
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
            for future in list(self._out):
                future.cancel()

    async def _cut(self) -> Cut:
        """Return how the next inputs are cut. Where the client chooses, as late as it can: when answers have come."""
        size = self._options.get("request_size")
        if size is not None:
            return Cut(min(size, self._max_documents), MAX_ITEMS)
        while (room := self._session.appetite - (len(self._out) - len(self._ready))) < 1:
            self._room.clear()
            await self._room.wait()
        size = min(self._session.sizing(self._kind).documents, self._max_documents)
        return Cut(size, min(room, MAX_ITEMS))

    async def _feed(self, max_bytes: int) -> None:
        """Submit the inputs as requests, no more at once than may be out."""
        most = self._options.get("in_flight", IN_FLIGHT)
        name, number = secrets.token_hex(4), 0
        async with aclosing(bodies(self._inputs, self._kind, self._cut, max_bytes, self._run)) as cut:
            async for body in cut:
                while self._out and (len(self._out) >= most or self._bytes + len(body.data) > _MAX_BYTES_OUT):
                    self._room.clear()
                    await self._room.wait()
                number += 1
                self._header.id = f"{name}-{number}"
                envelope = pea_pb2.Envelope(header=self._header, bodies=[body.data])
                future: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
                future.add_done_callback(self._finish)
                pending = Pending(
                    self._kind, envelope, envelope.ByteSize(), body.documents, self._header.timeout or None, future
                )
                self._out[future] = pending.size
                self._bytes += pending.size
                self._fed += body.documents
                self._session.submit(pending)

    def _finish(self, future: asyncio.Future[list[Answer]]) -> None:
        self._ready.append(future)
        self._changed.set()
        self._room.set()

    async def _next(self, feeding: asyncio.Task[None], ordered: bool) -> list[Answer]:
        """Return the answers to the next request, or none when all are taken."""
        while True:
            self._changed.clear()
            if self._ready:
                first = next(iter(self._out)) if ordered else self._ready[0]
                if first.done():
                    self._ready.popleft()
                    self._bytes -= self._out.pop(first)
                    self._room.set()
                    return first.result()
            if feeding.done() and not self._out:
                return []
            await self._changed.wait()

    async def _tell(self, answer: Answer) -> None:
        options = self._options
        first = options.get("on_error") if answer.error else options.get("on_done")
        for callback in (first, options.get("on_always")):
            if callback is not None:
                returned = await self._run(callback, answer)
                if inspect.isawaitable(returned):
                    await returned

    def _estimate(self) -> int | None:
        """Return how many Documents there will be, estimated from the length hint of the inputs; None without one."""
        left = operator.length_hint(self._inputs, -1)
        return None if left < 0 else self._fed + left

    def _total(self) -> int | None:
        total = self._options.get("total")
        return count(self._inputs) if total is None else total
