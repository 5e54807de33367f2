"""Keyword search through a real Flow: what is acknowledged is found by its words, in the order of one shard."""

from __future__ import annotations

import random
from typing import Any

import pytest

from peavine.client import Client
from peavine.local.runner import LocalFlow

PAGES = {
    "shoes": "Red shoes run fast. They are light.",
    "boats": "A boat sails on the sea. It needs wind.",
    "bread": "Bread is baked from flour. It smells good.",
    "trees": "Trees grow slowly near the sea. They give shade.",
}
WORDS = {"name": "words", "uses": "_words"}


def found(client: Client, query: str, **asked: Any) -> list[str]:
    return [match.id for match in client.search([query], **asked)[0].matches]


@pytest.mark.parametrize("shards", [1, 3])
def test_a_document_is_found_by_its_words_from_its_acknowledgement_until_it_is_deleted(
    start_flow: Any, shards: int
) -> None:
    running: LocalFlow = start_flow({**WORDS, "shards": shards})
    with Client(running.host) as client:
        client.index({"id": id, "text": text, "tags": {"n": 1}} for id, text in PAGES.items())
        best = client.search(["SEA wind"])[0].matches
        assert [match.id for match in best] == ["boats", "trees"]
        assert best[0].text == PAGES["boats"]
        assert best[0].tags == {"n": 1}
        assert best[0].score is not None
        assert best[0].score.ascending is False
        assert best[0].score.value > best[1].score.value > 0
        assert found(client, '"the sea"') == ["boats", "trees"]
        assert found(client, '"sea it"') == ["boats"]
        assert found(client, "flo*") == ["bread"]
        assert found(client, "shoos~1") == ["shoes"]
        assert found(client, "nothing") == []
        client.update([{"id": "boats", "text": "A submarine dives."}])
        assert found(client, "sea") == ["trees"]
        assert found(client, "submarine") == ["boats"]
        client.delete(["trees"])
        assert found(client, "sea") == []


def test_matches_say_which_words_were_found_when_they_are_asked_to(start_flow: Any) -> None:
    running: LocalFlow = start_flow({**WORDS, "executor": {"with": {"language": "english"}}})
    with Client(running.host) as client:
        client.index({"id": id, "text": text} for id, text in PAGES.items())
        (match,) = client.search(["growing shades"], parameters={"highlight": True})[0].matches
        places = match.tags["highlights"]["text"]
        assert [(match.text or "")[int(begin) : int(end)] for begin, end in places] == ["grow", "shade"]
        assert "highlights" not in client.search(["growing"])[0].matches[0].tags


def test_shards_rank_exactly_as_one_shard_does(start_flow: Any) -> None:
    chosen = random.Random(7)
    vocabulary = [f"w{number}" for number in range(60)]
    docs = [
        {"id": f"d{n}", "text": " ".join(chosen.choices(vocabulary, range(60, 0, -1), k=chosen.randint(1, 12)))}
        for n in range(300)
    ]
    queries = [" ".join(chosen.choices(vocabulary, k=3)) for _ in range(20)]
    queries += ['"w1 w2"', "w1* w30", "w12~1", "w1 w1 w2"]
    answers = []
    for shards in (1, 3):
        running: LocalFlow = start_flow({**WORDS, "name": "ranked", "shards": shards})
        with Client(running.host) as client:
            client.index(docs)
            client.delete([f"d{n}" for n in range(0, 300, 7)])
            answers.append(
                [[(match.id, match.score.value) for match in doc.matches if match.score]
                 for doc in client.search(queries, top_k=20)]
            )  # fmt: skip
    assert answers[0] == answers[1]
    assert sum(map(bool, answers[0])) > 20
