"""The options of a call. One list for the synchronous and the asynchronous client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypedDict

from peavine.client.answer import Answer
from peavine.errors import InvalidRequest
from peavine.filters import Filter

__all__ = ["IN_FLIGHT", "Callback", "Options", "ReadOptions", "check"]

IN_FLIGHT = 256

Callback = Callable[[Answer], "Awaitable[object] | object"]


class ReadOptions(TypedDict, total=False):
    """The options of calls that read what is stored."""

    embeddings: bool
    """Whether the Documents of `get` and `scroll` come with their embeddings; by default they do not."""
    timeout: float
    """Seconds that each request may take; the Flow's limit for a search is the maximum and the default."""


class Options(TypedDict, total=False):
    """Options of a call, each of which may be left out.

    request_size: Documents in one request. By default the client finds a number with which a request takes about a
        second, from 1 to 256. Fewer are sent when they would be too many bytes.
    in_flight: Requests that may be unanswered, or answered and not taken yet; 256 by default. A bound, not a goal: the
        client sends no faster than it is answered.
    timeout: Seconds that each request may take; by default the Flow's own limit for its kind, which is also the most.
        A late request of several Documents is split and sent again, in at most five times that time.
    fields: Fields of Documents and matches wanted in the answers, such as `["text", "tags"]`; `["*"]` for all. By
        default a search gives all but tensor, buffer and embedding, and any other call ids alone.
    top_k: Matches wanted for each Document of a search.
    filter: Which Documents a search may find, by their tags: text such as `price < 60 and not sold`, or an object such
        as `{"price": {"$lt": 60}}`.
    parameters: Arguments for Drivers by name, which replace those of the Executors' YAML.
    queries: Arguments for one class of Driver: `{"driver": .., "parameters": {..}, "priority": 1, "disabled": False}`.
    on_done: Called with each answer that did not fail.
    on_error: Called with each answer that failed. With it the call goes on; without it the first failure ends the call.
    on_always: Called with every answer, after the others.
    ordered: Whether `search` and `stream` give Documents in the order of the inputs (the default) or as they are ready.
    progress: Whether to show a progress bar on standard error; by default, if that is a terminal.
    total: How many Documents there will be, for the progress bar, where the inputs do not show it.
    """

    request_size: int
    in_flight: int
    timeout: float | None
    fields: Sequence[str]
    top_k: int | None
    filter: str | Mapping[str, Any] | Filter | None
    parameters: Mapping[str, Any]
    queries: Sequence[Mapping[str, Any]]
    on_done: Callback | None
    on_error: Callback | None
    on_always: Callback | None
    ordered: bool
    progress: bool | None
    total: int | None


def check(options: Options) -> None:
    """Raise InvalidRequest for an option that is not known or not sensible."""
    for name in options:
        if name not in Options.__annotations__:
            raise InvalidRequest(f"{name}: is not an option of a call; known: {', '.join(Options.__annotations__)}")
    for name in ("request_size", "in_flight"):
        value = options.get(name, 1)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InvalidRequest(f"{name}: {value!r} is not a whole number above 0")
