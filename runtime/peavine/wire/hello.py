"""What two peers tell each other first, and when they refuse each other. No I/O."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Final

from peavine.errors import InvalidRequest, VersionMismatch
from peavine.v1 import pea_pb2
from peavine.version import __version__
from peavine.wire.columns.layout import VERSION
from peavine.wire.header import kind_of, name_of
from peavine.wire.unit import CONTROL, MAX_UNIT_ITEMS, parse, serialize, stamp, unstamp

__all__ = ["PROTOCOL", "accepts", "check", "draining", "hello", "reads_columns", "together"]

MAX_HELLO_BYTES: Final = 262144
"""Size of a Hello: 64 Pods name their parameters in much less."""
PROTOCOL: Final = 1
"""Raised by one when units change so that an earlier peavine would misread them."""


def hello(
    pod: str,
    pea: str,
    accepts: Mapping[str, Iterable[str]] | None = None,
    *,
    window: int = 0,
    concurrency: int = 1,
    max_bytes: int = 0,
    protocol: int = PROTOCOL,
    stores: Iterable[pea_pb2.StoreIdentity] = (),
    final: bool = False,
) -> bytes:
    """Return the first unit of a stream, without its stamp. `accepts` is by kind; `window` is counted in units.

    `window`, `concurrency` and `max_bytes` (of a unit; 0 for no limit) are what a server takes.
    `final` says of a client that all its units are final, of a server that it knows what a final unit is.
    """
    said = pea_pb2.Hello(
        version=__version__,
        protocol=protocol,
        pod=pod,
        pea=pea,
        window=window,
        concurrency=concurrency,
        max_items=MAX_UNIT_ITEMS if window else 0,
        max_bytes=max_bytes,
        stores=stores,
        columns=VERSION,
        final=final,
    )
    for kind, names in (accepts or {}).items():
        said.accepts[kind_of(kind)].names.extend(sorted(names))
    return serialize(pea_pb2.Unit(hello=said))


def draining() -> bytes:
    """Return the unit that says: send nothing new."""
    return stamp(serialize(pea_pb2.Unit(draining=True)), CONTROL, 0, time.time())


def check(raw: bytes, peer: str) -> pea_pb2.Hello:
    """Return a peer's Hello, or raise VersionMismatch or InvalidRequest; `peer` is its address, for the message."""
    if len(raw) > MAX_HELLO_BYTES:
        raise InvalidRequest(f"{peer} began with {len(raw)} bytes; a Hello has at most {MAX_HELLO_BYTES}")
    unit = parse(unstamp(raw).rest)
    if not unit.HasField("hello"):
        raise InvalidRequest(f"{peer} did not begin with a Hello")
    if unit.hello.protocol != PROTOCOL:
        raise VersionMismatch(
            f"{peer} is peavine {unit.hello.version or '(unknown)'} with protocol {unit.hello.protocol}, and this is "
            f"peavine {__version__} with protocol {PROTOCOL}; run the same version on both sides"
        )
    return unit.hello


def reads_columns(said: pea_pb2.Hello) -> bool:
    """Return whether a peer reads columns as they are written here."""
    return said.columns == VERSION


def accepts(said: pea_pb2.Hello) -> dict[str, frozenset[str]]:
    """Return the parameters that a peer takes, by kind of request."""
    known = [kind for kind in said.accepts if kind in pea_pb2.Kind.values() and kind]
    return {name_of(pea_pb2.Kind.ValueType(kind)): frozenset(said.accepts[kind].names) for kind in known}


def together(several: Iterable[Mapping[str, frozenset[str]]]) -> dict[str, frozenset[str]]:
    """Return the parameters of all, by kind of request."""
    found: dict[str, frozenset[str]] = {}
    for each in several:
        for kind, names in each.items():
            found[kind] = found.get(kind, frozenset()) | names
    return found
