"""The Runner: batches, failures of each request alone, parameters with priorities, what is refused."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peavine.documents import Batch, Document
from peavine.drivers import Call, Driver, Query, Runner, Task, registry
from peavine.errors import DeadlineExceeded, ExecutorError, InvalidRequest, ManifestError, StoreFull
from peavine.executors import Crafter, Encoder, Executor, Segmenter
from peavine.spec import OnError
from peavine.wire import batch_from_bytes, encoded
from peavine.yaml import Tagged

Make = Callable[..., Runner]
NewCall = Callable[..., Call]


class Lengths(Encoder):
    """Encodes the length of a text; remembers its batches, and cannot bear "bad"."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def encode(self, batch: list[str]) -> np.ndarray[Any, Any]:
        self.batches.append(batch)
        if "bad" in batch:
            raise ValueError("cannot bear it")
        return np.array([[len(text), 1.0] for text in batch])


def texts(*values: str) -> list[Document]:
    return [Document(id=value, text=value) for value in values]


def docs(one: Call) -> list[Document]:
    assert one.failure is None
    return batch_from_bytes(one.body).docs


def test_requests_share_one_call_of_the_executor(make: Make, new_call: NewCall) -> None:
    executor = Lengths()
    calls = [new_call(texts("a", "bb")), new_call(texts("ccc"))]
    make(executor).run("search", calls)
    assert executor.batches == [["a", "bb", "ccc"]]
    assert [[doc.embedding.tolist() for doc in docs(one)] for one in calls] == [[[1.0, 1.0], [2.0, 1.0]], [[3.0, 1.0]]]  # type: ignore[union-attr]


def test_a_bad_document_fails_only_its_own_request(make: Make, new_call: NewCall) -> None:
    calls = [new_call(texts("good")), new_call(texts("fine", "bad")), new_call(texts("nice"))]
    make(Lengths()).run("index", calls)
    assert [one.failure is None for one in calls] == [True, False, True]
    failure = calls[1].failure
    assert isinstance(failure, ExecutorError)
    assert str(failure) == "Lengths.encode() raised ValueError: cannot bear it"
    assert (failure.executor, failure.driver, failure.method) == ("Lengths", "EncodeDriver", "encode")
    assert (calls[1].executor, calls[1].driver) == ("Lengths", "EncodeDriver")
    assert docs(calls[0])[0].embedding is not None


def test_a_request_that_becomes_late_while_others_are_executed_is_not_executed(make: Make, new_call: NewCall) -> None:
    executor = Lengths()
    calls = [new_call(texts("bad")), new_call(texts("good")), new_call(texts("other"), top_k=1)]
    for one in calls[1:]:
        one.overdue = lambda: DeadlineExceeded("too late") if executor.batches else None
    make(executor).run("search", calls)
    assert executor.batches == [["bad", "good"], ["bad"]]
    assert isinstance(calls[0].failure, ExecutorError)
    assert [str(one.failure) for one in calls[1:]] == ["too late", "too late"]


def test_an_executor_that_calls_exit_fails_its_request_and_not_the_process(make: Make, new_call: NewCall) -> None:
    class Leaving(Crafter):
        def craft(self, text: str) -> None:
            if text == "bad":
                sys.exit("no more")

    calls = [new_call(texts("good")), new_call(texts("bad"))]
    make(Leaving()).run("index", calls)
    assert calls[0].failure is None
    assert str(calls[1].failure) == "Leaving.craft() raised SystemExit: no more"


def test_malformed_bytes_fail_only_their_own_request(make: Make, new_call: NewCall) -> None:
    calls = [new_call(texts("good")), Call([b"\xff\xff"])]
    make(Lengths()).run("index", calls)
    assert calls[0].failure is None
    assert isinstance(calls[1].failure, InvalidRequest)


def test_a_pod_that_skips_passes_the_request_as_it_came(make: Make, new_call: NewCall) -> None:
    """In the predecessor the next Driver met a None."""
    executor = Lengths()
    executor.requests_on = {"index": [Tagged("EncodeDriver"), Tagged("SelectQL", {"fields": ["embedding"]})]}
    calls = [new_call(texts("bad")), new_call(texts("good"))]
    make(executor, OnError.SKIP).run("index", calls)
    assert calls[0].body == calls[0].bodies[0]
    assert isinstance(calls[0].skipped, ExecutorError)
    assert calls[0].failure is None
    assert calls[1].skipped is None
    assert docs(calls[1])[0].embedding is not None


def test_a_request_that_writes_is_never_skipped(make: Make, new_call: NewCall) -> None:
    executor = Lengths()
    executor.requests_on = {"index": [Tagged("EncodeDriver"), Tagged("VectorIndexDriver", {"method": "add"})]}
    executor.add = lambda ids, vectors: None  # type: ignore[attr-defined]
    calls = [new_call(texts("bad")), new_call(texts("good"))]
    make(executor, OnError.SKIP).run("index", calls)
    assert isinstance(calls[0].failure, ExecutorError)
    assert calls[0].skipped is None
    assert calls[1].failure is None


def test_an_error_of_the_store_is_never_skipped(make: Make, new_call: NewCall) -> None:
    class Full(Crafter):
        def craft(self, text: str) -> None:
            raise StoreFull("the disk is full")

    one = new_call(texts("a"))
    make(Full(), OnError.SKIP).run("search", [one])
    assert isinstance(one.failure, StoreFull)


class Silent(BaseException):
    def __str__(self) -> str:
        raise RuntimeError("nothing to say")


RAISED = {
    "an exception": ValueError("no"),
    "an asyncio cancellation": asyncio.CancelledError(),
    "a generator's exit": GeneratorExit(),
    "an interrupt": KeyboardInterrupt(),
    "an exit": SystemExit(3),
    "a class of its own": type("Timeout", (BaseException,), {})("too slow"),
    "an error that cannot be printed": Silent(),
    "the end of an iterator": StopIteration(),
    "a lone surrogate": ValueError("cannot read caf\udce9.png"),
    "a group": BaseExceptionGroup("many", [KeyboardInterrupt(), ValueError()]),
}


@pytest.mark.parametrize("raised", RAISED.values(), ids=RAISED)
@pytest.mark.parametrize("lazily", [False, True], ids=["at once", "in a generator"])
def test_whatever_a_users_code_raises_fails_its_own_request_only(
    make: Make, new_call: NewCall, raised: BaseException, lazily: bool
) -> None:
    class Raising(Segmenter):
        def segment(self, text: str) -> Iterator[dict[str, Any]]:
            if text == "bad" and not lazily:
                raise raised
            return self.parts(text)

        def parts(self, text: str) -> Iterator[dict[str, Any]]:
            if text == "bad":
                raise raised
            yield {"text": text}

    calls = [new_call(texts("good")), new_call(texts("bad")), new_call(texts("fine"))]
    make(Raising()).run("index", calls)
    assert [one.failure is None for one in calls] == [True, False, True]
    failure = calls[1].failure
    assert isinstance(failure, ExecutorError)
    assert (lazily and isinstance(raised, StopIteration)) or type(raised).__name__ in str(failure)
    str(failure).encode()


def test_whatever_a_users_driver_raises_fails_its_own_request_only(make: Make, new_call: NewCall) -> None:
    class RaisingDriver(Driver):
        def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
            if any(doc.id == "bad" for task in tasks for doc in task.batch.docs):
                raise asyncio.CancelledError

    executor = Executor()
    executor.requests_on = {"index": [Tagged("RaisingDriver")]}
    calls = [new_call(texts("good")), new_call(texts("bad"))]
    make(executor).run("index", calls)
    assert calls[0].failure is None
    assert str(calls[1].failure) == "CancelledError"
    del registry["RaisingDriver"]


def test_a_very_long_message_is_cut(make: Make, new_call: NewCall) -> None:
    class Wordy(Crafter):
        def craft(self, text: str) -> None:
            raise ValueError("x" * 100_000)

    one = new_call(texts("a"))
    make(Wordy()).run("index", [one])
    assert len(str(one.failure)) < 2200
    assert "(100,000 characters)" in str(one.failure)


def test_a_joining_pod_that_skips_passes_what_was_joined(make: Make, new_call: NewCall) -> None:
    one = new_call(texts("bad"), [Document(id="bad", tags={"seen": True})])
    make(Lengths(), OnError.SKIP).run("index", [one])
    assert one.skipped is not None
    assert [(doc.text, doc.tags) for doc in docs(one)] == [("bad", {"seen": True})]


def test_a_pod_that_skips_refuses_bodies_that_cannot_be_joined(make: Make) -> None:
    joining = Lengths()
    joining.requests_on = {"index": [Tagged("ReduceAllDriver", {"traversal_paths": ["r"]})]}
    body = encoded(Batch(texts("good")), columns=True)
    calls = [Call([body.replace(b"good", b"g\xffod")] * 2), Call([body] * 2)]
    make(joining, OnError.SKIP).run("index", calls)
    assert isinstance(calls[0].failure, InvalidRequest)
    assert [doc.text for doc in docs(calls[1])] == ["good"]


def test_skipping_does_not_excuse_a_wrong_request(make: Make, new_call: NewCall) -> None:
    calls = [Call([b"\xff"]), new_call(texts("good"), traversal_paths="x")]
    make(Lengths(), OnError.SKIP).run("index", calls)
    assert all(isinstance(one.failure, InvalidRequest) and one.skipped is None for one in calls)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.lists(st.sampled_from(["a", "bb", "ccc", "bad"]), max_size=3), max_size=5))
def test_merged_requests_are_answered_as_if_each_came_alone(
    make: Make, new_call: NewCall, requests: list[list[str]]
) -> None:
    runner = make(Lengths())
    together = [new_call(texts(*request)) for request in requests]
    runner.run("search", together)
    for merged, request in zip(together, requests, strict=True):
        alone = new_call(texts(*request))
        runner.run("search", [alone])
        assert merged.body == alone.body
        assert str(merged.failure) == str(alone.failure)


class Recording(Executor):
    """Remembers how its transactions went."""

    def __init__(self) -> None:
        self.said: list[str] = []

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.said.append("begin")
        try:
            yield
        except BaseException:
            self.said.append("abort")
            raise
        self.said.append("commit")

    def add(self, ids: Sequence[str], values: Sequence[bytes]) -> None:
        self.said.append(" ".join(ids))
        if "bad" in ids:
            raise RuntimeError("no")

    def query(self, ids: Sequence[str]) -> list[None]:
        return [None] * len(ids)


@pytest.fixture
def recording() -> Recording:
    executor = Recording()
    executor.requests_on = {"index": [Tagged("KVIndexDriver")], "search": [Tagged("KVSearchDriver")]}
    return executor


def test_what_a_batch_writes_is_one_transaction(make: Make, new_call: NewCall, recording: Recording) -> None:
    make(recording).run("index", [new_call(texts("a")), new_call(texts("b"))])
    assert recording.said == ["begin", "a b", "commit"]


def test_a_failed_batch_is_taken_back_before_it_is_tried_one_by_one(
    make: Make, new_call: NewCall, recording: Recording
) -> None:
    make(recording).run("index", [new_call(texts("a")), new_call(texts("bad"))])
    assert recording.said == ["begin", "a bad", "abort", "begin", "a", "commit", "begin", "bad", "abort"]


def test_a_search_writes_nothing_so_it_needs_no_transaction(
    make: Make, new_call: NewCall, recording: Recording
) -> None:
    make(recording).run("search", [new_call(texts("a"))])
    assert recording.said == []


def test_an_answer_that_cannot_travel_is_not_kept(make: Make, new_call: NewCall, recording: Recording) -> None:
    class Odd(Recording, Crafter):
        def craft(self, text: str) -> dict[str, Any]:
            return {"tags": {"odd": object()}}

    odd = Odd()
    odd.requests_on = {"index": [Tagged("KVIndexDriver", {"exclude": ["tags"]}), Tagged("CraftDriver")]}
    one = new_call(texts("a"))
    make(odd).run("index", [one])
    assert "tags.odd" in str(one.failure)
    assert odd.said == ["begin", "a", "abort"]


def test_a_kind_without_drivers_is_refused_with_those_that_have(
    make: Make, new_call: NewCall, recording: Recording
) -> None:
    one = new_call(texts("a"))
    make(recording).run("update", [one])
    assert isinstance(one.failure, InvalidRequest)
    assert str(one.failure) == "Recording does not answer update requests; it answers index, search, read"


@pytest.mark.parametrize("kind", ["index", "update", "delete"])
def test_a_read_only_indexer_refuses_what_writes(make: Make, opened: Any, new_call: NewCall, kind: str) -> None:
    runner = make("!BinaryPbIndexer {}")
    runner.executor.read_only = True
    one, search = new_call(texts("a")), new_call([Document(id="q", matches=texts("a"))])
    runner.run(kind, [one])
    runner.run("search", [search])
    assert isinstance(one.failure, InvalidRequest)
    assert f"read-only, so it takes no {kind} requests" in str(one.failure)
    assert search.failure is None


def test_what_does_nothing_passes_without_being_read(make: Make) -> None:
    runner = make("_pass")
    assert all(runner.passes(kind) for kind in ("index", "search", "update", "delete", "train"))
    one = Call([b"not even a request"])
    runner.run("index", [one])
    assert one.body == b"not even a request"
    assert make(Lengths()).passes("delete")
    assert not make(Lengths()).passes("index")
    assert not make(Lengths()).passes("no such kind")


def test_parameters_are_told_by_kind(make: Make) -> None:
    accepts = make("_index").accepts
    assert accepts["search"] >= {"top_k", "VectorSearchDriver.top_k", "fill_embedding"}
    assert not any(name.rpartition(".")[2] in ("method", "executor", "priority") for name in accepts["search"])
    assert accepts["index"] == {"restore"}


class Asked(Executor):
    """Remembers the `top_k` that it was asked for."""

    ascending = True

    def __init__(self) -> None:
        self.asked: list[int] = []

    def query(self, vectors: Any, top_k: int) -> tuple[list[list[str]], list[list[float]]]:
        self.asked.append(top_k)
        return [[] for _ in vectors], [[] for _ in vectors]


def asked_with(
    make: Make, new_call: NewCall, priority: int = 0, queries: Sequence[Query] = (), **parameters: Any
) -> int:
    executor = Asked()
    executor.requests_on = {"search": [Tagged("VectorSearchDriver", {"top_k": 7, "priority": priority})]}
    one = new_call([Document(embedding=[1.0])], queries=queries, **parameters)
    make(executor).run("search", [one])
    if one.failure is not None:
        raise one.failure
    return executor.asked[0]


@pytest.mark.parametrize(
    ("given", "top_k"),
    [
        ({}, 7),
        ({"top_k": 3}, 3),
        ({"top_k": 3.0}, 3),
        ({"VectorSearchDriver__top_k": 4, "top_k": 3}, 4),
        ({"KVSearchDriver__top_k": 4}, 7),
        ({"unknown": 4}, 7),
        ({"top_k": 3, "priority": 1}, 7),
        ({"top_k": 3, "queries": [Query("VectorSearchDriver", {"top_k": 5}, 2)]}, 5),
        ({"top_k": 3, "queries": [Query("VectorSearchDriver", {"top_k": 5}, 2, disabled=True)]}, 3),
        ({"queries": [Query("VectorSearchDriver", {"top_k": 5}, 0)]}, 7),
        ({"queries": [Query("VectorSearchDriver", {"top_k": 5}, 3)], "priority": 2}, 5),
        ({"queries": [Query("VectorSearchDriver", {"top_k": 5}, 3)], "priority": 3}, 7),
        ({"queries": [Query("KVSearchDriver", {"top_k": 5}, 3)]}, 7),
    ],
    ids=["nothing", "plain", "as a double", "for its class", "for another class", "for another Pod",
         "the driver insists", "a query wins over a plain parameter", "disabled", "no priority",
         "a higher priority", "an equal priority", "a query for another class"],
)  # fmt: skip
def test_a_request_overrides_arguments_by_priority(
    make: Make, new_call: NewCall, given: dict[str, Any], top_k: int
) -> None:
    assert asked_with(make, new_call, **given) == top_k


@pytest.mark.parametrize("top_k", [0, -1, 2.5, "5", True, None, [], 1e300, float("inf")], ids=repr)
def test_a_wrong_top_k_is_refused(make: Make, new_call: NewCall, top_k: object) -> None:
    with pytest.raises(InvalidRequest, match=r"VectorSearchDriver\.top_k: "):
        asked_with(make, new_call, top_k=top_k)


@pytest.mark.parametrize("argument", ["method", "executor", "priority"])
def test_a_request_cannot_choose_what_is_called(make: Make, new_call: NewCall, argument: str) -> None:
    assert asked_with(make, new_call, **{f"VectorSearchDriver__{argument}": "close"}) == 7  # type: ignore[arg-type]
    with pytest.raises(InvalidRequest, match="only the Executor's YAML can set it"):
        asked_with(make, new_call, queries=[Query("VectorSearchDriver", {argument: "close"}, 9)])


def test_an_unknown_argument_of_a_query_is_named_with_a_suggestion(make: Make, new_call: NewCall) -> None:
    with pytest.raises(InvalidRequest, match='topk: unknown argument; did you mean "top_k"'):
        asked_with(make, new_call, queries=[Query("VectorSearchDriver", {"topk": 5}, 9)])


def test_requests_with_other_parameters_do_not_share_a_call(make: Make, new_call: NewCall) -> None:
    executor = Asked()
    executor.requests_on = {"search": [Tagged("VectorSearchDriver")]}
    query = [Document(embedding=[1.0])]
    calls = [new_call(query, top_k=1), new_call(query, top_k=0), new_call(query, top_k=1), new_call(query)]
    make(executor).run("search", calls)
    assert executor.asked == [1, 50]
    assert [one.failure is None for one in calls] == [True, False, True, True]
    assert [one.top_k for one in calls] == [1, 0, 1, 50]


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (Tagged("EncodDriver"), 'no Driver is named "EncodDriver"; did you mean "EncodeDriver"?'),
        (
            Tagged("EncodeDriver", {"batchsize": 3}),
            'batchsize: unknown argument; did you mean "batch_size"?',
        ),
        (Tagged("EncodeDriver", {"with": {"batchsize": 3}}), 'did you mean "batch_size"?'),
        (Tagged("EncodeDriver", {"batch_size": 0}), "EncodeDriver.batch_size: "),
        (Tagged("EncodeDriver", {"traversal_paths": ["x"]}), "traversal path 'x'"),
        (Tagged("EncodeDriver", {"method": "enocde"}), 'Lengths has no method enocde(); did you mean "encode"?'),
        (Tagged("EncodeDriver", {"executor": "Other"}), 'Lengths has no component "Other"'),
        (Tagged("EncodeDriver", [1]), "its arguments are a mapping"),
        ("EncodeDriver", "should be a Driver such as"),
        (Tagged("KVIndexDriver", {"exclude": ["embeding"]}), 'no field "embeding"; did you mean "embedding"?'),
        (Tagged("SortQL", {}), "SortQL.field: "),
        (Tagged("FilterQL", {"lookups": {"tagz__a": 1}}), 'a Document has no field "tagz"; did you mean "tags"?'),
    ],
    ids=str,
)
def test_a_driver_that_does_not_fit_is_named_at_the_start(node: Any, said: str) -> None:
    executor = Lengths()
    executor.requests_on = {"search": [Tagged("EncodeDriver"), node], "index": [node]}
    with pytest.raises(ManifestError) as caught:
        Runner(executor)
    assert said in str(caught.value)
    assert [problem.path.partition("]")[0] for problem in caught.value.problems] == [
        "requests.search[1",
        "requests.index[0",
    ]


def test_a_driver_that_joins_must_come_first() -> None:
    executor = Lengths()
    executor.requests_on = {"search": [Tagged("EncodeDriver"), Tagged("ReduceAllDriver")]}
    with pytest.raises(ManifestError, match="must come first"):
        Runner(executor)


def test_a_compound_does_what_its_components_do(make: Make, new_call: NewCall) -> None:
    runner = make("!CompoundExecutor {components: [!Sentencizer {}, !HashingTextEncoder {}, !CompoundIndexer {}]}")
    text = "One sentence. And another."
    indexed, found = new_call([Document(id="a", text=text)]), new_call([Document(id="q", text="One sentence.")])
    runner.run("index", [indexed])
    runner.run("search", [found])
    assert docs(indexed)[0].chunks[0].embedding is not None
    match = docs(found)[0].chunks[0].matches[0]
    assert (match.text, match.parent_id) == ("One sentence.", "a")


def test_a_component_of_a_component_is_named_with_a_dot(make: Make, new_call: NewCall) -> None:
    runner = make("""!CompoundExecutor
components: [!CompoundIndexer {metas: {name: store}}, !Sentencizer {}]
requests: {on: {index: [!KVIndexDriver {executor: store.BinaryPbIndexer}]}}
""")
    runner.run("index", [new_call(texts("a"))])
    assert runner.executor.component("store").component("BinaryPbIndexer").query(["a"]) != [None]
