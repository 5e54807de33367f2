import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from peavine.client.answer import Answer
from peavine.client.pending import Pending, take
from peavine.documents import Document
from peavine.errors import DeadlineExceeded
from peavine.v1 import pea_pb2
from peavine.wire import batch_from_bytes, batch_to_bytes
from peavine.wire.header import header
from peavine.wire.unit import MAX_BYTES, MAX_ITEMS


def made(requests: list[tuple[str, int]]) -> list[Pending]:
    loop = asyncio.new_event_loop()
    futures = [loop.create_future() for _ in requests]
    loop.close()
    return [
        Pending(kind, pea_pb2.Envelope(), size, 1, None, future)
        for (kind, size), future in zip(requests, futures, strict=True)
    ]


@given(st.lists(st.tuples(st.sampled_from(["index", "search"]), st.integers(1, 100_000)), max_size=200))
def test_units_keep_the_order_and_the_bounds_and_lose_nothing(requests: list[tuple[str, int]]) -> None:
    pending = made(requests)
    waiting, sent = list(pending), []
    while waiting:
        unit = take(waiting, MAX_ITEMS, partial=True)
        assert 1 <= len(unit) <= MAX_ITEMS
        assert len({request.kind for request in unit}) == 1
        assert len(unit) == 1 or sum(request.size for request in unit) <= MAX_BYTES
        sent += unit
    assert sent == pending


def test_without_partial_a_unit_waits_until_it_is_full() -> None:
    waiting = made([("search", 100)] * (MAX_ITEMS - 1))
    assert take(waiting, MAX_ITEMS, partial=False) == []
    waiting += made([("search", 100)])
    assert len(take(waiting, MAX_ITEMS, partial=False)) == MAX_ITEMS


def test_what_may_be_out_bounds_a_unit_and_makes_it_full() -> None:
    waiting = made([("search", 100)] * 5)
    assert len(take(waiting, 3, partial=False)) == 3
    assert len(waiting) == 2


def test_a_large_request_is_full_by_itself() -> None:
    waiting = made([("index", MAX_BYTES + 1)])
    assert len(take(waiting, MAX_ITEMS, partial=False)) == 1


def test_another_kind_ends_a_unit() -> None:
    waiting = made([("index", 10), ("search", 10)])
    assert [request.kind for request in take(waiting, MAX_ITEMS, partial=False)] == ["index"]


def request(*names: str, truths: bool = False, **fields: Any) -> Pending:
    body = batch_to_bytes([Document(id=name) for name in names], [Document(id=f"t{n}") for n in names if truths])
    envelope = pea_pb2.Envelope(header=header("index", **fields), bodies=[body])
    envelope.header.id = "one"
    answers: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
    return Pending("index", envelope, envelope.ByteSize(), len(names), fields.get("timeout"), answers)


def ids(pending: Pending) -> tuple[list[str], list[str]]:
    batch = batch_from_bytes(pending.envelope.bodies[0])
    return [doc.id for doc in batch.docs], [doc.id for doc in batch.groundtruths]


async def test_a_request_splits_into_halves_that_keep_all_that_it_says() -> None:
    whole = request("a", "b", "c", "d", "e", truths=True, timeout=3, parameters={"top_k": 2})
    whole.attempts, whole.deadline, whole.patience = 2, 10.0, 50.0
    whole.envelope.header.timeout = 0.01  # what was left of its time when it was last sent
    first, second = whole.split()
    assert ids(first) == (["a", "b", "c"], ["ta", "tb", "tc"])
    assert ids(second) == (["d", "e"], ["td", "te"])
    for half in (first, second):
        said = half.envelope.header
        assert (said.kind, said.timeout, said.parameters["top_k"]) == (pea_pb2.INDEX, 3, 2)
        assert (half.attempts, half.deadline, half.patience) == (0, None, 50.0)
        assert half.size == half.envelope.ByteSize()
    assert len({part.envelope.header.id for part in (whole, first, second, *first.split())}) == 5


async def test_parts_keep_the_order_of_writes_that_came_before_and_after_their_request() -> None:
    whole = request("a", "b", "c")
    whole.envelope.header.version = 100  # so that 100, 101 and 102 are its own
    first, second = whole.split()
    versions = [part.envelope.header.version for part in (*first.split(), *second.split())]
    assert versions == [100, 101, 102]
    assert [part.envelope.header.version for part in request("a", "b").split()] == [0, 0]


async def test_the_answers_of_the_parts_are_the_requests_in_the_order_of_its_documents() -> None:
    whole = request("a", "b", "c")
    first, second = whole.split()
    a, b = first.split()
    second.fail(DeadlineExceeded("too slow"))
    for part in (b, a):
        part.succeed(Answer(part.envelope.header.id, "index", 1))
    assert [(answer.documents, answer.error is None) for answer in await whole.answers] == [
        (1, True), (1, True), (1, False),
    ]  # fmt: skip
    assert [answer.id for answer in await whole.answers] == [part.envelope.header.id for part in (a, b, second)]


async def test_an_answer_to_the_whole_that_still_comes_counts_and_its_parts_are_no_longer_awaited() -> None:
    whole = request("a", "b")
    first, second = whole.split()
    answer = Answer("one", "index", 2)
    whole.succeed(answer)
    assert await whole.answers == [answer]
    await asyncio.wait([first.answers, second.answers])
    assert first.answers.cancelled()
    assert second.answers.cancelled()
    first.succeed(Answer("late", "index", 1))


async def test_a_request_whose_call_has_ended_ends_with_its_parts() -> None:
    whole = request("a", "b", "c")
    first, _ = whole.split()
    smallest = first.split()[0]
    whole.answers.cancel()
    await asyncio.wait([smallest.answers])
    assert smallest.answers.cancelled()


async def test_a_single_document_is_its_own_part_and_a_message_names_it() -> None:
    (again,) = request("doc-7").split()
    assert ids(again) == (["doc-7"], [])
    assert again.lates == 1
    assert again.named() == "Document 'doc-7'"
    assert request("a", "b").named() == "2 Documents from 'a' on"
    assert request().named() == "index request without Documents"
