from __future__ import annotations

import pytest

from peavine.drivers import Runner, Traversing, build, registry
from peavine.drivers.defaults import DEFAULTS
from peavine.errors import ManifestError
from peavine.executors import Evaluator, Executor, Indexer, Ranker, builtins, load
from peavine.spec import KINDS
from peavine.yaml import Tagged

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


@pytest.mark.parametrize("family", [Ranker, Evaluator, Indexer])
def test_an_executor_of_a_family_that_says_too_little_must_name_its_drivers(family: type[Executor]) -> None:
    vague = type("Vague", (family,), dict.fromkeys(("delete", "size", "evaluate", "score"), lambda *_: 0))()
    with pytest.raises(ManifestError, match=f"Vague is only known to be of family {family.__name__}; derive it from"):
        Runner(vague)
    vague.requests_on = {"search": []}
    assert Runner(vague).passes("search")


def test_a_driver_of_a_user_is_known_by_its_name_and_cannot_take_peavines() -> None:
    made = type("ShoutDriver", (Traversing,), {"__module__": "mine", "run": lambda *_: None})
    assert build(Tagged("ShoutDriver")).__class__ is made
    with pytest.raises(TypeError, match="peavine has a Driver named EncodeDriver already"):
        type("EncodeDriver", (Traversing,), {"__module__": "mine", "run": lambda *_: None})


@pytest.mark.parametrize("former", ["RouteDriver", "ReduceDriver", "ControlReqDriver", "Blob2PngURI", "URI2DataURI"])
def test_the_name_of_a_former_driver_says_what_became_of_it(former: str) -> None:
    with pytest.raises(ManifestError, match=f'no Driver is named "{former}"; (leave it out|it is called|read files)'):
        build(Tagged(former))
