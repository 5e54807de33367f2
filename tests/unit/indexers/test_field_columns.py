"""Columns in memory answer every condition as the reference does for each Document."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from peavine.errors import InvalidRequest
from peavine.executors.indexers.field_columns import column
from peavine.filters import Condition, check, parse_fields
from peavine.filters.fields import values_of
from peavine.filters.matching import holds, tag
from tests.unit.filters.spellings import CONDITIONS, TAGS

TYPES = [
    {"price": "number", "category": "keyword", "labels": ["keyword"], "added": "datetime", "where": "geo"},
    {"price": "datetime", "category": "geo", "labels": ["number"], "added": "text", "where": "bool"},
    {"price": ["datetime"], "category": "bool", "labels": "number", "added": ["bool"], "where": ["geo"]},
]


@given(st.sampled_from(TYPES), st.lists(TAGS, max_size=8), CONDITIONS, st.data())
def test_a_column_agrees_with_the_reference(
    declared: dict[str, Any], documents: list[dict[str, Any]], condition: Condition, data: st.DataObject
) -> None:
    fields = {name: each for name, each in parse_fields(declared).items() if name == condition.field}
    if not fields:
        return
    try:
        checked = check(condition, fields)
    except InvalidRequest:
        return
    assert isinstance(checked, Condition)
    name = condition.field
    fitting = [tags for tags in documents if not values_of(fields, tags)[1]]
    made = column(fields[name])
    made.resize(len(documents) + 2)
    for slot, tags in enumerate(fitting):
        made.put(slot, values_of(fields, documents[0])[0].get(name))  # what was there before does not count
        made.put(slot, values_of(fields, tags)[0].get(name))
    expected = [holds(checked, tag(tags, name)) for tags in fitting]
    assert made.mask(checked)[: len(fitting)].tolist() == expected
    kept = data.draw(st.permutations(range(len(fitting))))[: len(fitting) // 2 + 1]
    made.take(np.array(kept, np.intp))
    assert made.mask(checked).tolist() == [expected[slot] for slot in kept]
    assert made.nbytes >= 0
