"""The text of an HTML page: what a reader sees of it, and its title. Pure."""

from __future__ import annotations

import re
from html.parser import HTMLParser

__all__ = ["decode", "read"]

_HIDDEN = frozenset({"noscript", "script", "style", "svg", "template"})
_BLOCKS = frozenset(
    {"article", "aside", "blockquote", "body", "caption", "dd", "div", "dl", "dt", "fieldset", "figcaption", "figure",
     "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "li", "main", "nav", "ol", "option",
     "p", "pre", "section", "table", "tbody", "tfoot", "thead", "tr", "ul"}
)  # fmt: skip
_SPACES = frozenset({"br", "img", "td", "th"})
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w-]{1,40})", re.IGNORECASE)
_DECLARED_WITHIN = 1024
"""Bytes at a page's beginning in which HTML requires the declaration of its encoding."""


def decode(raw: bytes) -> str:
    """Return a page as text, in the encoding that it declares, else UTF-8. Raises UnicodeDecodeError."""
    declared = _CHARSET.search(raw[:_DECLARED_WITHIN])
    name = declared[1].decode().lower() if declared else "utf-8"
    try:
        return raw.decode("utf-8-sig" if name in ("utf-8", "utf8") else name)
    except UnicodeDecodeError:
        raise
    except (LookupError, UnicodeError):  # Python does not know the name, or knows it as something else than an encoding
        return raw.decode("utf-8-sig")


def read(page: str) -> tuple[str, str]:
    """Return the title of a page and its text, with an empty line between blocks and no markup."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    blocks = (" ".join(block.split()) for block in "".join(reader.text).split("\n\n"))
    return " ".join("".join(reader.title).split()), "\n\n".join(block for block in blocks if block)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title: list[str] = []
        self.text: list[str] = []
        self._hidden: list[str] = []
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_title = tag == "title" and not self.title
        if tag == "body":  # what the head did not close ends here
            self._hidden.clear()
        elif tag in _HIDDEN:
            self._hidden.append(tag)
        self._separate(tag)

    def handle_endtag(self, tag: str) -> None:
        self._in_title = False
        if tag in self._hidden:
            while self._hidden.pop() != tag:
                pass
        self._separate(tag)

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
        elif not self._hidden:
            self.text.append(data)

    def _separate(self, tag: str) -> None:
        if not self._hidden and (tag in _BLOCKS or tag in _SPACES):
            self.text.append("\n\n" if tag in _BLOCKS else " ")
