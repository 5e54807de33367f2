"""A filter travels from each client to the shards of an index, and means the same everywhere."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import httpx
import pytest

from peavine.client import Client
from peavine.errors import InvalidRequest
from peavine.local.runner import LocalFlow

FIELDS = {"price": "number", "category": "keyword", "where": "geo", "labels": ["keyword"]}
SHOPS = [
    {
        "id": f"shop{n}",
        "text": f"shoes and boots number {n}",
        "tags": {
            "price": n,
            "category": ["shoes", "boots", "hats"][n % 3],
            "where": {"lat": n / 10, "lon": 0},
            "labels": ["new"] if n < 8 else [],
            "floor": n % 4,
        },
    }
    for n in range(40)
]


@pytest.fixture(scope="module", params=[1, 3], ids=["one shard", "three shards"])
def flow(start_flow: Any, request: pytest.FixtureRequest) -> LocalFlow:
    running: LocalFlow = start_flow(
        {"name": "encode", "uses": "HashingTextEncoder"},
        {"name": "index", "executor": {"class": "_index", "with": {"fields": FIELDS}}, "shards": request.param},
    )
    with Client(running.host) as client:
        client.index(SHOPS)
    return running


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ("price == 17", [17]),
        ('price < 10 and category in ("shoes", "boots") and not labels contains "new"', [9]),
        ({"category": "hats", "price": {"$gte": 30}}, [32, 35, 38]),
        ("where within 30 km of (1, 0)", [8, 9, 10, 11, 12]),
        ("floor == 3 and price < 12", [3, 7, 11]),
        ("price >= 0", range(40)),
        ("price > 1000", []),
    ],
    ids=str,
)
def test_top_k_documents_come_back_wherever_that_many_match(flow: LocalFlow, filter: Any, found: Any) -> None:
    with Client(flow.host) as client:
        (query,) = client.search(["boots"], filter=filter, top_k=50)
        (first,) = client.search(["boots"], filter=filter, top_k=2)
    assert {match.id for match in query.matches} == {f"shop{n}" for n in found}
    assert [match.id for match in first.matches] == [match.id for match in query.matches][:2]


def test_http_takes_both_spellings_and_reports_how_the_filter_was_applied(flow: LocalFlow) -> None:
    for filter in ("price < 2 and floor == 1", {"price": {"$lt": 2}, "floor": 1}):
        body = {"docs": [{"text": "boots"}], "filter": filter, "top_k": 9}
        answer = httpx.post(f"{flow.url}/v1/search", json=body, timeout=30).json()
        assert [match["id"] for match in answer["docs"][0]["matches"]] == ["shop1"]
        report = answer["report"]["filter"]
        assert (report["documents"], report["matching"], report["scanned"]) == (40, 1, {"floor": 40})


def test_the_command_line_takes_a_filter(flow: LocalFlow) -> None:
    command = [sys.executable, "-m", "peavine", "search", "boots", "--host", flow.host, "--json"]
    done = subprocess.run([*command, "--filter", "price == 5"], capture_output=True, text=True, timeout=60, check=True)
    assert [match["id"] for match in json.loads(done.stdout)["matches"]] == ["shop5"]


def test_a_filter_that_can_never_match_is_refused_with_the_alternative(flow: LocalFlow) -> None:
    with Client(flow.host) as client:
        with pytest.raises(InvalidRequest, match=r"no field `categry`; did you mean `category`\?"):
            client.search(["boots"], filter='categry == "hats"')
        with pytest.raises(InvalidRequest, match=r"filter: expected a value"):
            client.search(["boots"], filter="price <")
        with pytest.raises(InvalidRequest, match=r"tags\.price: must be a number, not \"cheap\""):
            client.index([{"id": "wrong", "text": "boots", "tags": {"price": "cheap"}}])
        assert len(client.search(["boots"], top_k=50)[0].matches) == 40
