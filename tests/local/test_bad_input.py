"""What is wrong is refused by name, with the right class, by a Flow that goes on as if nothing had been sent."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from peavine import Client, Document
from peavine.errors import InvalidRequest
from tests.local.conftest import StartFlow

VECTORS = {"name": "vectors", "uses": "_index", "shards": 2}


@pytest.fixture
def client(start_flow: StartFlow) -> Iterator[Client]:
    """Return a client of an index of two shards that has three Documents of three dimensions, before and after."""
    with Client(start_flow(VECTORS).host) as client:
        client.index([vector(name, i) for i, name in enumerate("abc")], progress=False)
        yield client
        assert found(client, 9) == ["a", "b", "c"]


def vector(name: str, *position: float) -> Document:
    return Document(id=name, embedding=np.array([1.0, *position, *[0.0] * (2 - len(position))], np.float32))


def found(client: Client, top_k: int) -> list[str]:
    (query,) = client.search([vector("q", 0)], top_k=top_k, progress=False)
    return sorted(match.id for match in query.matches)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (Document(id="x", embedding=np.ones(4, np.float32)), "dimension"),
        (vector("x", float("nan")), "NaN or an infinity"),
        (vector("x", float("inf")), "NaN or an infinity"),
        (Document(id="x", text="no embedding"), "embedding"),
        ({"id": "x" * 300, "embedding": [1, 2, 3]}, "300 bytes in UTF-8; at most 256"),
    ],
    ids=["a wrong dimension", "NaN", "infinity", "no embedding", "an id of 300 bytes"],
)
def test_a_document_that_cannot_be_kept_is_refused_with_its_batch(client: Client, document: Any, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        client.index([vector("good", 5), document], progress=False)
    client.delete(["good"], progress=False)  # Each shard has its own transaction: another one may have kept its part.


def test_a_query_of_a_wrong_dimension_is_refused(client: Client) -> None:
    with pytest.raises(InvalidRequest, match="dimension"):
        client.search([Document(embedding=np.ones(4, np.float32))], progress=False)


@pytest.mark.parametrize("top_k", [0, -1, 1.5, "many", True])
def test_a_top_k_that_is_no_number_of_matches_is_refused(client: Client, top_k: Any) -> None:
    with pytest.raises(InvalidRequest, match="top_k"):
        client.search([vector("q", 0)], parameters={"top_k": top_k}, progress=False)


@pytest.mark.parametrize("top_k", [1, 2, 3, 1000])
def test_a_top_k_larger_than_the_index_finds_all_there_is(client: Client, top_k: int) -> None:
    assert len(found(client, top_k)) == min(top_k, 3)


@pytest.mark.parametrize("name", ["ä", "日本 语", "😀" * 64, "a/b?c=d", "\u202e", " "], ids=ascii)
def test_any_id_of_text_is_kept_and_deleted(client: Client, name: str) -> None:
    client.index([vector(name, 0)], progress=False)
    assert name in found(client, 9)
    client.delete([name], progress=False)


def test_an_empty_id_gets_one(client: Client) -> None:
    with pytest.raises(InvalidRequest, match="id"):
        client.delete([""], progress=False)


def test_unknown_ids_are_deleted_and_updated_without_an_effect(client: Client) -> None:
    client.delete(["nobody"], progress=False)
    client.update([vector("nobody", 7)], progress=False)


def test_an_empty_index_has_no_matches_and_no_documents_are_no_error(start_flow: StartFlow) -> None:
    with Client(start_flow({"name": "empty", "uses": "_index", "shards": 2}).host) as client:
        assert found(client, 5) == []
        assert client.index([], progress=False).documents == 0


SMALL = """
import sys
from pathlib import Path
from peavine import Document, Flow
from peavine.errors import StoreFull

data = Path(sys.argv[1])
drivers = "{index: [!KVIndexDriver {}], search: [!KVSearchDriver {traversal_paths: [r]}]}"
uses = f"!BinaryPbIndexer {{requests: {{on: {drivers}}}}}"
flow = Flow("full", data=data).add("keep", uses=uses, storage={"size": "1Gi"})
kept = 0
with flow:
    (data / "ballast").write_bytes(bytes(2 << 20))
    def send(start):
        flow.index([Document(id=f"{i:05}", text="x" * 2000) for i in range(start, start + 100)], progress=False)
    try:
        for kept in range(0, 100_000, 100):
            send(kept)
    except StoreFull as error:
        assert "the disk is full" in str(error), error
    else:
        raise SystemExit("the disk was never full")
    asked = [Document(id=f"{i:05}") for i in range(kept)]
    assert all(len(answer.text or "") == 2000 for answer in flow.search(asked, progress=False))
    (data / "ballast").unlink()
    send(kept)
print(kept)
with flow:
    asked = [Document(id=f"{i:05}") for i in range(kept + 100)]
    assert all(len(answer.text or "") == 2000 for answer in flow.search(asked, progress=False))
"""


def test_a_full_disk_refuses_what_does_not_fit_and_keeps_what_it_took(tmp_path: Path) -> None:
    """Fill a file system of 12 MB that is mounted for the processes of this test only."""
    (tmp_path / "small").mkdir()
    (tmp_path / "scenario.py").write_text(SMALL)
    mount = 'mount -t tmpfs -o size=12m small "$0" && exec "$1" "$2" "$0"'
    words = [str(tmp_path / "small"), sys.executable, str(tmp_path / "scenario.py")]
    private = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    command = [*private, "sh", "-c", mount, *words]
    told = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert told.returncode == 0, told.stderr
    assert int(told.stdout.split()[-1]) > 0
