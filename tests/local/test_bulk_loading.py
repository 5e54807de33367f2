"""Many Documents for an Executor that is slow with each: they all arrive, whatever a request may take."""

from collections.abc import Callable, Iterator

import pytest

from peavine.client import Answer, Client
from peavine.documents import Document
from peavine.errors import DeadlineExceeded
from peavine.local.runner import LocalFlow


@pytest.fixture(scope="module")
def slow(start_flow: Callable[..., LocalFlow], obedient: LocalFlow) -> LocalFlow:
    """Return a Flow that does what a text says, in 3 seconds at most."""
    pods = [pod.manifest() for pod in obedient.flow.spec.pods]
    timeouts = dict.fromkeys(("timeoutSeconds", "indexTimeoutSeconds", "trainTimeoutSeconds"), 3)
    return start_flow(*pods, **timeouts)


@pytest.fixture
def client(slow: LocalFlow) -> Iterator[Client]:
    with Client(slow.host) as opened:
        yield opened


def docs(count: int, seconds: float) -> Iterator[Document]:
    for number in range(count):
        yield Document(id=str(number), text=f"sleep {seconds}")


@pytest.mark.parametrize("kind", ["index", "search", "update", "train"])
def test_requests_that_are_late_are_split_until_they_are_answered_in_time(client: Client, kind: str) -> None:
    # 10 Documents of 0.4 s take longer than the 3 s of a request, 5 do not.
    found = list(client.stream(kind, docs(10, 0.4), request_size=10, fields=["tags"]))
    assert [doc.id for doc in found] == [str(number) for number in range(10)]
    assert all(doc.tags == {"seen": True} for doc in found)


def test_documents_to_delete_are_split_too(client: Client) -> None:
    assert client.delete((str(number) for number in range(100)), request_size=50).documents == 100


def test_without_a_request_size_the_client_finds_one_that_is_answered_in_time(client: Client) -> None:
    sizes: list[int] = []
    summary = client.index(docs(30, 0.2), on_done=lambda answer: sizes.append(answer.documents))
    assert (summary.documents, summary.failed) == (30, 0)
    assert sizes[-1] <= 2 < sizes[0]
    settled, sizes[:] = sizes[-1], []
    quick = client.index(docs(3000, 0), on_done=lambda answer: sizes.append(answer.documents))
    assert quick.documents == 3000
    assert max(sizes) > 2 * settled


def test_a_document_that_is_late_alone_is_named_with_the_remedy_and_the_others_are_answered(client: Client) -> None:
    texts = ["fine"] * 3 + ["sleep 3.8"] + ["fine"] * 2
    failed: list[Answer] = []
    found = list(
        client.stream(
            "index",
            [Document(id=f"doc-{place}", text=text) for place, text in enumerate(texts)],
            request_size=6,
            on_error=failed.append,
        )
    )
    assert [doc.id for doc in found] == ["doc-0", "doc-1", "doc-2", "doc-4", "doc-5"]
    (late,) = failed
    assert isinstance(late.error, DeadlineExceeded)
    assert late.documents == 1
    for word in ("Document 'doc-3'", "waited", 'Pod "obey"', "indexTimeoutSeconds", "replicas"):
        assert word in str(late.error)


def test_a_single_document_that_is_late_ends_the_call_at_once(client: Client) -> None:
    sent = 0

    def inputs() -> Iterator[Document]:
        nonlocal sent
        for number in range(10):
            sent += 1
            yield Document(id=f"doc-{number}", text="sleep 1")

    with pytest.raises(DeadlineExceeded, match=r"Document 'doc-0'.*obey"):
        client.search(inputs(), request_size=1, timeout=0.3)
    assert sent <= 10
