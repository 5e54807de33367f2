"""Filters as text: `price < 60 and category in ("shoes", "boots") and not sold`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from peavine.errors import InvalidRequest
from peavine.filters.bounds import MAX_LENGTH, Budget
from peavine.filters.building import Unfit, condition
from peavine.filters.filter import NAME, WORDS, And, Filter, Not, Operator, Or
from peavine.filters.values import DATETIME, Area, Box, Circle, Place, instant, place

__all__ = ["from_text"]

_TOKEN = re.compile(
    rf"""(?P<space>\s+)
    |(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<datetime>{DATETIME}(?![\w:-]))
    |(?P<number>-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    |`(?P<quoted>(?:[^`]|``)+)`
    |(?P<name>{NAME})
    |(?P<sign><=|>=|==|!=|<>|[=<>()\[\],])""",
    re.VERBOSE | re.DOTALL,
)
_SIGNS: Final[dict[str, Operator]] = {
    "=": "eq", "==": "eq", "!=": "ne", "<>": "ne", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte",
}  # fmt: skip
_WORDS: Final[dict[str, Operator]] = {"contains": "contains", "startswith": "prefix", "in": "in", "within": "within"}
_METRES: Final = {"m": 1.0, "km": 1000.0, "mi": 1609.344}
_CLOSING = {"(": ")", "[": "]"}


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int


def from_text(text: str) -> Filter:
    """Return the filter, or raise InvalidRequest that says where it cannot be read."""
    if len(text) > MAX_LENGTH:
        raise InvalidRequest(f"filter: too long; the limit is {MAX_LENGTH:,} characters")
    reader = _Reader(text)
    if reader.at_end:
        raise InvalidRequest("filter: is empty; leave the filter out to mean all Documents")
    found = reader.either(1)
    if not reader.at_end:
        reader.expected("`and`, `or` or the end")
    return found


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            what = "a string without its closing quote" if text[at] in "\"'`" else f"unexpected {text[at]!r}"
            raise InvalidRequest(f"filter: {what} at character {at + 1}: {text[at : at + 40]}")
        kind = match.lastgroup or ""
        found = match[kind]
        if kind == "name" and found.lower() in WORDS:
            yield _Token("word", found.lower(), at)
        elif kind == "quoted":
            yield _Token("name", found.replace("``", "`"), at)
        elif kind == "string":
            yield _Token(kind, re.sub(r"\\(.)", _unescaped, found[1:-1], flags=re.DOTALL), at)
        elif kind != "space":
            yield _Token(kind, found, at)
        at = match.end()
    yield _Token("end", "", len(text))


def _unescaped(match: re.Match[str]) -> str:
    return {"n": "\n", "t": "\t", "r": "\r"}.get(match[1], match[1])


class _Reader:
    """Reads tokens from left to right, one of them ahead."""

    def __init__(self, text: str) -> None:
        self._text, self._budget = text, Budget()
        self._tokens = _tokens(text)
        self._next = next(self._tokens)

    @property
    def at_end(self) -> bool:
        return self._next.kind == "end"

    def expected(self, what: str) -> NoReturn:
        at = self._next.at
        found = "the end" if self.at_end else f"{self._text[at : at + 40]!r}"
        raise InvalidRequest(f"filter: expected {what} at character {at + 1}, found {found}")

    def _take(self, *texts: str, kind: str = "") -> _Token | None:
        """Return the next token and go on, if it is one of these words and signs, or of this kind."""
        token = self._next
        right = token.kind == kind if kind else token.kind in ("word", "sign") and token.text in texts
        if not right or token.kind == "end":
            return None
        self._next = next(self._tokens)
        return token

    def _need(self, text: str) -> None:
        if self._take(text) is None:
            self.expected(f"`{text}`")

    def either(self, depth: int) -> Filter:
        """Read `a or b or ..`."""
        self._budget.depth(depth)
        parts = [self._both(depth)]
        while self._take("or"):
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _both(self, depth: int) -> Filter:
        parts = [self._negated(depth)]
        while self._take("and"):
            parts.append(self._negated(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _negated(self, depth: int) -> Filter:
        if self._take("not"):
            self._budget.depth(depth + 1)
            return Not(self._negated(depth + 1))
        if self._take("("):
            found = self.either(depth + 1)
            self._need(")")
            return found
        return self._condition()

    def _condition(self) -> Filter:
        self._budget.condition()
        at = self._next.at
        try:
            if self._take("exists"):
                self._need("(")
                field = self._field()
                self._need(")")
                return condition(field, "exists", True)
            field = self._field()
            return condition(field, *self._asked())
        except Unfit as problem:
            raise InvalidRequest(f"filter: {self._text[at : at + 40]!r} at character {at + 1}: {problem}") from None

    def _field(self) -> str:
        token = self._take(kind="name")
        if token is None:
            remedy = f" (in backticks where it is a word such as `{self._next.text}`)" if self._is_word else ""
            self.expected(f"the name of a tag{remedy}")
        return token.text

    @property
    def _is_word(self) -> bool:
        return self._next.kind == "word"

    def _asked(self) -> tuple[Operator, Any]:
        """Read an operator and its value; a tag alone must be true."""
        sign = self._take(*_SIGNS)
        if sign is not None:
            return _SIGNS[sign.text], self._value()
        if self._take("not"):
            self._need("in")
            return "nin", self._values()
        word = self._take(*_WORDS)
        if word is None:
            if self.at_end or self._next.text in ("and", "or", ")"):
                return "eq", True
            self.expected("an operator (==, !=, <, <=, >, >=, in, not in, contains, startswith, within)")
        if word.text == "in":
            return "in", self._values()
        return _WORDS[word.text], self._area() if word.text == "within" else self._value()

    def _value(self) -> Any:
        if (word := self._take("true", "false", "null")) is not None:
            return {"true": True, "false": False, "null": None}[word.text]
        if (text := self._take(kind="string")) is not None:
            return text.text
        if (moment := self._take(kind="datetime")) is not None:
            found = instant(moment.text)
            if found is None:
                raise Unfit(f"{moment.text} is not a datetime")
            return found
        if self._next.kind == "number":
            return self._number()
        self.expected("a value: a number, a string in quotes, true, false, null or a datetime")

    def _number(self) -> float:
        token = self._take(kind="number")
        if token is None:
            self.expected("a number")
        return float(token.text)

    def _values(self) -> Sequence[Any]:
        opening = self._take("(", "[")
        if opening is None:
            self.expected("a list of values in parentheses")
        values: list[Any] = []
        while self._take(_CLOSING[opening.text]) is None:
            if values:
                self._need(",")
            self._budget.values(1)
            values.append(self._value())
        return values

    def _area(self) -> Area:
        if self._next.text == "box":
            self._take(kind="name")
            self._need("(")
            top_left = self._place()
            self._need(",")
            bottom_right = self._place()
            self._need(")")
            if top_left.lat < bottom_right.lat:
                raise Unfit("the first corner of a box is its top left, the second its bottom right")
            return Box(top_left, bottom_right)
        if self._next.kind != "number":
            self.expected("a distance, such as 5 km of (LAT, LON), or box((LAT, LON), (LAT, LON))")
        distance = self._number()
        unit = self._next.text
        if unit not in _METRES:
            self.expected(f"a unit ({', '.join(_METRES)})")
        self._take(kind="name")
        if self._next.text != "of":
            self.expected("`of`")
        self._take(kind="name")
        center = self._place()
        if not 0 <= distance * _METRES[unit] < float("inf"):
            raise Unfit("a distance must be 0 or more")
        return Circle(center, distance * _METRES[unit])

    def _place(self) -> Place:
        self._need("(")
        lat = self._number()
        self._need(",")
        lon = self._number()
        self._need(")")
        found = place({"lat": lat, "lon": lon})
        if found is None:
            raise Unfit(f"({lat:g}, {lon:g}) is not a place: latitudes are -90 to 90, longitudes -180 to 180")
        return found
