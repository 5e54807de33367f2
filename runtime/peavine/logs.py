"""How processes log: one line an event on stdout, JSON for programs or text for people. Only programs call this.

A library never sets up logging, so nothing here runs on import. The level and the form come from PEAVINE_LOG_LEVEL
and PEAVINE_LOG_FORMAT.
"""

from __future__ import annotations

import io
import json
import logging
import sys
from datetime import UTC, datetime
from typing import Literal

Form = Literal["json", "text"]

LONGEST_STACK = 16384
"""Characters of a stack, counted from its end; an exception's message can have any length."""


def setup(level: str = "INFO", form: Form = "json", **context: str) -> None:
    """Send all log records to stdout; `context` (pod, pea, ...) stands in each JSON line."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a message may hold what the encoding of stdout cannot say
        sys.stdout.reconfigure(errors="backslashreplace")
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines(context) if form == "json" else TextLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the context, and the stack of an exception."""

    def __init__(self, context: dict[str, str]) -> None:
        super().__init__()
        self.context = context

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self.context,
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)[-LONGEST_STACK:]
        return json.dumps(line, ensure_ascii=False, default=str)


class TextLines(logging.Formatter):
    """The time of day and the message; the level where it is above INFO."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text, with the stack of an exception below it."""
        clock = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        level = f"{record.levelname} " if record.levelno > logging.INFO else ""
        text = f"{clock} {level}{record.getMessage()}"
        return f"{text}\n{self.formatException(record.exc_info)[-LONGEST_STACK:]}" if record.exc_info else text
