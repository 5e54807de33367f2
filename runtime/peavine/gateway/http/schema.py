"""What HTTP clients send and get, as JSON: checked on its way in, and described for /openapi.json.

Documents are described here and checked by `Document.from_dict`, which is the one place that knows them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, SkipValidation

__all__ = ["AnswerBody", "DeleteBody", "FlowStatusBody", "ProblemBody", "RequestBody", "SocketAnswer", "SocketRequest"]


class _Json(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True, populate_by_name=True)


class Array(_Json):
    """An array as bytes."""

    data: str
    """The raw numbers, row-major and little endian, in base64."""
    dtype: str
    """numpy's name of the type, such as `<f4` or `|u1`."""
    shape: list[int]
    """Its dimensions."""


class SparseArray(_Json):
    """A matrix of mostly zeros."""

    rows: Array
    """Of each value its row; in the layout `csr` the row pointers."""
    columns: Array
    """Of each value its column."""
    values: Array
    """The values."""
    shape: list[int]
    """The matrix's rows and columns."""
    layout: Literal["coo", "csr"]
    """What `rows` means."""


Numbers = Array | SparseArray | list[Any]


class ScoreBody(_Json):
    """A number that says how good a match is, or how well an evaluation went."""

    value: float
    """The number."""
    name: str = ""
    """The Executor that gave it."""
    description: str = ""
    """What it means."""
    reference: str = ""
    """Id of the Document it was measured against."""
    ascending: bool = False
    """Whether smaller is better (a distance)."""
    operands: list[ScoreBody] = []
    """The scores that it was made from."""


class DocumentBody(_Json):
    """What is searched for and with. `text`, `buffer` and `tensor` exclude each other."""

    id: Annotated[str, Field(examples=["doc-1"])] = ""
    """1 to 256 bytes of UTF-8; a random one when left out."""
    text: Annotated[str | None, Field(examples=["red shoes"])] = None
    """Its content, if that is text."""
    buffer: str | None = None
    """Its content in base64, if that is bytes."""
    tensor: Numbers | None = None
    """Its content, if that is an array: nested lists of numbers, or the array's bytes."""
    embedding: Numbers | None = None
    """The vector that stands for it in searches."""
    tags: Annotated[dict[str, JsonValue], Field(examples=[{"price": 49.9}])] = {}
    """Free data."""
    chunks: list[DocumentBody] = []
    """Its parts."""
    matches: list[DocumentBody] = []
    """Its results, the best first."""
    score: ScoreBody | None = None
    """How good a match it is."""
    evaluations: list[ScoreBody] = []
    """How well it was processed, measured against a ground truth."""
    uri: str = ""
    """Where it comes from. The server never opens it."""
    mime_type: str = ""
    """The type of its content."""
    modality: str = ""
    """A name for its kind, such as `image`, where a Flow has several."""
    parent_id: str = ""
    """Id of the Document that it is a chunk of."""
    granularity: int = 0
    """How many times it was cut out of something: 0 for a root, 1 for its chunks."""
    adjacency: int = 0
    """How many searches away it is: 0 for a query, 1 for its matches."""
    weight: float | None = None
    """Its weight."""
    siblings: int = 0
    """How many chunks its parent has."""
    offset: int = 0
    """Its place among them."""
    location: list[int] = []
    """Where in the parent's content it is: begin and end, or a box."""
    level_name: str = ""
    """A name for its level."""
    root_id: str = ""
    """Id of the root Document that a match is a part of; empty for a match that is a root itself."""


class QueryBody(_Json):
    """Overrides for the arguments of one class of Driver."""

    driver: str
    """Class name of the Driver."""
    parameters: dict[str, JsonValue] = {}
    """Arguments by name."""
    priority: int = 1
    """It wins over a Driver of a lower priority."""
    disabled: bool = False
    """Whether this is not to be heeded."""


_Docs = list[SkipValidation[DocumentBody]]


class _Options(_Json):
    top_k: Annotated[int | None, Field(ge=1, examples=[10])] = None
    """Matches wanted for each Document; the Executor's own number when left out."""
    filter: Annotated[str | dict[str, JsonValue] | None, Field(examples=["price < 60 and not sold"])] = None
    """Which Documents a search may find, by their tags: text, or an object such as `{"price": {"$lt": 60}}`."""
    parameters: dict[str, JsonValue] = {}
    """Arguments for Drivers, by name."""
    queries: list[QueryBody] = []
    """Arguments for one class of Driver, with priorities."""
    timeout_seconds: Annotated[float | None, Field(gt=0, allow_inf_nan=False)] = None
    """Time that the request may take, up to the Flow's own limit, which counts when left out."""
    version: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """When a write was issued, in microseconds since 1970, close to `time` of `/v1/status`. The newest write of a
    Document stands. Send the same version when you send a write again; without it, the time of arrival counts."""
    fields: Annotated[list[str], Field(examples=[["text", "tags"]])] = []
    """Fields of Documents and matches wanted in the answer; `*` for all. When left out, a search is answered as the
    Flow says, by default with all but tensor, buffer and embedding, and other requests with ids alone."""
    arrays: Literal["none", "list", "base64"] | None = None
    """How tensors and embeddings stand in the answer: not at all, as nested lists of numbers, or as their bytes.
    By default as lists where `fields` asks for them. With `list` or `base64`, a search without `fields` gets them."""


class RequestBody(_Options):
    """A request."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "docs": [{"id": "doc-1", "text": "red shoes", "tags": {"price": 49.9}}, {"text": "a blue hat"}],
                    "top_k": 10,
                    "parameters": {},
                }
            ]
        }
    )

    docs: Annotated[_Docs, Field(min_length=1)]
    """The Documents."""
    groundtruths: _Docs = []
    """For evaluation: the n-th is what the n-th Document should become."""


class DeleteBody(_Options):
    """What to delete: Documents by their ids. Give `ids`, or `docs` of which only the ids count."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ids": ["doc-1", "doc-2"]}]})

    ids: Annotated[list[str], Field(examples=[["doc-1"]])] = []
    """Ids of the Documents. Those that do not exist are left out."""
    docs: _Docs = []
    """Documents of which only the ids count."""


_Arrays = Literal["none", "list", "base64"]


class _Read(_Json):
    timeout_seconds: Annotated[float | None, Field(gt=0, allow_inf_nan=False)] = None
    """Time that the request may take, up to the Flow's own limit, which counts when left out."""


class GetBody(_Read):
    """Which Documents to return."""

    ids: Annotated[list[str], Field(min_length=1, examples=[["doc-1"]])]
    """Ids of the Documents. Those that do not exist are left out."""
    arrays: _Arrays = "none"
    """How tensors and embeddings stand in the answer: not at all, as nested lists of numbers, or as their bytes."""


class CountBody(_Read):
    """What to count: all Documents."""


class ScrollBody(_Read):
    """Which page of Documents to return. Pages follow each other in the order of ids."""

    limit: Annotated[int, Field(ge=1)] = 100
    """Maximum number of Documents of the page. It has fewer where they are large."""
    cursor: Annotated[str, Field(max_length=1024)] = ""
    """The `cursor` of the page before; empty for the first page."""
    arrays: _Arrays = "none"
    """How tensors and embeddings stand in the answer: not at all, as nested lists of numbers, or as their bytes."""


class StatsBody(_Read):
    """The parameters of GET /v1/stats."""


class RouteBody(_Json):
    """Where a request was, and when."""

    pod: str
    """The Pod."""
    pea: str
    """The process."""
    start: float
    """Seconds since 1970, by that machine's clock."""
    end: float
    """The same, when it left."""
    problem: str = ""
    """What went wrong there, when the request went on all the same."""


class CoverageBody(_Json):
    """How much of the data an answer rests on."""

    answered: int
    """Shards that answered."""
    total: int
    """All shards."""


class AnswerBody(_Json):
    """An answer."""

    docs: _Docs
    """The n-th answers the n-th Document asked."""
    coverage: CoverageBody | None = None
    """How much of the data it rests on, where data is sharded."""
    report: dict[str, Any] = {}
    """What is answered besides Documents, such as counts, statistics and explanations."""
    routes: list[RouteBody] = []
    """Where the request was."""


class FindingBody(_Json):
    """One thing wrong with a body."""

    path: str
    """Where, such as `docs[3].txt`."""
    message: str
    """What, and what to do."""


class ReadAnswer(_Json):
    """What the answers to all reads have."""

    coverage: CoverageBody | None = None
    """How much of the data it rests on, where data is sharded."""
    routes: list[RouteBody] = []
    """Where the request was."""


class GetAnswer(ReadAnswer):
    """The answer to /v1/get."""

    docs: _Docs
    """The Documents that exist, with their chunks."""


class CountAnswer(ReadAnswer):
    """The answer to /v1/count."""

    count: int
    """How many Documents are stored."""


class ScrollAnswer(GetAnswer):
    """The answer to /v1/scroll: a page of Documents in the order of their ids."""

    cursor: str
    """What to send for the next page; empty when this is the last one."""


class StatsAnswer(ReadAnswer):
    """The answer to /v1/stats."""

    documents: int
    """Documents that are stored."""
    chunks: int
    """Their chunks."""
    vectors: int
    """Vectors of Documents and chunks."""
    bytes: int
    """Bytes that they take in the stores' files."""
    last_write: int
    """When the newest write was issued, in microseconds since 1970."""
    pods: dict[str, Any]
    """The same for each Pod, with the types of tags (in a sample of `sampled` Documents), and for each of its shards,
    with the dimension of its vectors."""


class ProblemBody(_Json):
    """What went wrong (RFC 9457)."""

    type: str = "about:blank"
    """A URI of the kind of problem."""
    title: str
    """The HTTP status in words."""
    status: int
    """The HTTP status."""
    code: Annotated[str, Field(examples=["INVALID_ARGUMENT"])]
    """gRPC's code."""
    detail: str
    """What went wrong, where, and what to do."""
    pod: str = ""
    """The Pod where it happened."""
    pea: str = ""
    """The process where it happened."""
    executor: str = ""
    """The Executor whose code failed."""
    driver: str = ""
    """The Driver that called it."""
    traceback: str = ""
    """The stack, only where the Flow says exposeTracebacks."""
    retry_after: float = 0
    """Seconds to wait before trying again, where that may help."""
    problems: list[FindingBody] = []
    """All that is wrong with the body."""


class PodStatusBody(_Json):
    """A Pod of the Flow."""

    name: str
    """Its name."""
    needs: list[str]
    """The Pods whose answers it takes; `gateway` is the request itself."""
    shards: int
    """Parts of its data that this gateway sees. A Pod with a head has one."""
    ready: int
    """Addresses that take work now."""


class Limits(_Json):
    """What a request may be."""

    max_message_bytes: int
    """The largest request or answer."""
    max_documents: int
    """Maximum number of root Documents in a request; with chunks and matches 16 times as many."""
    max_in_flight: int
    """Requests that this gateway works on at once."""
    timeout_seconds: float
    """Seconds that a search may take."""
    index_timeout_seconds: float
    """Seconds that a request to index, update or delete may take."""
    train_timeout_seconds: float
    """Seconds that a request to train may take."""


class FlowStatusBody(_Json):
    """A Flow as its gateway knows it."""

    flow: str
    """Its name."""
    version: str
    """Of peavine."""
    ready: bool
    """Whether every Pod takes work."""
    pods: list[PodStatusBody]
    """The graph, parents first; the last one's answer is the answer."""
    limits: Limits
    """How large and how long a request may be."""


class SocketRequest(RequestBody):
    """A message to /v1/stream: a request with its kind, and an id that the answer bears."""

    id: str
    """Unique among the messages that are unanswered."""
    kind: Literal["index", "search", "update", "delete", "train", "read"]
    """The kind of request. For `delete` the body is that of /v1/delete; `read` returns the stored `docs` of these
    ids."""


class SocketAnswer(AnswerBody):
    """A message from /v1/stream: an answer, or an error instead."""

    id: str | None
    """The request's; null where it could not be read."""
    kind: str | None = None
    """The request's kind."""
    error: ProblemBody | None = None
    """What went wrong; there are no `docs` then."""
