from __future__ import annotations

from typing import Any

import pytest

from peavine.documents import Document


def passed(ask: Any, uses: Any, kind: str, *docs: Document) -> list[str]:
    return [doc.id for doc in ask(uses, kind, docs).docs]


def doc(id: str, text: str = "") -> Document:
    return Document(id=id, text=text)


def test_an_id_passes_only_the_first_time(ask: Any) -> None:
    assert passed(ask, "_unique", "index", doc("a"), doc("b"), doc("a")) == ["a", "b"]
    assert passed(ask, "_unique", "index", doc("a"), doc("c")) == ["c"]
    assert passed(ask, "_unique", "search", doc("a")) == ["a"]
    assert passed(ask, "_unique", "update", doc("a")) == ["a"]


def test_a_content_passes_only_once_whoever_brings_it(ask: Any) -> None:
    """The predecessor ignored the content."""
    assert passed(ask, "_unique_content", "index", doc("a", "x"), doc("b", "x"), doc("c", "y")) == ["a", "c"]
    assert passed(ask, "_unique_content", "index", doc("d", "x"), doc("e", "z")) == ["e"]


def test_a_document_may_be_sent_again_with_its_content_as_a_retry_does(ask: Any) -> None:
    assert passed(ask, "_unique_content", "index", doc("a", "x")) == ["a"]
    assert passed(ask, "_unique_content", "index", doc("a", "x")) == ["a"]


@pytest.mark.parametrize("uses", ["_unique", "_unique_content"])
def test_what_is_deleted_is_forgotten(ask: Any, uses: str) -> None:
    passed(ask, uses, "index", doc("a", "x"))
    assert passed(ask, uses, "delete", doc("a")) == ["a"]
    assert passed(ask, uses, "index", doc("a", "x")) == ["a"]


def test_a_content_that_was_replaced_is_free_again(ask: Any) -> None:
    passed(ask, "_unique_content", "index", doc("a", "x"))
    passed(ask, "_unique_content", "index", doc("a", "y"))
    assert passed(ask, "_unique_content", "index", doc("b", "x"), doc("c", "y")) == ["b"]


def test_what_was_seen_can_be_tagged_instead(ask: Any) -> None:
    uses = "!DocIDCache {requests: {on: {index: [!TaggingCacheDriver {tags: {old: true}}]}}}"
    ask(uses, "index", [doc("a")])
    assert [seen.tags for seen in ask(uses, "index", [doc("a"), doc("b")]).docs] == [{"old": True}, {}]


def test_groundtruths_of_dropped_documents_are_dropped(ask: Any) -> None:
    truths = [Document(id="t1"), Document(id="t2"), Document(id="t3")]
    answer = ask("_unique", "index", [doc("a"), doc("a"), doc("b")], truths=truths)
    assert [truth.id for truth in answer.groundtruths] == ["t1", "t3"]


def test_in_one_executor_with_an_index_a_duplicate_is_not_indexed_and_a_failure_is_not_remembered(
    ask: Any, make: Any, new_call: Any
) -> None:
    runner = make(
        "!CompoundIndexer {components: [!DocIDCache {field: content_hash}, !NumpyIndexer {}]}".replace(
            "{field: content_hash}", "{with: {field: content_hash}}"
        )
    )
    broken = new_call([Document(id="a", text="x")])
    runner.run("index", [broken])
    assert "has no embedding" in str(broken.failure)
    ask(runner, "index", [Document(id="b", text="x", embedding=[1.0]), Document(id="c", text="x", embedding=[1.0])])
    found = ask(runner, "search", [Document(embedding=[1.0])]).docs[0].matches
    assert [match.id for match in found] == ["b"]
