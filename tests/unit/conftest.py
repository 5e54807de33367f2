"""Ways to draw Documents and their parts: `st.from_type(Document)` in any unit test gives a whole tree of them.

How long an example takes says nothing about the code on a machine that is busy, so no test fails for that.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from peavine.documents import Document, Score, Sparse
from peavine.documents.tensor import DTYPES

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.integers(0, 2**32 - 1)
FLOATS = st.floats(allow_nan=False)
ARRAYS = st.sampled_from(sorted(DTYPES)).flatmap(
    lambda name: arrays.arrays(np.dtype(name), arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
)


@st.composite
def sparse(draw: st.DrawFn) -> Sparse:
    dense = draw(arrays.arrays(np.float32, st.tuples(st.integers(0, 3), st.integers(0, 3))))
    coo = Sparse.from_dense(dense)
    if draw(st.booleans()):
        return coo
    pointers = np.concatenate([[0], np.cumsum(np.count_nonzero(dense, axis=1))])
    return Sparse(pointers, coo.columns, coo.values, (dense.shape[0], dense.shape[1]), "csr")


TENSORS = ARRAYS | sparse()
SCORES = st.recursive(
    st.builds(Score, FLOATS, NAMES, NAMES, st.just([]), NAMES, st.booleans()),
    lambda inner: st.builds(Score, FLOATS, NAMES, NAMES, st.lists(inner, max_size=2), NAMES, st.booleans()),
    max_leaves=3,
)
TAGS = st.dictionaries(
    NAMES,
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | NAMES,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
        max_leaves=3,
    ),
    max_size=3,
)
CONTENTS = st.one_of(
    st.just({}),
    NAMES.map(lambda text: {"text": text}),
    st.binary(max_size=8).map(lambda buffer: {"buffer": buffer}),
    TENSORS.map(lambda tensor: {"tensor": tensor}),
)


def documents(children: st.SearchStrategy[list[Document]]) -> st.SearchStrategy[Document]:
    fields: dict[str, st.SearchStrategy[Any]] = {
        "id": st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
        "embedding": st.none() | TENSORS,
        "chunks": children,
        "matches": children,
        "tags": TAGS,
        "uri": NAMES,
        "mime_type": NAMES,
        "modality": NAMES,
        "weight": st.none() | FLOATS,
        "location": st.lists(NUMBERS, max_size=3),
        "score": st.none() | SCORES,
        "evaluations": st.lists(SCORES, max_size=2),
        "level_name": NAMES,
    }
    places = dict.fromkeys(("granularity", "adjacency", "siblings", "offset"), NUMBERS)
    return st.builds(
        made, st.fixed_dictionaries({}, optional=fields), CONTENTS, st.fixed_dictionaries({}, optional=places)
    )


def made(fields: dict[str, Any], content: dict[str, Any], places: dict[str, Any]) -> Document:
    """Return a Document; places are chosen freely only where no children have theirs from it."""
    has_children = fields.get("chunks") or fields.get("matches")
    return Document(**fields, **content, **({} if has_children else places))


TREES = st.recursive(documents(st.just([])), lambda inner: documents(st.lists(inner, max_size=2)), max_leaves=4)

st.register_type_strategy(Sparse, sparse())
st.register_type_strategy(Score, SCORES)
st.register_type_strategy(Document, TREES)
