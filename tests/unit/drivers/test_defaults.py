from __future__ import annotations

import pytest

from peavine.drivers import Runner, registry
from peavine.drivers.defaults import DEFAULTS
from peavine.executors import builtins, load
from peavine.spec import KINDS

NAMES = [
    "_pass", "_index", "_merge", "_merge_chunks", "_merge_matches", "_merge_root", "_merge_matches_topk", "_merge_eval",
    "_concat", "_clear", "_logforward", "_unique", "_unique_content", "_eval_pr",
]  # fmt: skip


@pytest.mark.parametrize("family", DEFAULTS)
def test_a_family_answers_every_kind_with_drivers_that_exist(family: str) -> None:
    assert list(DEFAULTS[family]) == list(KINDS)
    assert {node.tag for nodes in DEFAULTS[family].values() for node in nodes} <= registry.keys()
    assert family in builtins()


@pytest.mark.parametrize("name", NAMES)
def test_the_drivers_of_every_built_in_name_fit(name: str) -> None:
    with load(name) as executor:
        assert list(Runner(executor).accepts)
