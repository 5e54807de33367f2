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
from peavine.wire import batch_from_bytes, batch_to_bytes

Ask = Callable[..., Batch]


def call(*bodies: Sequence[Document], truths: Sequence[Document] = (), queries: Any = (), **parameters: Any) -> Call:
    """Return a Call with a body for each list of Documents."""
    named = {name.replace("__", "."): value for name, value in parameters.items()}
    return Call([batch_to_bytes(docs, truths) for docs in bodies], named, queries)


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
def new_call() -> Callable[..., Call]:
    """Return `call`."""
    return call


@pytest.fixture
def ask(make: Callable[..., Runner]) -> Ask:
    """Return a function that runs one request and returns its answer, or raises its failure."""
    runners: dict[int, Runner] = {}

    def run(executor: Any, kind: str, *bodies: Sequence[Document], **given: Any) -> Batch:
        key = id(executor)
        if key not in runners:
            runners[key] = executor if isinstance(executor, Runner) else make(executor)
        one = call(*bodies, **given)
        runners[key].run(kind, [one])
        if one.failure is not None:
            raise one.failure
        return batch_from_bytes(one.body)

    return run
