"""Sentences of a Markdown page, each below its heading."""

import re

from peavine.executors.segmenters.sentencizer import Sentencizer

HEADING = re.compile(r"^#+\s+(.*)$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
RULE = re.compile(r"^[-|: ]+$", re.MULTILINE)
# A row of a table or an item of a list is a sentence of its own.
ROW = re.compile(r"\n(?=\s*(?:\||[-*]\s|\d+\.\s))")


class MarkdownSentencizer(Sentencizer):
    """Cuts a page into sentences, and puts title and heading before each, for they say what it is about."""

    def segment(self, text):
        """Return the sentences; plain text, such as a question, is cut as it is."""
        title, *sections = self._sections(text or "")
        chunks = []
        for heading, body in [title, *sections]:
            about = ": ".join(dict.fromkeys(part for part in (self._plain(title[0]), self._plain(heading)) if part))
            for chunk in super().segment(self._plain(body)):
                chunks.append({"text": f"{about}: {chunk['text']}" if about else chunk["text"]})
        return chunks

    def _sections(self, text):
        """Return pairs of a heading and what stands below it; the first heading is the page's title."""
        begin, *parts = HEADING.split(FENCE.sub("", text))
        sections = list(zip(parts[::2], parts[1::2], strict=True))
        return sections if sections and not begin.strip() else [("", begin), *sections]

    def _plain(self, body):
        """Return Markdown without its signs."""
        body = ROW.sub("\n\n", RULE.sub("", LINK.sub(r"\1", body)))
        return re.sub(r"[ \t|]+", " ", re.sub(r"[*`]+", "", body))
