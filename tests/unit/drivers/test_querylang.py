from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine.documents import Batch, Document, Score
from peavine.drivers import Query, Task
from peavine.drivers.lookup import OPERATORS, condition, field_value
from peavine.drivers.querylang import FilterQL, ReverseQL, SliceQL, SortQL
from peavine.errors import InvalidRequest

DOC = Document(
    id="a",
    text="Red Shoes",
    tags={"price": 9.5, "sizes": [40, 41], "maker": {"name": "ACME"}},
    score=Score(0.5, operands=[Score(2.0)]),
    chunks=[Document(id="c", text="red")],
    embedding=[1.0, 2.0],
)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("id", "a"),
        ("tags__price", 9.5),
        ("tags__sizes__1", 41),
        ("tags__sizes__9", None),
        pytest.param(f"tags__sizes__{'9' * 5000}", None, id="a place of 5,000 digits"),
        ("tags__sizes__x", None),
        ("tags__maker__name", "ACME"),
        ("tags__unknown__deep", None),
        ("score__value", 0.5),
        ("score__operands__0__value", 2.0),
        ("chunks__0__text", "red"),
        ("text__upper", None),
        ("embedding__shape", None),
        ("score____class__", None),
    ],
)
def test_a_field_is_found_by_its_path_and_nothing_else_of_python_is(path: str, value: Any) -> None:
    assert field_value(DOC, path) == value


@pytest.mark.parametrize(
    ("lookup", "holds"),
    [
        ({"tags__price": 9.5}, True),
        ({"tags__price__exact": 9}, False),
        ({"tags__price__neq": 9}, True),
        ({"tags__unknown__neq": 9}, True),
        ({"text__contains": "Red"}, True),
        ({"text__contains": "red"}, False),
        ({"text__icontains": "SHOES"}, True),
        ({"tags__sizes__contains": 41}, True),
        ({"tags__maker__contains": "name"}, True),
        ({"id__in": ["a", "b"]}, True),
        ({"id__in": []}, False),
        ({"text__startswith": "Red"}, True),
        ({"text__istartswith": "rEd"}, True),
        ({"text__endswith": "Shoes"}, True),
        ({"text__iendswith": "shoes"}, True),
        ({"tags__price__gt": 9}, True),
        ({"tags__price__gte": 9.5}, True),
        ({"tags__price__lt": 9.5}, False),
        ({"tags__price__lte": 9.5}, True),
        ({"tags__unknown__lt": 1}, False),
        ({"text__gt": 3}, False),
        ({"text__regex": r"^R.*s$"}, True),
        ({"tags__price__regex": "9"}, False),
        ({"text__contains": "Red", "tags__price__lt": 5}, False),
        ({"embedding__exact": [1.0, 2.0]}, False),
        ({}, True),
    ],
    ids=str,
)
def test_a_lookup_holds_or_not(lookup: dict[str, Any], holds: bool) -> None:
    docs = [DOC]
    FilterQL(lookups=lookup, traversal_paths=("r",)).run([Task([Batch(docs)])], None, "search")
    assert bool(docs) is holds


ANYTHING = st.none() | st.booleans() | st.floats() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)


@given(st.sampled_from(sorted(OPERATORS)), ANYTHING, ANYTHING)
def test_no_value_makes_a_lookup_fail(operator: str, value: Any, wanted: Any) -> None:
    try:
        field, asked, wanted = condition(f"tags__x__{operator}", wanted)
    except ValueError:
        return
    assert OPERATORS[asked](field_value(Document(tags={"x": value}), field), wanted) in (True, False)


@pytest.mark.parametrize(
    ("lookups", "said"),
    [
        ({"tagz__a": 1}, 'no field "tagz"; did you mean "tags"?'),
        ({"score__valu": 1}, 'a score has no field "valu"; did you mean "value"?'),
        ({"text__in": "abc"}, "needs a list"),
        ({"text__regex": "("}, "regular expression"),
        ({"text__regex": "a" * 300}, "at most 200 characters"),
    ],
    ids=str,
)
def test_a_wrong_lookup_is_refused(lookups: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match="lookups") as caught:
        FilterQL(lookups=lookups)
    assert said in str(caught.value)


FILTER = "!Executor {requests: {on: {search: [!FilterQL {traversal_paths: [m], lookups: {text__regex: '^a'}}]}}}"


def test_a_request_can_set_what_is_filtered_but_no_pattern_that_takes_for_ever(ask: Any) -> None:
    docs = [Document(matches=[Document(text="ab"), Document(text="cd")])]
    assert [match.text for match in ask(FILTER, "search", docs).docs[0].matches] == ["ab"]
    answer = ask(FILTER, "search", docs, lookups={"text__contains": "d"})
    assert [match.text for match in answer.docs[0].matches] == ["cd"]
    with pytest.raises(InvalidRequest, match="regular expression can stand in the Executor's YAML only"):
        ask(FILTER, "search", docs, queries=[Query("FilterQL", {"lookups": {"text__regex": "(a+)+$"}}, 5)])


NUMBERED = st.lists(st.integers(0, 9), max_size=8)


def numbered(numbers: list[int]) -> tuple[Batch, list[Document]]:
    docs = [Document(id=f"{place}", tags={"n": n}) for place, n in enumerate(numbers)]
    return Batch(list(docs), [Document(id=f"truth{place}") for place, _ in enumerate(numbers)]), docs


def paired(batch: Batch) -> bool:
    return [doc.id for doc in batch.groundtruths] == [f"truth{doc.id}" for doc in batch.docs]


@given(NUMBERED, st.booleans())
def test_sorting_is_stable_and_groundtruths_follow(numbers: list[int], reverse: bool) -> None:
    batch, docs = numbered(numbers)
    SortQL(field="tags__n", reverse=reverse, traversal_paths=("r",)).run([Task([batch])], None, "search")
    assert batch.docs == sorted(docs, key=lambda doc: doc.tags["n"], reverse=reverse)
    assert paired(batch)


@given(NUMBERED, st.integers(-9, 9), st.none() | st.integers(-9, 9))
def test_a_slice_is_pythons(numbers: list[int], start: int, end: int | None) -> None:
    batch, docs = numbered(numbers)
    SliceQL(start=start, end=end, traversal_paths=("r",)).run([Task([batch])], None, "search")
    assert batch.docs == docs[start:end]
    assert paired(batch)


@given(NUMBERED)
def test_reversing_twice_changes_nothing(numbers: list[int]) -> None:
    batch, docs = numbered(numbers)
    ReverseQL(traversal_paths=("r",)).run([Task([batch])], None, "search")
    assert batch.docs == docs[::-1]
    assert paired(batch)
    ReverseQL(traversal_paths=("r",)).run([Task([batch])], None, "search")
    assert batch.docs == docs


@given(NUMBERED, st.integers(0, 9))
def test_a_filter_keeps_the_order_of_what_it_keeps(numbers: list[int], limit: int) -> None:
    batch, docs = numbered(numbers)
    FilterQL(lookups={"tags__n__lt": limit}, traversal_paths=("r",)).run([Task([batch])], None, "search")
    assert batch.docs == [doc for doc in docs if doc.tags["n"] < limit]
    assert paired(batch)


@pytest.mark.parametrize(("ascending", "order"), [(True, "low high none"), (False, "high low none")])
def test_sorting_by_score_puts_the_best_first_and_the_unscored_last(ascending: bool, order: str) -> None:
    docs = [Document(id="none"), *(Document(id=id, score=Score(value, ascending=ascending))
                                   for id, value in (("high", 2.0), ("low", 0.0)))]  # fmt: skip
    SortQL(field="score", traversal_paths=("r",)).run([Task([Batch(docs)])], None, "search")
    assert " ".join(doc.id for doc in docs) == order


def test_what_has_no_order_comes_last() -> None:
    values = ["b", 2, None, "a", 1, [1], float("nan")]
    docs = [Document(id=str(place), tags={"n": value}) for place, value in enumerate(values)]
    SortQL(field="tags__n", traversal_paths=("r",)).run([Task([Batch(docs)])], None, "search")
    assert [doc.tags["n"] for doc in docs][:4] == [1, 2, "a", "b"]


def test_each_request_is_arranged_for_itself(make: Any, new_call: Any) -> None:
    from peavine.wire import batch_from_bytes

    runner = make("!Executor {requests: {on: {search: [!SliceQL {traversal_paths: [r], end: 1}]}}}")
    calls = [new_call([Document(id="a"), Document(id="b")]), new_call([Document(id="c"), Document(id="d")])]
    runner.run("search", calls)
    assert [[doc.id for doc in batch_from_bytes(call.body).docs] for call in calls] == [["a"], ["c"]]


def drive(driver: str) -> str:
    return f"!Executor {{requests: {{on: {{search: [{driver}]}}}}}}"


def test_selecting_and_excluding_empty_fields(ask: Any) -> None:
    docs = [Document(id="a", text="x", uri="u", tags={"n": 1.0}, weight=1, chunks=[Document(id="c", text="y")])]
    only = ask(drive("!SelectQL {fields: [uri, chunks]}"), "search", docs).docs[0]
    assert only.to_dict() == {"id": "a", "uri": "u", "chunks": [{"id": "c"}]}
    without = ask(drive("!ExcludeQL {fields: [text, tags, chunks]}"), "search", docs).docs[0]
    assert without.to_dict() == {"id": "a", "uri": "u", "weight": 1.0}
    kept = ask(drive("!ExcludeQL {fields: [buffer]}"), "search", docs).docs[0]
    assert kept == docs[0]


def test_the_parts_of_a_request_can_be_emptied(ask: Any) -> None:
    docs, truths = [Document(id="a")], [Document(id="t")]
    answer = ask(drive("!SelectReqQL {fields: [docs]}"), "search", docs, truths=truths)
    assert (len(answer.docs), len(answer.groundtruths)) == (1, 0)
    answer = ask("_clear", "search", docs, truths=truths)
    assert (len(answer.docs), len(answer.groundtruths)) == (0, 0)
