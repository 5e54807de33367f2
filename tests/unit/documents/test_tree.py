"""Chunks and matches: every Document in a tree knows where it stands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peavine.documents import Document, Score, traverse
from peavine.errors import InvalidRequest


def walk(doc: Document) -> Iterator[Document]:
    yield doc
    for child in [*doc.chunks, *doc.matches]:
        yield from walk(child)


def check(doc: Document) -> None:
    """Assert that all below a Document stand where they should."""
    for place, chunk in enumerate(doc.chunks):
        assert (chunk.granularity, chunk.adjacency) == (doc.granularity + 1, doc.adjacency)
        assert (chunk.parent_id, chunk.offset, chunk.siblings) == (doc.id, place, len(doc.chunks))
        check(chunk)
    for match in doc.matches:
        assert (match.granularity, match.adjacency) == (doc.granularity, doc.adjacency + 1)
        check(match)


@given(st.from_type(Document), st.data())
def test_places_are_right_whatever_is_done_to_the_lists(doc: Document, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 5))):
        target = data.draw(st.sampled_from(list(walk(doc))))
        docs = data.draw(st.sampled_from([target.chunks, target.matches]))
        new = data.draw(st.lists(st.from_type(Document), max_size=2))
        place = data.draw(st.integers(-3, 3))
        match data.draw(
            st.sampled_from(["append", "extend", "insert", "replace", "delete", "sort", "reverse", "iadd"])
        ):
            case "append":
                docs.append(Document())
            case "extend":
                docs.extend(new)
            case "insert":
                docs.insert(place, Document())
            case "replace":
                docs[place:] = new
            case "delete":
                del docs[:place]
            case "sort":
                docs.sort(key=lambda one: one.id)
            case "reverse":
                docs.reverse()
            case "iadd":
                docs += new
    check(doc)


def test_a_tree_that_is_appended_moves_as_a_whole() -> None:
    inner = Document(chunks=[Document(chunks=[Document()], matches=[Document()])])
    outer = Document(id="outer")
    outer.matches.append(inner)
    leaf = inner.chunks[0].chunks[0]
    assert (leaf.granularity, leaf.adjacency) == (2, 1)
    assert (inner.chunks[0].matches[0].granularity, inner.chunks[0].matches[0].adjacency) == (1, 2)


def test_chunks_inherit_the_type_unless_they_have_their_own() -> None:
    doc = Document(mime_type="text/plain")
    doc.chunks.extend([Document(), Document(mime_type="image/png")])
    assert [chunk.mime_type for chunk in doc.chunks] == ["text/plain", "image/png"]


def test_a_match_refers_to_its_query() -> None:
    query = Document(id="q", matches=[Document(score=Score(0.5)), Document(score=Score(0.1, reference="chunk"))])
    assert [match.score.reference for match in query.matches if match.score] == ["q", "chunk"]


def test_a_new_id_reaches_the_chunks() -> None:
    doc = Document(chunks=[Document()])
    doc.id = "new"
    assert doc.chunks[0].parent_id == "new"


def test_looking_at_empty_lists_changes_nothing() -> None:
    doc, other = Document(id="a"), Document(id="a")
    assert not doc.chunks
    assert list(doc.matches) == []
    assert doc.tags == {}
    assert doc.evaluations == []
    assert doc == other
    assert doc.to_dict() == {"id": "a"}


def named(id: str, chunks: str = "", matches: str = "") -> Document:
    return Document(id=id, chunks=[Document(id=one) for one in chunks], matches=[Document(id=one) for one in matches])


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("r", [(None, "docs", "a b")]),
        ("c", [("a", "chunks", "c d"), ("b", "chunks", "e")]),
        ("m", [("b", "matches", "m")]),
        ("cc", [("c", "chunks", "x")]),
        ("cm", [("d", "matches", "y z")]),
        ("mc", [("m", "chunks", "w")]),
        ("mm", []),
    ],
)
def test_a_path_leads_to_sets_of_siblings(path: str, found: list[tuple[str | None, str, str]]) -> None:
    docs = [Document(id="a", chunks=[named("c", chunks="x"), named("d", matches="yz")]),
            Document(id="b", chunks=[named("e")], matches=[named("m", chunks="w")])]  # fmt: skip
    levels = list(traverse(docs, path))
    assert [(one.parent and one.parent.id, one.edge, " ".join(doc.id for doc in one.docs)) for one in levels] == found
    assert all(one.root is None or one.root in docs for one in levels)


def test_a_level_can_be_changed_in_place() -> None:
    docs = [named("a", chunks="xyz")]
    for level in traverse(docs, "c"):
        level.docs[:] = [doc for doc in level.docs if doc.id != "y"]
    assert [(chunk.id, chunk.offset, chunk.siblings) for chunk in docs[0].chunks] == [("x", 0, 2), ("z", 1, 2)]


@pytest.mark.parametrize("path", ["", "x", "rc", "cr", "C", 7, None])
def test_a_wrong_path_is_refused(path: str) -> None:
    with pytest.raises(InvalidRequest, match="traversal path"):
        list(traverse([Document()], path))


def test_a_list_can_be_extended_by_itself_and_stays_as_it_was_where_its_source_fails() -> None:
    doc = Document(id="q", matches=[Document(id="a"), Document(id="b")])
    doc.matches.extend(doc.matches)
    assert [match.id for match in doc.matches] == ["a", "b", "a", "b"]
    with pytest.raises(ZeroDivisionError):
        doc.matches.extend(Document(id=str(1 // n)) for n in (1, 0))
    assert len(doc.matches) == 4


def test_a_list_of_chunks_is_replaced_as_a_whole_or_in_part() -> None:
    doc = named("a", chunks="xy")
    doc.chunks = reversed(list(doc.chunks))
    assert [(chunk.id, chunk.offset) for chunk in doc.chunks] == [("y", 0), ("x", 1)]
    doc.chunks[0] = Document(id="new")
    assert (doc.chunks[0].parent_id, doc.chunks[0].granularity) == ("a", 1)
    assert doc.chunks == [doc.chunks[0], doc.chunks[1]]
    assert doc.chunks != named("b", chunks="xy").chunks
    assert repr(doc.chunks) == "[Document(id='new'), Document(id='x')]"
