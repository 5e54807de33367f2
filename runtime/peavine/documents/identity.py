"""Ids: what names a Document. Any non-empty string of at most 256 bytes of UTF-8."""

from __future__ import annotations

import os

from peavine.errors import InvalidRequest

__all__ = ["MAX_ID_BYTES", "check_id", "random_id", "row_name", "split_name"]

MAX_ID_BYTES = 256
"""Length that an id may have in UTF-8. Stores rely on it: it fits their keys."""


def random_id() -> str:
    """Return 16 random hexadecimal characters."""
    return os.urandom(8).hex()


def check_id(value: object, path: str = "id") -> str:
    """Return the id, or raise InvalidRequest that says what is wrong with it; `path` says where it stands."""
    if type(value) is not str:
        if not isinstance(value, str):
            raise InvalidRequest(f"{path}: must be a string, not {type(value).__name__}; use str(..)")
        value = str.__str__(value)  # numpy's, or a member of an enumeration of strings
    if not value:
        raise InvalidRequest(f"{path}: is empty; give 1 to {MAX_ID_BYTES} bytes, or leave it out for a random one")
    if len(value) > 64 or not value.isascii():  # 64 characters have at most 256 bytes
        try:
            size = len(value.encode())
        except UnicodeEncodeError:
            raise InvalidRequest(f"{path}: {value!r} is not valid Unicode (a lone surrogate)") from None
        if size > MAX_ID_BYTES:
            raise InvalidRequest(f"{path}: {value[:24]!r}... has {size} bytes in UTF-8; at most {MAX_ID_BYTES}")
    return value


def row_name(id: str, owner: str) -> str:
    """Return what names a row of an index, given the ids of a Document and of its root, its owner.

    Of a root it is its id. Parts of different Documents may have the same id, so the name of a part holds both ids.
    """
    if id == owner:
        return f"{_MARK}{id}" if id.startswith(_MARK) else id
    return f"{_MARK}{len(owner)}:{owner}{id}"


def split_name(name: str) -> tuple[str, str]:
    """Return the ids of the Document that a row stands for, and of its root."""
    if not name.startswith(_MARK):
        return name, name
    size, colon, ids = name[1:].partition(":")
    if not colon or not (size.isascii() and size.isdecimal()):
        return name[1:], name[1:]
    return ids[int(size) :], ids[: int(size)]


_MARK = "\0"
"""Begins the name of a part. A root's id that begins with it is given another one."""
