import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine.client.items import Inputs
from peavine.client.requests import Cut, bodies
from peavine.documents import Document
from peavine.errors import InvalidRequest
from peavine.wire import batch_from_bytes

MAX = 1 << 20


async def here(work: Any, /, *arguments: Any) -> Any:
    return work(*arguments)


def by(size: int) -> Callable[[], Awaitable[Cut]]:
    async def wanted() -> Cut:
        return Cut(size, 64)

    return wanted


async def cut(inputs: Inputs, size: int, max_bytes: int = MAX, kind: str = "index") -> list[list[Document]]:
    found = []
    async for body in bodies(inputs, kind, by(size), max_bytes, here):
        assert len(body.data) <= max_bytes
        docs = batch_from_bytes(body.data).docs
        assert len(docs) == body.documents
        found.append(docs)
    return found


@given(st.integers(0, 60), st.integers(1, 25), st.booleans())
def test_every_item_is_in_one_request_in_order(count: int, size: int, asynchronous: bool) -> None:
    async def later() -> AsyncIterator[str]:
        for number in range(count):
            yield f"text {number}"

    texts = [f"text {number}" for number in range(count)]
    found = asyncio.run(cut(later() if asynchronous else texts, size))
    assert [doc.text for docs in found for doc in docs] == texts
    assert all(len(docs) == size for docs in found[:-1])


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_the_size_is_asked_for_whenever_more_is_cut_and_no_sooner(asynchronous: bool) -> None:
    read = 0
    asked = []

    def numbers() -> Iterator[str]:
        nonlocal read
        for number in range(14):
            read += 1
            yield str(number)

    async def later() -> AsyncIterator[str]:
        for number in numbers():
            yield number

    async def doubling() -> Cut:
        asked.append(read)
        return Cut(2 ** len(asked), 1)

    found = [
        body.documents async for body in bodies(later() if asynchronous else numbers(), "index", doubling, MAX, here)
    ]
    assert found == [2, 4, 8]
    assert asked[:3] == [0, 2, 6]


async def test_a_request_that_would_be_too_large_becomes_several() -> None:
    texts = [str(number) * 1000 for number in range(10)]
    found = await cut(texts, 10, max_bytes=8000)
    assert [doc.text for docs in found for doc in docs] == texts
    assert len(found) > 1


async def test_a_document_that_is_too_large_alone_is_named() -> None:
    with pytest.raises(InvalidRequest, match=r"Document 'big' has .* bytes, and the Flow takes"):
        await cut([Document(id="small", text="x"), Document(id="big", text="x" * 9000)], 10, max_bytes=8000)


async def test_what_a_failing_generator_gave_before_is_sent_and_then_its_error_comes() -> None:
    def failing() -> Iterator[str]:
        for number in range(25):
            yield f"text {number}"
        raise OSError("the disk is gone")

    found = bodies(failing(), "index", by(10), MAX, here)
    assert [(await anext(found)).documents for _ in range(3)] == [10, 10, 5]
    with pytest.raises(OSError, match="the disk is gone"):
        await anext(found)


async def test_groundtruths_travel_with_their_documents() -> None:
    pairs = [(Document(id=f"q{n}"), Document(id=f"t{n}")) for n in range(5)]
    async for body in bodies(pairs, "search", by(2), MAX, here):
        batch = batch_from_bytes(body.data)
        assert [doc.id[1:] for doc in batch.docs] == [truth.id[1:] for truth in batch.groundtruths]


async def test_pairs_and_single_documents_do_not_mix() -> None:
    with pytest.raises(InvalidRequest, match="1 of 2 have a ground truth"):
        await cut([("a", "b"), "c"], 10)


async def test_strings_to_delete_are_ids() -> None:
    (docs,) = await cut(["a", "b"], 10, kind="delete")
    assert [doc.id for doc in docs] == ["a", "b"]
