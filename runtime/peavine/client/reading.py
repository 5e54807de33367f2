"""Reading what a Flow keeps: by id, counted, page by page, and described. Each question is one request."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Any

from peavine.client.answer import Answer
from peavine.client.options import ReadOptions
from peavine.client.pending import Pending
from peavine.client.session import Session
from peavine.documents import Batch, Document
from peavine.errors import InvalidRequest, Unavailable
from peavine.v1 import pea_pb2
from peavine.wire.forms import request_body
from peavine.wire.header import header
from peavine.wire.reads import NOTHING_KEPT, page_bytes, statistics

__all__ = ["count", "get", "scroll", "stats"]

IDS_AT_ONCE = 256
"""Ids in one request."""


async def get(session: Session, ids: Iterable[str] | str, options: ReadOptions) -> list[Document]:
    """Return the Documents with these ids, in their order; ids that are not there are left out."""
    wanted = [ids] if isinstance(ids, str) else list(dict.fromkeys(ids))
    found: list[Document] = []
    for begin in range(0, len(wanted), IDS_AT_ONCE):
        docs = [Document(id=id) for id in wanted[begin : begin + IDS_AT_ONCE]]
        for answer in await _ask(session, options, {"operation": "get", **_wanted(options)}, docs):
            _reported(answer, "found")
            found += answer.docs
    return found


async def count(session: Session, options: ReadOptions) -> int:
    """Return how many Documents are kept. Raises Unavailable where a shard is missing."""
    (answer,) = await _ask(session, options, {"operation": "count"})
    _complete(answer)
    return int(_reported(answer, "count"))


async def scroll(session: Session, cursor: str, page_size: int, options: ReadOptions) -> AsyncGenerator[Document, None]:
    """Give all Documents in the order of their ids, fetched page by page. Raises Unavailable where a shard is missing.

    Writes may go on meanwhile: a Document that is there all the time comes exactly once.
    """
    if page_size < 1:
        raise InvalidRequest(f"page_size: {page_size} is not a number above 0")
    limits = await session.limits()
    asked = {"operation": "scroll", "limit": page_size, "max_bytes": page_bytes(limits.max_message_bytes)}
    while True:
        (answer,) = await _ask(session, options, {**asked, "cursor": cursor, **_wanted(options)})
        _complete(answer)
        cursor = str(_reported(answer, "cursor"))
        for doc in answer.docs:
            yield doc
        if not cursor:
            return


async def stats(session: Session, options: ReadOptions) -> dict[str, Any]:
    """Return what is kept, in numbers: of the Flow, and under `pods` of each Pod and its shards."""
    (answer,) = await _ask(session, options, {"operation": "stats"})
    return statistics(_reported(answer, "stats"))


async def _ask(
    session: Session, options: ReadOptions, parameters: Mapping[str, Any], docs: Sequence[Document] = ()
) -> list[Answer]:
    """Return the answers to one question: several where it was late and was split. Raises what went wrong."""
    for name in options:
        if name not in ReadOptions.__annotations__:
            known = ", ".join(ReadOptions.__annotations__)
            raise InvalidRequest(f"{name}: is not an option of a call that reads; known: {known}")
    timeout = options.get("timeout")
    asked = header("read", parameters=parameters, timeout=timeout)
    asked.id = secrets.token_hex(8)
    envelope = pea_pb2.Envelope(header=asked, bodies=[request_body(Batch(list(docs))) if docs else b""])
    future: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
    session.submit(Pending("read", envelope, envelope.ByteSize(), len(docs), timeout, future))
    answers = await future
    for answer in answers:
        if answer.error is not None:
            raise answer.error
    return answers


def _wanted(options: ReadOptions) -> dict[str, Any]:
    """Return the parameters that say what Documents come with."""
    return {"embeddings": options.get("embeddings", False)}


def _reported(answer: Answer, name: str) -> Any:
    if name not in answer.report:
        raise InvalidRequest(NOTHING_KEPT)
    return answer.report[name]


def _complete(answer: Answer) -> None:
    coverage = answer.coverage
    if coverage is not None and coverage.answered < coverage.total:
        raise Unavailable(
            f"{coverage.answered} of {coverage.total} shards have answered; what the others keep is missing; try again"
        )
