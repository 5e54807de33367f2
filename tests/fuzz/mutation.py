"""Inputs that are nearly right: valid ones with something changed. The same seed gives the same inputs."""

from __future__ import annotations

import random
from collections.abc import Sequence

__all__ = ["mutated"]

EXTREMES = (
    b"\x00", b"\x7f", b"\x80", b"\xff", b"\xff\xff\xff\xff\x0f", b"\xff" * 9 + b"\x01", b"\x80" * 12, b"\x0b", b"\x0c",
    b"-1", b"0", b"1e999", b"NaN", b"null", b"[", b"{", b'"', b"\\ud800", b"!Class ", b"&a ", b"*a", b"${{", b"\n",
    b": ", b"true", b"18446744073709551616", b"\xed\xa0\x80", b"\xef\xbb\xbf",
)  # fmt: skip
"""What parsers stumble over: lengths, groups and numbers of protobuf, words of JSON and YAML."""
REPEATS = (2, 10, 100, 3000)
MAX_BYTES = 200_000


def mutated(chance: random.Random, valid: Sequence[bytes]) -> bytes:
    """Return one of the inputs with one to six changes."""
    raw = bytearray(chance.choice(valid))
    for _ in range(chance.choice((1, 1, 2, 3, 6))):
        _change(chance, raw, valid)
    return bytes(raw[:MAX_BYTES])


def _change(chance: random.Random, raw: bytearray, valid: Sequence[bytes]) -> None:
    begin = chance.randrange(len(raw) + 1)
    end = min(len(raw), begin + chance.choice((1, 1, 2, 4, 16, 64)))
    match chance.randrange(7):
        case 0:
            for place in range(begin, end):
                raw[place] ^= 1 << chance.randrange(8)
        case 1:
            raw[begin:end] = chance.choice(EXTREMES)
        case 2:
            del raw[begin:end]
        case 3:
            raw[begin:end] = bytes(raw[begin:end]) * chance.choice(REPEATS)
        case 4:
            other = chance.choice(valid)
            cut = chance.randrange(len(other) + 1)
            raw[begin:end] = other[cut : cut + chance.choice((1, 8, 64, 512))]
        case 5:
            del raw[begin:]
        case 6:
            raw[begin:begin] = chance.choice(EXTREMES) * chance.choice(REPEATS)
