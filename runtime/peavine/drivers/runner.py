"""Runner: executes requests with the Drivers of an Executor. It knows bytes, calls and errors, nothing of transport.

It may be called from several threads at once: all that it keeps is fixed when it is made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from peavine.clock import SHARD
from peavine.drivers.build import Bound, chains
from peavine.drivers.call import Call, Query
from peavine.drivers.driver import Driver, Task
from peavine.drivers.reduce import joined
from peavine.errors import ExecutorError, InvalidRequest, PeavineError, StoreError, message_of
from peavine.spec import OnError
from peavine.wire import batch_from_bytes, encoded
from peavine.wire.columns import is_columns
from peavine.wire.kept import cut

__all__ = ["Runner", "Where"]

RESTORE = "restore"
"""Parameter of a write whose Documents come from an index: they are kept as they are, not crafted, cut or encoded."""
PARAMETER_PRIORITY = 1
"""Priority of a request's plain parameters. A Driver has 0 unless its YAML says more."""


class Runner:
    """The Drivers of one Executor, by kind of request. Raises ManifestError when they do not fit it."""

    def __init__(self, executor: Any, on_error: OnError = OnError.FAIL, replicas: int = 1, path: str = "") -> None:
        """`replicas` is how many Peas have an Executor like this one, and take turns with requests.

        `path` is where in the manifest the Executor is, for what is wrong with its Drivers.
        """
        self.executor = executor
        self._replicas = replicas
        self.on_error = on_error
        self._chains = chains(executor, path)
        self.accepts = {
            kind: frozenset(_parameters(chain)) | ({RESTORE} if kind in ("index", "update") else set())
            for kind, chain in self._chains.items()
        }
        """The parameters that a request may set, by kind: `top_k`, and `VectorSearchDriver.top_k` for one class."""

    def passes(self, kind: str) -> bool:
        """Return whether a request of this kind with one body is answered by itself: there is nothing to run."""
        return self._chains.get(kind) == []

    def run(self, kind: str, calls: Sequence[Call], where: Where | None = None) -> None:
        """Answer each call: set its `body`, or its `failure`. Never raises for what a call or an Executor does.

        `where` is kept up to date for other threads to see. Calls with equal parameters are executed together, inside
        one transaction. If that fails they are executed one by one, so that a bad Document fails only its own request.
        A call whose deadline has passed when its turn comes is not executed.
        """
        refused = self._refusal(kind)
        if refused is not None:
            for call in calls:
                call.failure = refused
            return
        for chain, group in self._groups(kind, calls):
            for call in group:
                call.top_k = _top_k(chain)
            self._run(kind, chain, group, where or Where())

    def _refusal(self, kind: str) -> InvalidRequest | None:
        chain = self._chains.get(kind)
        if chain is None:
            answers = ", ".join(self._chains) or "none"
            return InvalidRequest(f"{self.executor.name} does not answer {kind} requests; it answers {answers}")
        for bound in chain:
            if bound.driver.writes and bound.executor.read_only:
                return InvalidRequest(f"{bound.executor.name} is read-only, so it takes no {kind} requests")
            if kind == "train" and bound.driver.writes and self._replicas > 1:
                return InvalidRequest(
                    f"{bound.executor.name} has {self._replicas} replicas, each of which would learn from a part of "
                    "the data only; train it with one replica, or use `shards`, which all get all of it"
                )
        return None

    def _groups(self, kind: str, calls: Sequence[Call]) -> list[tuple[list[Bound], list[Call]]]:
        """Put calls with equal parameters together; calls whose parameters do not fit have failed."""
        chain = self._chains[kind]
        groups: dict[str, list[Call]] = {}
        for call in calls:
            groups.setdefault(_key(call), []).append(call)
        found = []
        for key, group in groups.items():
            drivers = [bound for bound in chain if bound.driver.writes] if _restores(kind, group[0]) else chain
            try:
                found.append((drivers if not key else [_override(bound, group[0]) for bound in drivers], group))
            except InvalidRequest as problem:
                for call in group:
                    call.failure = problem
        return found

    def _run(self, kind: str, chain: Sequence[Bound], calls: Sequence[Call], where: Where) -> None:
        calls = _in_time(calls)
        if not calls:
            return
        where.executor, where.driver, where.method = self.executor.name, "", ""
        try:
            for call, (body, report) in zip(calls, self._attempt(kind, chain, calls, where), strict=True):
                call.body, call.report = body, report
        except BaseException as error:  # whatever an Executor raises is an answer
            if len(calls) > 1:
                for call in calls:
                    self._run(kind, chain, [call], where)
                return
            self._settle(calls[0], error, where, may_skip=not any(bound.driver.writes for bound in chain))

    def _attempt(
        self, kind: str, chain: Sequence[Bound], calls: Sequence[Call], where: Where
    ) -> list[tuple[bytes, dict[str, Any]]]:
        """Return the answers, each a body and a report.

        They are made before the transaction ends: one that cannot travel must not be kept.
        """
        if not chain and all(len(call.bodies) == 1 for call in calls):
            return [(cut(call.bodies[0], call.kept), {}) for call in calls]
        tasks = [
            Task([batch_from_bytes(body) for body in call.bodies], call.version or SHARD.issue()) for call in calls
        ]
        if not any(bound.driver.joins for bound in chain):
            for task in tasks:
                task.bodies = [joined(task.bodies)]
        writes = any(bound.driver.writes for bound in chain)
        with self.executor.transaction() if writes else nullcontext():
            for bound in chain:
                where.executor, where.driver = bound.executor.name, type(bound.driver).__name__
                where.method = getattr(bound.driver, "method", "")
                bound.driver.run(tasks, bound.executor, kind)
            # An answer has the form of its request.
            return [
                (encoded(task.batch, is_columns(call.bodies[0]), call.kept), task.report)
                for task, call in zip(tasks, calls, strict=True)
            ]

    def _settle(self, call: Call, error: BaseException, where: Where, may_skip: bool) -> None:
        """Record what went wrong with one call, and whether the request goes on.

        It never goes on where it would have changed stored data, or the data cannot be read: the client would take what
        was not stored, or not found, for done.
        """
        call.executor, call.driver = where.executor, where.driver
        failure: PeavineError
        if isinstance(error, PeavineError):
            failure = error
        else:
            failure = ExecutorError(message_of(error), where.executor, where.driver)
            failure.__cause__ = error
        if self.on_error == OnError.SKIP and where.driver and may_skip and not isinstance(failure, StoreError):
            try:
                whole = call.bodies[0] if len(call.bodies) == 1 else _rejoined(call.bodies)
                call.body = cut(whole, call.kept)
                call.skipped = failure
            except PeavineError as unreadable:  # a cell of columns, which is read when it is needed
                call.failure = unreadable
        else:
            call.failure = failure


class Where:
    """What a batch is being given to: updated as it goes along, so that errors and other threads can name it."""

    __slots__ = ("driver", "executor", "method")

    def __init__(self) -> None:
        self.executor = self.driver = self.method = ""

    def __str__(self) -> str:
        called = f"{self.executor}.{self.method}()" if self.method else self.executor
        return f"{called} for {self.driver}" if self.driver else called


def _in_time(calls: Sequence[Call]) -> Sequence[Call]:
    """Return the calls whose deadline has not passed; the others have failed."""
    for call in calls:
        call.failure = call.overdue()
    return [call for call in calls if call.failure is None]


def _rejoined(bodies: Sequence[bytes]) -> bytes:
    return encoded(joined([batch_from_bytes(body) for body in bodies]), is_columns(bodies[0]))


def _key(call: Call) -> str:
    """Return what calls have in common that can be executed together; nothing for a call without parameters."""
    if not call.parameters and not call.queries:
        return ""
    queries = [[query.driver, dict(query.parameters), query.priority, query.disabled] for query in call.queries]
    return json.dumps([dict(call.parameters), queries], sort_keys=True)


def _restores(kind: str, call: Call) -> bool:
    return kind in ("index", "update") and call.parameters.get(RESTORE) is True


def _parameters(chain: Sequence[Bound]) -> set[str]:
    names = set()
    for bound in chain:
        for name in _open(bound.driver):
            names |= {name, f"{type(bound.driver).__name__}.{name}"}
    return names


def _top_k(chain: Sequence[Bound]) -> int:
    """Return the last bound on matches in a chain: whoever merges the answers of several shards cuts to it."""
    bounds: list[int] = [top_k for bound in chain if (top_k := getattr(bound.driver, "top_k", None)) is not None]
    return bounds[-1] if bounds else 0


def _open(driver: Driver) -> list[str]:
    """Return the arguments that a request may override."""
    return [name for name in type(driver).model_fields if name not in driver.fixed]


def _override(bound: Bound, call: Call) -> Bound:
    """Return the Driver with what the request sets. Names that it does not know are other Pods' business."""
    driver, name = bound.driver, type(bound.driver).__name__
    plain: dict[str, Any] = {}
    for argument in _open(driver):
        for key in (argument, f"{name}.{argument}"):
            if key in call.parameters:
                plain[argument] = call.parameters[key]
    layers: list[tuple[int, Mapping[str, Any]]] = [(PARAMETER_PRIORITY, plain)]
    layers += [(query.priority, _checked(query, driver)) for query in call.queries if query.driver == name]
    merged: dict[str, Any] = {}
    for priority, arguments in sorted(layers, key=lambda layer: layer[0]):
        if priority > driver.priority:
            merged |= arguments
    return Bound(driver.overridden(merged), bound.executor) if merged else bound


def _checked(query: Query, driver: Driver) -> Mapping[str, Any]:
    if query.disabled:
        return {}
    for argument in query.parameters:
        if argument in driver.fixed:
            raise InvalidRequest(f"{query.driver}.{argument}: only the Executor's YAML can set it")
    return query.parameters
