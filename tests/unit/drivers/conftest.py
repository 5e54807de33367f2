"""Requests run through the Drivers of real Executors, as bytes in and bytes out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from peavine.documents import Batch, Document
from peavine.drivers import Call, Runner
from peavine.executors import Executor, load
from peavine.spec import OnError
from peavine.wire import batch_from_bytes, encoded

Ask = Callable[..., Batch]


@pytest.fixture(params=["rows", "columns"])
def new_call(request: pytest.FixtureRequest) -> Callable[..., Call]:
    """Return a function that makes a Call with a body for each list of Documents, in each form."""

    def call(
        *bodies: Sequence[Document], truths: Sequence[Document] = (), queries: Any = (), **parameters: Any
    ) -> Call:
        named = {name.replace("__", "."): value for name, value in parameters.items()}
        columns = request.param == "columns"
        return Call([encoded(Batch(list(docs), list(truths)), columns) for docs in bodies], named, queries)

    return call


@pytest.fixture
def opened() -> Iterator[Callable[[Any], Executor]]:
    """Return a function that opens an Executor, or loads it from YAML, until the end of the test."""
    with ExitStack() as stack:

        def open_one(executor: Any) -> Executor:
            if isinstance(executor, str):
                return stack.enter_context(load(executor))
            return stack.enter_context(executor.open())  # type: ignore[no-any-return]

        yield open_one


@pytest.fixture
def make(opened: Callable[[Any], Executor]) -> Callable[..., Runner]:
    """Return a function from an Executor, or its YAML, to a Runner."""
    return lambda executor, on_error=OnError.FAIL: Runner(opened(executor), on_error)


@pytest.fixture
def ask(make: Callable[..., Runner], new_call: Callable[..., Call]) -> Ask:
    """Return a function that runs one request and returns its answer, or raises its failure."""
    runners: dict[int, Runner] = {}
    kept: list[Any] = []  # so that no other Executor gets the same identity

    def run(executor: Any, kind: str, *bodies: Sequence[Document], **given: Any) -> Batch:
        key = id(executor)
        if key not in runners:
            kept.append(executor)
            runners[key] = executor if isinstance(executor, Runner) else make(executor)
        one = new_call(*bodies, **given)
        runners[key].run(kind, [one])
        if one.failure is not None:
            raise one.failure
        return batch_from_bytes(one.body)

    return run
