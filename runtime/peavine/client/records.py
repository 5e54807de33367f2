"""From a line of JSON, or a cell of CSV, to a Document and its fields. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from peavine.client.items import identified, of_dict
from peavine.documents import Document
from peavine.errors import InvalidRequest, did_you_mean

__all__ = ["cell", "distinct", "of_json", "of_record"]

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", re.ASCII)
_DIGITS = 15
"""Digits of a number that a double keeps; longer ones, such as those of some barcodes, stay text."""


def cell(value: str) -> Any:
    """Return a cell of CSV as a number, boolean or text. Codes such as 007 and 12E4 are text."""
    if len(value) <= _DIGITS + 2 and _NUMBER.fullmatch(value) and sum(map(str.isdigit, value)) <= _DIGITS:
        return json.loads(value)
    return {"true": True, "false": False}.get(value.lower(), value)


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object whose keys are all different; of two values one would be lost."""
    data = dict(pairs)
    if len(data) < len(pairs):
        seen = set[str]()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise InvalidRequest(f'has two values for "{twice}"')
    return data


def of_json(data: Any) -> Document | tuple[Document, Document]:
    """Return the Document of a dictionary, or the pair of `{"document": .., "groundtruth": ..}`."""
    data = _object(data)
    if data.keys() == {"document", "groundtruth"}:
        return of_dict(data["document"]), of_dict(data["groundtruth"])
    return of_dict(data)


def of_record(data: Any, text: str, id: str | None) -> Document:
    """Return the Document of a user's own dictionary. `text` and `id` name its keys for these; others become tags."""
    data = _object(data)
    for wanted in [text] if id is None else [text, id]:
        if wanted not in data:
            raise InvalidRequest(f'no key "{wanted}"{did_you_mean(wanted, data)}; it has: {", ".join(data)}')
    if not isinstance(data[text], str):
        raise InvalidRequest(f"{text}: should be text (given: {data[text]!r:.40})")
    key = id or ("id" if "id" in data else None)
    name = None if key is None else data[key]
    if isinstance(name, bool) or not isinstance(name, str | int | None):
        raise InvalidRequest(f"{key}: should be text or a whole number (given: {name!r:.40})")
    tags = {name: value for name, value in data.items() if name not in (text, key)}
    return identified(Document.from_dict({"text": data[text], "tags": tags}), None if name is None else str(name))


def _object(data: Any) -> Mapping[str, Any]:
    if not isinstance(data, dict):
        raise InvalidRequest(f"should be a JSON object (given: {data!r:.40})")
    return data
