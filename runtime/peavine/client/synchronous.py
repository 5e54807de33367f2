"""Client: the same as AsyncClient for programs without an event loop, and for notebooks that have one."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator
from types import TracebackType
from typing import Any, TypeVar, Unpack

from peavine.client import reading
from peavine.client.address import DEFAULT_PORT, target
from peavine.client.answer import Answer, Summary
from peavine.client.call import Call
from peavine.client.caller import Caller, on
from peavine.client.info import Info
from peavine.client.items import Inputs
from peavine.client.loop import LOOP
from peavine.client.options import Options, ReadOptions
from peavine.client.session import Session
from peavine.documents import Document

__all__ = ["Client"]

T = TypeVar("T")


class Client:
    """Asks a Flow. The calls are those of AsyncClient, and so are their options (`help(peavine.Options)`) and errors.

    Its network work runs in a background thread; iterators and callbacks that it is given run in the thread that calls.
    Threads may share it. Use it in a `with` statement, or close it.
    """

    def __init__(self, host: str = f"localhost:{DEFAULT_PORT}", *, connect_timeout: float = 5.0) -> None:
        self._session = Session(host, target(host), connect_timeout)
        self._loop = LOOP.acquire()
        self._finalize = weakref.finalize(self, _close, self._session, self._loop)

    def index(self, inputs: Inputs, **options: Unpack[Options]) -> Summary:
        """Add Documents, or replace those of the same ids."""
        return self._run("index", inputs, options, Call.summary)

    def search(self, inputs: Inputs, **options: Unpack[Options]) -> list[Document]:
        """Return the queries with their matches; the n-th answers the n-th, unless `ordered` is False."""
        return self._run("search", inputs, options, Call.documents)

    def update(self, inputs: Inputs, **options: Unpack[Options]) -> Summary:
        """Replace Documents that exist; others are left out."""
        return self._run("update", inputs, options, Call.summary)

    def delete(self, inputs: Inputs, **options: Unpack[Options]) -> Summary:
        """Remove Documents with all their parts, by id or by Document. A string is an id."""
        return self._run("delete", inputs, options, Call.summary)

    def train(self, inputs: Inputs, **options: Unpack[Options]) -> Summary:
        """Let Executors learn from these Documents, and then from all of them at once where they do so."""
        return self._run("train", inputs, options, Call.summary)

    def stream(self, kind: str, inputs: Inputs, **options: Unpack[Options]) -> Iterator[Document]:
        """Give Documents as they are answered, for a request of any kind; memory is bounded by `in_flight`."""
        for answer in self.answers(kind, inputs, **options):
            yield from answer.docs

    def answers(self, kind: str, inputs: Inputs, **options: Unpack[Options]) -> Iterator[Answer]:
        """Give the answer to each request, with its report, routes and coverage."""
        caller = self._caller()
        call = Call(self._session, kind, inputs, options, caller)
        yield from _each(caller, call.answers(options.get("ordered", True)))

    def get(self, ids: Iterable[str] | str, **options: Unpack[ReadOptions]) -> list[Document]:
        """Return the stored Documents with these ids, in their order; ids that are not there are left out."""
        return self._caller().wait(reading.get(self._session, ids, options))

    def count(self, **options: Unpack[ReadOptions]) -> int:
        """Return how many Documents are stored. Raises Unavailable where a shard is missing."""
        return self._caller().wait(reading.count(self._session, options))

    def scroll(self, *, cursor: str = "", page_size: int = 100, **options: Unpack[ReadOptions]) -> Iterator[Document]:
        """Give all stored Documents in the order of their ids, fetched in pages of `page_size`.

        Writes may go on meanwhile: a Document that is there all the time comes exactly once. `cursor` is the id of the
        last Document that you have already. Raises Unavailable where a shard is missing.
        """
        return _each(self._caller(), reading.scroll(self._session, cursor, page_size, options))

    def stats(self, **options: Unpack[ReadOptions]) -> dict[str, Any]:
        """Return the numbers of Documents, chunks, vectors and bytes, in all and for each Pod and shard."""
        return self._caller().wait(reading.stats(self._session, options))

    def info(self) -> Info:
        """Return what the gateway says of its Flow now."""
        return self._caller().wait(self._session.ask_info())

    def ping(self) -> float:
        """Return the seconds that a question and its answer take. Raises Unavailable where none comes."""
        return self._caller().wait(self._session.ping())

    def close(self) -> None:
        """End the connection. What is unanswered fails."""
        self._finalize()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _caller(self) -> Caller:
        self._session.home.check_process()
        return Caller(self._loop)

    def _run(self, kind: str, inputs: Inputs, options: Options, finish: Callable[[Call], Coroutine[Any, Any, T]]) -> T:
        caller = self._caller()
        return caller.wait(finish(Call(self._session, kind, inputs, options, caller)))


def _each(caller: Caller, items: AsyncGenerator[T, None]) -> Iterator[T]:
    """Give what comes out of a generator that runs in the background thread."""
    try:
        while (item := caller.wait(_next(items))) is not None:
            yield item
    finally:
        caller.leave(items.aclose)


async def _next(items: AsyncGenerator[T, None]) -> T | None:
    return await anext(items, None)


def _close(session: Session, loop: asyncio.AbstractEventLoop) -> None:
    if session.home.inherited:  # and the loop is the parent's
        return
    if on(loop):  # the garbage collector ran there, and a thread cannot wait for itself
        threading.Thread(target=_close, args=(session, loop)).start()
        return
    asyncio.run_coroutine_threadsafe(session.close(), loop).result()
    LOOP.release()
