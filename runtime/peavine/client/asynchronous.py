"""AsyncClient: a Flow's client for asyncio. Belongs to the event loop in which it is first used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from types import TracebackType
from typing import Any, Unpack

from peavine.client import reading
from peavine.client.address import DEFAULT_PORT, target
from peavine.client.answer import Answer, Summary
from peavine.client.call import Call
from peavine.client.info import Info
from peavine.client.items import Inputs
from peavine.client.options import Options, ReadOptions
from peavine.client.session import Session
from peavine.documents import Document

__all__ = ["AsyncClient"]


class AsyncClient:
    """Asks a Flow. `host` is `HOST:PORT` of its gateway's gRPC port, `grpc://HOST:PORT` or `unix:PATH`.

    The connection is made when it is first needed, within `connect_timeout` seconds, and again when it breaks. Every
    call takes Options by name, which `help(peavine.Options)` describes. Calls raise the classes of `peavine.errors`;
    `pod`, `pea` and, for an ExecutorError, `executor` say where it happened.
    """

    def __init__(self, host: str = f"localhost:{DEFAULT_PORT}", *, connect_timeout: float = 5.0) -> None:
        self._session = Session(host, target(host), connect_timeout)

    async def index(self, inputs: Inputs, **options: Unpack[Options]) -> Summary:
        """Add Documents, or replace those of the same ids."""
        return await self._call("index", inputs, options).summary()

    async def search(self, inputs: Inputs, **options: Unpack[Options]) -> list[Document]:
        """Return the queries with their matches; the n-th answers the n-th, unless `ordered` is False."""
        return await self._call("search", inputs, options).documents()

    async def update(self, inputs: Inputs, **options: Unpack[Options]) -> Summary:
        """Replace Documents that exist; others are left out."""
        return await self._call("update", inputs, options).summary()

    async def delete(self, inputs: Inputs, **options: Unpack[Options]) -> Summary:
        """Remove Documents with all their parts, by id or by Document. A string is an id."""
        return await self._call("delete", inputs, options).summary()

    async def train(self, inputs: Inputs, **options: Unpack[Options]) -> Summary:
        """Let Executors learn from these Documents, and then from all of them at once where they do so."""
        return await self._call("train", inputs, options).summary()

    async def stream(self, kind: str, inputs: Inputs, **options: Unpack[Options]) -> AsyncGenerator[Document, None]:
        """Give Documents as they are answered, for a request of any kind; memory is bounded by `in_flight`."""
        async with aclosing(self.answers(kind, inputs, **options)) as answers:
            async for answer in answers:
                for doc in answer.docs:
                    yield doc

    def answers(self, kind: str, inputs: Inputs, **options: Unpack[Options]) -> AsyncGenerator[Answer, None]:
        """Give the answer to each request, with its report, routes and coverage."""
        return self._call(kind, inputs, options).answers(options.get("ordered", True))

    async def get(self, ids: Iterable[str] | str, **options: Unpack[ReadOptions]) -> list[Document]:
        """Return the stored Documents with these ids, in their order; ids that are not there are left out."""
        return await reading.get(self._session, ids, options)

    async def count(self, **options: Unpack[ReadOptions]) -> int:
        """Return how many Documents are stored. Raises Unavailable where a shard is missing."""
        return await reading.count(self._session, options)

    def scroll(
        self, *, cursor: str = "", page_size: int = 100, **options: Unpack[ReadOptions]
    ) -> AsyncGenerator[Document, None]:
        """Give all stored Documents in the order of their ids, fetched in pages of `page_size`.

        Writes may go on meanwhile: a Document that is there all the time comes exactly once. `cursor` is the id of the
        last Document that you have already. Raises Unavailable where a shard is missing.
        """
        return reading.scroll(self._session, cursor, page_size, options)

    async def stats(self, **options: Unpack[ReadOptions]) -> dict[str, Any]:
        """Return the numbers of Documents, chunks, vectors and bytes, in all and for each Pod and shard."""
        return await reading.stats(self._session, options)

    async def info(self) -> Info:
        """Return what the gateway says of its Flow now."""
        return await self._session.ask_info()

    async def ping(self) -> float:
        """Return the seconds that a question and its answer take. Raises Unavailable where none comes."""
        return await self._session.ping()

    async def close(self) -> None:
        """End the connection. What is unanswered fails."""
        await self._session.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _call(self, kind: str, inputs: Inputs, options: Options) -> Call:
        return Call(self._session, kind, inputs, options, _here)


async def _here(work: Any, /, *arguments: Any) -> Any:
    """Run it on the event loop, and let others have a turn."""
    await asyncio.sleep(0)
    return work(*arguments)
