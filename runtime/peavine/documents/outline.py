"""Documents in one line each, for the tables that people read: in a terminal, and as HTML in a notebook."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from peavine.png import COLOUR_TYPES, data_uri, png

if TYPE_CHECKING:
    from peavine.documents.document import Document

__all__ = ["content", "document_html", "list_html", "measure", "printable", "tags"]

LONGEST: Final = 80
"""Maximum number of characters of a text, or of tags, that are shown."""
MOST_TAGS: Final = 4
"""Maximum number of tags of a Document that are shown."""
MOST_ROWS: Final = 20
"""Maximum number of rows of a table in a notebook."""
MOST_PIXELS: Final = 512
"""Maximum width and height of a tensor that is shown as a picture."""
MOST_BYTES: Final = 1 << 20
"""Maximum size of an encoded picture that is put into a page."""


def measure(matches: Sequence[Document]) -> str:
    """Return the title for the scores of matches, which shows whether small or large ones are good."""
    directions = {bool(match.score.ascending) for match in matches if match.score is not None}
    return "score" if len(directions) != 1 else "distance" if directions.pop() else "similarity"


def content(document: Document) -> str:
    """Return the content of a Document: for a match with parts, that of the best one."""
    parts = [part for part in document.chunks if part.score is not None]
    if parts:
        return content(min(parts, key=lambda part: part.score.rank))
    if document.text is not None:
        return _short(" ".join(document.text.split()))
    if document.uri and not document.uri.startswith("data:"):
        return _short(document.uri)
    if document.chunks:
        return content(document.chunks[0])
    return tags(document) or printable(document.id)


def tags(document: Document) -> str:
    """Return the first tags of a Document by name; they have no order of their own."""
    every = sorted(document.tags.items()) if document.has_tags else []
    shown = [f"{name}: {_number(value)}" for name, value in every[:MOST_TAGS]]
    return _short(", ".join([*shown, *(["\N{HORIZONTAL ELLIPSIS}"] if len(every) > MOST_TAGS else [])]))


def printable(text: str) -> str:
    """Return a text without the characters that would command a terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def document_html(document: Document) -> str:
    """Return a Document as HTML: a line about itself, and a table of its matches or else of its chunks."""
    line = f"<div><b>{_escaped(document.id)}</b> {_picture(document) or _escaped(content(document))}</div>"
    return line + (list_html(document.matches) if document.matches else list_html(document.chunks))


def list_html(documents: Sequence[Document]) -> str:
    """Return an HTML table of Documents, which may be matches; empty text where there are none."""
    if not documents:
        return ""
    shown = documents[:MOST_ROWS]
    scored = any(doc.score is not None for doc in shown)
    tagged = any(doc.has_tags for doc in shown)
    titles = ["#", *([measure(shown)] if scored else []), "id", "content", *(["tags"] if tagged else [])]
    rows = []
    for place, doc in enumerate(shown, 1):
        score = "" if doc.score is None else f"{doc.score.value:.4g}"
        texts = [_escaped(doc.id), _picture(doc) or _escaped(content(doc)), *([_escaped(tags(doc))] if tagged else [])]
        cells = [str(place), *([score] if scored else []), *texts]
        rows.append("".join(f'<td style="text-align: left">{cell}</td>' for cell in cells))
    more = len(documents) - len(shown)
    rest = f"<div>and {more:,} more</div>" if more else ""
    head = "".join(f'<th style="text-align: left">{title}</th>' for title in titles)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>{rest}"


def _escaped(text: str) -> str:
    return html.escape(_short(text))


def _picture(document: Document) -> str:
    """Return the picture that a Document is, as an HTML element; empty text where it is not one."""
    pixels = document.tensor
    if isinstance(pixels, np.ndarray) and pixels.dtype == np.uint8 and _is_picture(pixels.shape):
        source = data_uri("image/png", png(pixels))
    elif document.buffer is not None and document.mime_type.startswith("image/") and len(document.buffer) <= MOST_BYTES:
        source = data_uri(document.mime_type, document.buffer)
    elif document.uri.startswith("data:image/") and len(document.uri) <= 2 * MOST_BYTES:
        source = document.uri
    else:
        return ""
    return f'<img src="{html.escape(source)}" style="height: 64px" alt="{_escaped(document.id)}">'


def _is_picture(shape: tuple[int, ...]) -> bool:
    return (
        len(shape) in (2, 3)
        and all(0 < side <= MOST_PIXELS for side in shape[:2])
        and (len(shape) == 2 or shape[2] in COLOUR_TYPES)
    )


def _number(value: Any) -> Any:
    """Return a whole number without the decimals that it has on the wire."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _short(line: str) -> str:
    return printable(line if len(line) <= LONGEST else line[: LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}")
