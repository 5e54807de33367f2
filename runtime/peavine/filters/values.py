"""The values that tags and filters have: numbers, strings, booleans, datetimes and places on Earth.

Tags are JSON. A datetime is a string in ISO 8601, a place an object `{"lat": .., "lon": ..}`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

__all__ = ["DATETIME", "Area", "Box", "Circle", "Place", "in_utc", "instant", "kind_of", "micros", "number", "place"]

DATETIME = r"\d{4}-\d{2}-\d{2}(?:[Tt]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:[Zz]|[+-]\d{2}:\d{2})?)?"
"""ISO 8601: a date, or a date and a time. Without an offset it is UTC."""

_DATETIME = re.compile(DATETIME, re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARTH = 6_371_008.8
"""The mean radius of the Earth in metres; distances are along the sphere of this radius."""


def kind_of(value: Any) -> str:
    """Return what a value is, in words of JSON."""
    names = {bool: "true or false", int: "a number", float: "a number", str: "a string", type(None): "null"}
    return names.get(type(value)) or ("a list" if isinstance(value, list | tuple) else "an object")


def number(value: Any) -> float | None:
    """Return a finite number, None for everything else; true and false are not numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        wide = float(value)
    except OverflowError:
        return None
    return wide if math.isfinite(wide) else None


def instant(value: Any) -> datetime | None:
    """Return the datetime that a string is, in UTC, None for everything else."""
    if not isinstance(value, str) or not _DATETIME.fullmatch(value):
        return None
    try:
        return in_utc(datetime.fromisoformat(value.upper()))
    except (ValueError, OverflowError):
        return None


def in_utc(moment: datetime) -> datetime:
    """Return the same moment in UTC; without an offset it is UTC already."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def micros(moment: datetime) -> int:
    """Return a moment in microseconds since 1970."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


@dataclass(frozen=True)
class Place:
    """A place on Earth, in degrees."""

    lat: float
    lon: float

    @cached_property
    def direction(self) -> tuple[float, float, float]:
        """The place on a sphere of radius 1."""
        lat, lon = math.radians(self.lat), math.radians(self.lon)
        return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)

    def to_object(self) -> dict[str, float]:
        """Return it as a tag has it."""
        return {"lat": self.lat, "lon": self.lon}


def place(value: Any) -> Place | None:
    """Return the place that an object `{"lat": .., "lon": ..}` is, None for everything else."""
    if not isinstance(value, Mapping) or len(value) != 2:
        return None
    lat, lon = number(value.get("lat")), number(value.get("lon"))
    if lat is None or lon is None or abs(lat) > 90 or abs(lon) > 180:
        return None
    return Place(lat, lon)


@dataclass(frozen=True)
class Circle:
    """All places at most `radius` metres from the center."""

    center: Place
    radius: float

    @cached_property
    def chord(self) -> float:
        """The square of the straight distance, through a sphere of radius 1, that belongs to the radius."""
        angle = self.radius / EARTH
        return math.inf if angle >= math.pi else (2 * math.sin(angle / 2)) ** 2

    def holds(self, where: Place) -> bool:
        """Return whether a place is inside. It uses only operations that arrays of numbers compute alike."""
        (x, y, z), (a, b, c) = where.direction, self.center.direction
        return (x - a) * (x - a) + (y - b) * (y - b) + (z - c) * (z - c) <= self.chord


@dataclass(frozen=True)
class Box:
    """All places between two parallels and two meridians; where its left is east of its right, it crosses the 180th."""

    top_left: Place
    bottom_right: Place

    def holds(self, where: Place) -> bool:
        """Return whether a place is inside."""
        west, east = self.top_left.lon, self.bottom_right.lon
        across = west <= where.lon <= east if west <= east else where.lon >= west or where.lon <= east
        return across and self.bottom_right.lat <= where.lat <= self.top_left.lat


Area = Circle | Box
