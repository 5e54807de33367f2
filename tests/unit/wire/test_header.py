import math
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from peavine.errors import InvalidRequest
from peavine.wire.header import header, kind_of, name_of


def test_a_header_says_what_was_asked_for() -> None:
    made = header(
        "search",
        top_k=5,
        parameters={"metric": "cosine"},
        queries=[{"driver": "RankDriver", "parameters": {"n": 2}, "priority": 7}],
        timeout=2.5,
    )
    assert MessageToDict(made.parameters) == {"metric": "cosine", "top_k": 5.0}
    assert made.timeout == 2.5
    assert (made.queries[0].driver, made.queries[0].priority, made.queries[0].disabled) == ("RankDriver", 7, False)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"top_k": 0}, "top_k: 0"),
        ({"top_k": -1}, "top_k: -1"),
        ({"top_k": True}, "top_k: True"),
        ({"top_k": 2.5}, "top_k: 2.5"),
        ({"top_k": math.inf}, "top_k: inf"),
        ({"top_k": "5"}, "top_k: '5'"),
        ({"parameters": {"top_k": 0}}, "top_k: 0"),
        ({"top_k": 5, "parameters": {"top_k": 6}}, "give one of them"),
        ({"parameters": {"a": object()}}, "parameters.a: holds what JSON does not know: object"),
        ({"parameters": {"a": [math.nan]}}, "parameters.a: nan is not a number that JSON knows"),
        ({"parameters": {"top_k": 10**400}}, "parameters.top_k: 1000"),
        ({"queries": [{"driver": "A", "parameters": {"b": "\ud800"}}]}, "queries[0].parameters['b']: is not valid"),
        ({"timeout": 0}, "timeout: 0"),
        ({"timeout": math.nan}, "timeout: nan"),
        ({"queries": [{"driver": "A"}, {"drivr": "B"}]}, 'queries[1].drivr: unknown field; did you mean "driver"'),
        ({"queries": [{}]}, "queries[0].driver: is required"),
        ({"queries": [{"driver": "A", "priority": 1.5}]}, "queries[0].priority"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        header("search", **options)
    assert says in str(refused.value)


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidRequest, match=r'"serach" is not one of .*; did you mean "search"'):
        kind_of("serach")


def test_kinds_and_their_numbers_are_one_to_one() -> None:
    for kind in ("index", "search", "update", "delete", "train"):
        assert name_of(kind_of(kind)) == kind
