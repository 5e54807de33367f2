"""A unit for several shards: each gets the Documents that it owns, and their answers are put together again. Pure.

A root Document belongs to shard blake2b(id) mod shards, for as long as there are as many shards. Only ids are read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from peavine.errors import InvalidRequest
from peavine.v1 import pea_pb2
from peavine.wire.join import lesser, union
from peavine.wire.report import added, filled, report_of, set_report
from peavine.wire.roots import roots, together
from peavine.wire.status import status_of

__all__ = ["Part", "assemble", "cover", "owner", "portions", "split"]

PORTION_BYTES: Final = 64
"""What an item takes in a unit besides its own bytes, and a unit besides its items, at the most."""


def owner(name: str, shards: int) -> int:
    """Return the shard that owns the root Document of that id."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big") % shards


@dataclass
class Part:
    """What one shard gets of a unit, and which of the unit's items each of its items is a part of."""

    unit: pea_pb2.Unit
    places: list[int] = field(default_factory=list)


def split(unit: pea_pb2.Unit, shards: int) -> dict[int, Part]:
    """Return each shard's part of a unit; a shard that owns none of its Documents has none.

    Items that bear an error go to no shard. An item that cannot be read gets one here.
    """
    parts: dict[int, Part] = {}
    for place, item in enumerate(unit.items):
        if item.header.HasField("status"):
            continue
        try:
            owned = _owned(item, shards, range(shards) if unit.kind == pea_pb2.TRAIN else (0,))
        except InvalidRequest as error:
            item.header.status.CopyFrom(status_of(error))
            del item.bodies[:]
            continue
        for shard, bodies in owned.items():
            part = parts.setdefault(shard, Part(pea_pb2.Unit(kind=unit.kind)))
            part.places.append(place)
            own = part.unit.items.add(bodies=bodies)
            own.header.CopyFrom(item.header)
            own.header.ClearField("report")  # each shard would repeat it
            del own.header.routes[:]
    return parts


def portions(unit: pea_pb2.Unit, max_bytes: int, pod: str, max_items: int) -> dict[int, Part]:
    """Return the items of a unit that have not failed in parts of at most `max_items` and `max_bytes`, in order.

    With `max_bytes` 0 size does not matter.

    An item that is too large by itself gets an error here, which names `pod` as the one that cannot take it.
    """
    parts: dict[int, Part] = {}
    room = 0
    for place, item in enumerate(unit.items):
        if item.header.HasField("status"):
            continue
        size = item.ByteSize() + PORTION_BYTES
        if 0 < max_bytes < size + PORTION_BYTES:
            error = InvalidRequest(
                f'the request has {size} bytes before Pod "{pod}", and the limit there is {max_bytes}; send fewer '
                "Documents a request, ask for less (top_k), or raise maxMessageBytes of the Flow and of the Pod"
            )
            item.header.status.CopyFrom(status_of(error, pod))
            del item.bodies[:]
            continue
        if not parts or len(parts[len(parts) - 1].places) == max_items or (max_bytes and size > room):
            room = max_bytes - PORTION_BYTES
            parts[len(parts)] = Part(pea_pb2.Unit(kind=unit.kind))
        room -= size
        part = parts[len(parts) - 1]
        part.places.append(place)
        part.unit.items.append(item)
    return parts


def _owned(item: pea_pb2.Envelope, shards: int, without: Iterable[int]) -> dict[int, list[bytes]]:
    """Return the bodies for each shard. Every shard of the item gets as many bodies as the item has.

    `without` are the shards that get an item without Documents.
    """
    batches = [roots(body) for body in item.bodies]
    owners = [[owner(name, shards) for name in batch.names] for batch in batches]
    wanted = sorted({shard for each in owners for shard in each})
    if len(wanted) < 2:
        return {shard: list(item.bodies) for shard in wanted or without}
    return {
        shard: [
            batch.chosen([place for place, its in enumerate(shards_of) if its == shard])
            for batch, shards_of in zip(batches, owners, strict=True)
        ]
        for shard in wanted
    }


def assemble(unit: pea_pb2.Unit, parts: Mapping[int, Part], answers: Mapping[int, pea_pb2.Unit]) -> int:
    """Put the shards' answers into the unit that they are answers to, and return how many of its items have failed.

    An item's Documents come back in its own order. An item that failed in one shard has failed.
    """
    pieces: dict[int, list[pea_pb2.Envelope]] = {}
    for shard, part in parts.items():
        for place, item in zip(part.places, answers[shard].items, strict=True):
            pieces.setdefault(place, []).append(item)
    for place, several in pieces.items():
        _assemble(unit.items[place], several)
    routes = union([unit.routes, *(answer.routes for answer in answers.values())])
    del unit.routes[:]
    unit.routes.extend(routes)
    return sum(item.header.HasField("status") for item in unit.items)


def cover(unit: pea_pb2.Unit, parts: Mapping[int, Part], answered: Collection[int], shards: int) -> None:
    """Say for each item of a read how many of the shards that it needs have answered. Documents of others are left out.

    A shard that owns none of an item's Documents counts as one that answered.
    """
    missing = [set(part.places) for shard, part in parts.items() if shard not in answered]
    there = {place for shard in answered for place in parts[shard].places}
    for place in {place for part in parts.values() for place in part.places}:
        item = unit.items[place]
        coverage = pea_pb2.Coverage(answered=shards - sum(place in places for places in missing), total=shards)
        item.header.coverage.CopyFrom(lesser(item.header, coverage))
        if place not in there:
            del item.bodies[:]
            item.bodies.append(b"")


def _assemble(item: pea_pb2.Envelope, pieces: list[pea_pb2.Envelope]) -> None:
    routes = union([item.header.routes, *(piece.header.routes for piece in pieces)])
    del item.header.routes[:]
    item.header.routes.extend(routes)
    broken = next((piece for piece in pieces if piece.header.HasField("status")), None)
    if broken is not None:
        item.header.status.CopyFrom(broken.header.status)
        del item.bodies[:]
        return
    item.header.top_k = max(piece.header.top_k for piece in pieces)
    for piece in pieces:
        if piece.header.HasField("coverage"):
            item.header.coverage.CopyFrom(lesser(item.header, piece.header.coverage))
    bodies = [body for piece in pieces for body in piece.bodies]
    try:
        if any(piece.header.HasField("report") for piece in pieces):
            reported = added(report_of(piece.header) for piece in pieces)
            set_report(item.header, filled([report_of(item.header), reported]))
        if len(bodies) > 1:
            bodies = [_ordered(item, bodies)]
    except InvalidRequest as error:  # a cell of columns is read only when it is needed
        item.header.status.CopyFrom(status_of(error))
        del item.bodies[:]
        return
    del item.bodies[:]
    item.bodies.extend(bodies)


def _ordered(item: pea_pb2.Envelope, bodies: list[bytes]) -> bytes:
    """Return one body with the Documents of all, in the order in which the item has them."""
    order: dict[str, int] = {}
    for body in item.bodies:
        for name in roots(body).names:
            order.setdefault(name, len(order))
    answer = together(bodies)
    ranks = [order.get(name, len(order)) for name in answer.names]
    return answer.chosen(sorted(range(len(ranks)), key=ranks.__getitem__))
