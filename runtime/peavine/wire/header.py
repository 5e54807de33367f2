"""The header of a request: what it asks for, from a user's words. Knows nothing of Documents or of transport."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from google.protobuf.struct_pb2 import Struct

from peavine.errors import InvalidRequest, did_you_mean
from peavine.filters import Filter, parse
from peavine.spec import KINDS
from peavine.v1 import pea_pb2
from peavine.wire.kept import check_fields
from peavine.wire.tags import write_struct

__all__ = ["KIND_NUMBERS", "WRITES", "check_top_k", "header", "kind_of", "name_of"]

_QUERY = ("driver", "parameters", "priority", "disabled")


KIND_NUMBERS = frozenset(pea_pb2.Kind.values()) - {pea_pb2.KIND_UNSPECIFIED}
"""The wire's number of each kind of request."""


WRITES = frozenset((pea_pb2.INDEX, pea_pb2.UPDATE, pea_pb2.DELETE))
"""Those that change what is kept of Documents."""


def kind_of(name: str) -> pea_pb2.Kind.ValueType:
    """Return the wire's number for `index`, `search`, ..., or raise InvalidRequest."""
    if name not in KINDS:
        raise InvalidRequest(f'kind: "{name}" is not one of {", ".join(KINDS)}{did_you_mean(name, KINDS)}')
    return pea_pb2.Kind.Value(name.upper())


def name_of(kind: pea_pb2.Kind.ValueType) -> str:
    """Return `index`, `search`, ... for the wire's number."""
    return pea_pb2.Kind.Name(kind).lower()


def header(
    kind: str,
    *,
    top_k: int | None = None,
    filter: str | Mapping[str, Any] | Filter | None = None,
    parameters: Mapping[str, Any] | None = None,
    queries: Iterable[Mapping[str, Any]] = (),
    timeout: float | None = None,
    version: int = 0,
    fields: Sequence[str] = (),
) -> pea_pb2.Header:
    """Return the header of a request, without its id.

    `top_k` and `filter` are the parameters of those names. `queries` are mappings with `driver`, `parameters`,
    `priority` and `disabled`. `timeout` is in seconds; `version` says when a write was issued, 0 that it is when it
    arrives. `fields` are what the answer keeps of Documents. Raises InvalidRequest that names the wrong field.
    """
    if isinstance(fields, str):
        raise InvalidRequest(f'fields: "{fields:.64}" is a string; give a list of names, such as ["text", "tags"]')
    check_fields(fields)
    made = pea_pb2.Header(kind=kind_of(kind), version=version, fields=fields)
    given = dict(parameters or {})
    if top_k is not None:
        if given.get("top_k", top_k) != top_k:
            raise InvalidRequest(f"top_k: {top_k}, but parameters.top_k is {given['top_k']}; give one of them")
        given["top_k"] = top_k
    if "top_k" in given:
        check_top_k(given["top_k"])
    if filter is not None:
        if "filter" in given:
            raise InvalidRequest("filter: is given twice, here and as parameters.filter; give one of them")
        given["filter"] = parse(filter).to_object()
    if given:
        made.parameters.CopyFrom(_struct(given, "parameters"))
    if timeout is not None:
        if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < math.inf:
            raise InvalidRequest(f"timeout: {timeout!r} is not a number of seconds above 0")
        made.timeout = timeout
    for place, query in enumerate(queries):
        made.queries.append(_query(query, f"queries[{place}]"))
    return made


def check_top_k(top_k: Any) -> None:
    """Raise InvalidRequest unless it is a whole number above 0."""
    whole = (isinstance(top_k, int) and not isinstance(top_k, bool)) or (
        isinstance(top_k, float) and top_k.is_integer()
    )
    if not whole or top_k < 1:
        raise InvalidRequest(f"top_k: {top_k!r} is not a whole number above 0")


def _query(query: Mapping[str, Any], path: str) -> pea_pb2.Query:
    for key in query:
        if key not in _QUERY:
            raise InvalidRequest(f"{path}.{key}: unknown field{did_you_mean(key, _QUERY) or '; known: driver, ...'}")
    if not isinstance(query.get("driver"), str) or not query["driver"]:
        raise InvalidRequest(f"{path}.driver: is required: the class of Driver whose arguments are meant")
    priority = query.get("priority", 1)
    if isinstance(priority, bool) or not isinstance(priority, int) or abs(priority) > 2**31 - 1:
        raise InvalidRequest(f"{path}.priority: {priority!r} is not a whole number")
    return pea_pb2.Query(
        driver=query["driver"],
        parameters=_struct(query.get("parameters") or {}, f"{path}.parameters"),
        priority=priority,
        disabled=bool(query.get("disabled", False)),
    )


def _struct(data: Mapping[str, Any], path: str) -> Struct:
    made = Struct()
    try:
        write_struct(data, made)
    except InvalidRequest as problem:
        raise InvalidRequest(f"{path}{problem}") from None
    return made
