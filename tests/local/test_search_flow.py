"""Documents through a real Flow: cut, encoded in two branches, joined, indexed in two shards, found, ranked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from peavine.client import Client
from peavine.local.runner import LocalFlow

INDEX = """!CompoundExecutor
components:
- !CompoundIndexer {metas: {name: store}, with: {metric: cosine}}
- !Chunk2DocRanker {}
requests:
  on:
    [index, update, delete]:
    - !VectorIndexDriver {executor: store.NumpyIndexer, traversal_paths: [c]}
    - !KVIndexDriver {executor: store.BinaryPbIndexer, traversal_paths: [r, c]}
    search:
    - !VectorSearchDriver {executor: store.NumpyIndexer, traversal_paths: [c], top_k: 20, priority: 2}
    - !KVSearchDriver {executor: store.BinaryPbIndexer, traversal_paths: [cm]}
    - !Chunk2DocRankDriver {executor: Chunk2DocRanker, keep_source_matches_as_chunks: true}
    - !KVSearchDriver {executor: store.BinaryPbIndexer, traversal_paths: [m]}
"""
ENCODE = """!HashingTextEncoder
requests: {on: {[index, search, update]: [!EncodeDriver {traversal_paths: [c]}], delete: []}}
"""
PODS: list[dict[str, Any]] = [
    {"name": "cut", "uses": "!Sentencizer {}"},
    {"name": "left", "uses": ENCODE, "needs": ["cut"]},
    {"name": "right", "uses": ENCODE, "needs": ["cut"]},
    {"name": "both", "uses": "_concat", "needs": ["left", "right"]},
    {"name": "index", "uses": INDEX, "shards": 2},
]
PAGES = {
    "shoes": "Red shoes run fast. They are light.",
    "boats": "A boat sails on the sea. It needs wind.",
    "bread": "Bread is baked from flour. It smells good.",
    "trees": "Trees grow slowly. They give shade.",
}


BUILT_INS: list[dict[str, Any]] = [
    {"name": "cut", "uses": "Sentencizer"},
    {"name": "encode", "uses": "HashingTextEncoder"},
    {"name": "index", "uses": "_index"},
    {"name": "rank", "uses": "Chunk2DocRanker"},
]


@pytest.mark.parametrize("shards", [1, 2])
@pytest.mark.parametrize("pods", [BUILT_INS, BUILT_INS[:3]], ids=["with a ranker", "without a ranker"])
def test_built_ins_find_whole_documents_best_first_with_the_best_part(
    start_flow: Any, pods: list[dict[str, Any]], shards: int
) -> None:
    running: LocalFlow = start_flow(*[{**pod, "shards": shards} if pod["name"] == "index" else pod for pod in pods])
    with Client(running.host) as client:
        assert [pod.shards for pod in client.info().pods if pod.name == "index"] == [shards]
        client.index({"id": id, "text": text, "tags": {"n": 1}} for id, text in PAGES.items())
        boats, bread = client.search(["A boat sails.", "It smells of flour. It is baked."], top_k=2)
        client.delete(list(PAGES))
    first = boats.matches[0]
    assert (first.id, first.text, first.tags) == ("boats", PAGES["boats"], {"n": 1})
    assert first.chunks[0].text == "A boat sails on the sea."
    assert [match.score.rank for match in boats.matches] == sorted(match.score.rank for match in boats.matches)
    assert len(boats.matches) == 2
    assert all(match.text == PAGES[match.id] for query in (boats, bread) for match in query.matches)
    assert bread.matches[0].id == "bread"


@pytest.fixture
def flow(start_flow: Any) -> Iterator[httpx.Client]:
    """Return a client of the Flow, with the pages indexed and nothing else."""
    running: LocalFlow = start_flow(*PODS)
    with httpx.Client(base_url=running.url, timeout=30) as client:
        docs = [{"id": id, "text": text, "tags": {"words": len(text.split())}} for id, text in PAGES.items()]
        assert client.post("/v1/index", json={"docs": docs}).status_code == 200
        yield client


def search(flow: httpx.Client, text: str, **asked: Any) -> list[dict[str, Any]]:
    answer = flow.post("/v1/search", json={"docs": [{"text": text}], **asked})
    assert answer.status_code == 200, answer.text
    matches: list[dict[str, Any]] = answer.json()["docs"][0].get("matches", [])
    return matches


@pytest.mark.parametrize(
    ("text", "page"), [("Red shoes run fast.", "shoes"), ("It needs wind.", "boats"), ("They give shade.", "trees")]
)
def test_a_sentence_leads_to_its_page_whatever_shard_has_it(flow: httpx.Client, text: str, page: str) -> None:
    best = search(flow, text)[0]
    assert best["id"] == page
    assert best["text"] == PAGES[page]
    assert best["tags"] == {"words": len(PAGES[page].split())}
    assert best["score"]["value"] == pytest.approx(0, abs=1e-6)
    assert best["score"]["ascending"] is True
    assert text in [chunk["text"] for chunk in best["chunks"]]


def test_matches_of_all_shards_come_best_first_and_as_many_as_asked_for(flow: httpx.Client) -> None:
    matches = search(flow, "They are light. It smells good.", top_k=3)
    scores = [match["score"]["value"] for match in matches]
    assert len(matches) == 3
    assert scores == sorted(scores)
    assert {matches[0]["id"], matches[1]["id"]} == {"shoes", "bread"}


def test_an_update_and_a_delete_take_the_sentences_along(flow: httpx.Client) -> None:
    updated = flow.post("/v1/update", json={"docs": [{"id": "boats", "text": "A submarine dives."}]})
    assert updated.status_code == 200, updated.text
    assert flow.post("/v1/delete", json={"ids": ["trees", "unknown"]}).status_code == 200
    sentences = {
        chunk["text"] for match in search(flow, "It needs wind. They give shade.") for chunk in match["chunks"]
    }
    assert "A submarine dives." in sentences
    assert not {"A boat sails on the sea.", "It needs wind.", "They give shade.", "Trees grow slowly."} & sentences


def test_a_wrong_parameter_is_refused_with_a_suggestion(flow: httpx.Client) -> None:
    answer = flow.post("/v1/search", json={"docs": [{"text": "x"}], "parameters": {"topk": 3}})
    assert answer.status_code == 400
    assert 'did you mean "top_k"' in answer.json()["detail"]


def test_a_document_without_text_fails_its_own_request_and_is_named(flow: httpx.Client) -> None:
    answer = flow.post("/v1/search", json={"docs": [{"id": "empty"}]})
    assert answer.status_code == 400
    said = answer.json()
    assert "Document 'empty': has no text" in said["detail"]
    assert (said["pod"], said["executor"]) == ("cut", "Sentencizer")
