"""What `from peavine import ...` offers, to programs and to the type checkers that read them."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import peavine
from peavine import Document, Executor, PeavineError, Score
from peavine.drivers.defaults import requests_for

SOURCE = Path(peavine.__file__)


def test_the_public_names_are_these() -> None:
    assert " ".join(peavine.__all__) == (
        "Answer AsyncClient Batch Chunk2DocRanker Classifier Client CompoundExecutor Crafter DeadlineExceeded Document "
        "EmbeddingEvaluator Encoder Executor ExecutorError Flow InvalidRequest KVIndexer ManifestError Match2DocRanker "
        "MultiModalEncoder NotFound Options Overloaded PeavineError Problem RankingEvaluator Score Segmenter "
        "StartError StoreError Summary TextEvaluator Unavailable VectorIndexer VersionMismatch sources"
    )


def test_type_checkers_and_programs_see_the_same_names_in_the_same_modules() -> None:
    imports = [
        (name.asname or "", node.module, name.name)
        for node in ast.walk(ast.parse(SOURCE.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("peavine.")
        for name in node.names
        if name.name != "__version__"
    ]
    assert sorted(name for name, _, _ in imports) == peavine.__all__
    for name, module, original in imports:
        assert name == original
        assert getattr(peavine, name) is getattr(sys.modules[module], name)


def test_type_checkers_are_told_that_the_package_is_typed() -> None:
    assert (files("peavine") / "py.typed").is_file()


def test_a_program_may_use_the_score_of_a_match_without_asking_whether_there_is_one() -> None:
    def best(query: Document) -> float:
        return query.matches[0].score.value  # mypy, which checks this file too, would complain of an optional one

    assert best(Document(matches=[Document(score=Score(0.5))])) == 0.5
    assert Document().score is None


def test_every_public_family_says_enough_to_be_derived_from() -> None:
    families = [
        cls
        for cls in (getattr(peavine, name) for name in peavine.__all__)
        if isinstance(cls, type) and issubclass(cls, Executor)
    ]
    assert len(families) > 10
    for family in families:
        abstract = getattr(family, "__abstractmethods__", ())
        requests_for(type("Mine", (family,), dict.fromkeys(abstract, lambda *_: None))(), "executor")


def test_every_public_error_is_caught_by_the_root() -> None:
    from peavine import errors

    public = {getattr(peavine, name) for name in peavine.__all__ if hasattr(errors, name)}
    assert {PeavineError, errors.Problem} < public
    assert all(issubclass(error, PeavineError) for error in public - {errors.Problem})


def test_the_package_is_imported_without_its_parts() -> None:
    code = "import sys, peavine, peavine.spec; print(sorted({'grpc', 'numpy', 'peavine.client'} & sys.modules.keys()))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"
