from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from peavine.documents import Document, Sparse
from peavine.errors import InvalidRequest

DENSE = np.array([[0, 1, 0], [2, 0, 3]], np.float32)


@pytest.mark.parametrize("layout", ["coo", "csr", "csc", "lil"])
def test_what_comes_from_scipy_goes_back_to_it(layout: str) -> None:
    matrix = scipy.sparse.csr_array(DENSE).asformat(layout)
    ours = Sparse.from_scipy(matrix)
    assert ours.layout == ("csr" if layout == "csr" else "coo")
    assert np.array_equal(ours.to_dense(), DENSE)
    assert np.array_equal(ours.to_scipy().toarray(), DENSE)


def test_a_document_takes_scipys_matrices() -> None:
    doc = Document(embedding=scipy.sparse.csr_matrix(DENSE))
    assert isinstance(doc.embedding, Sparse)
    assert np.array_equal(doc.embedding.to_dense(), DENSE)


@given(st.from_type(Sparse))
def test_scipy_sees_the_same_matrix(ours: Sparse) -> None:
    assert np.array_equal(ours.to_dense(), ours.to_scipy().toarray(), equal_nan=True)
    assert Sparse.from_scipy(ours.to_scipy()).layout == ours.layout


def test_values_at_the_same_place_are_added() -> None:
    assert Sparse([0, 0], [1, 1], [2.0, 3.0], (1, 2)).to_dense().tolist() == [[0.0, 5.0]]


@pytest.mark.parametrize(
    "arguments",
    [
        ([0], [3], [1.0], (2, 3)),
        ([2], [0], [1.0], (2, 3)),
        ([-1], [0], [1.0], (2, 3)),
        ([0], [0, 1], [1.0], (2, 3)),
        ([0.5], [0], [1.0], (2, 3)),
        ([0], [0], ["a"], (2, 3)),
        ([0], [0], [1.0], (2, 3, 4)),
        ([0, 2, 1], [0], [1.0], (2, 3), "csr"),
        ([1, 1, 1], [0], [1.0], (2, 3), "csr"),
        ([0, 1], [0], [1.0], (2, 3), "csr"),
        ([0], [0], [1.0], (2, 3), "dok"),
    ],
    ids=["column outside", "row outside", "negative row", "too many columns", "half a row", "no number", "three sizes",
         "pointers fall", "pointers begin late", "too few pointers", "unknown layout"],
)  # fmt: skip
def test_a_matrix_that_would_read_outside_itself_is_refused(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(InvalidRequest, match="sparse"):
        Sparse(*arguments)
