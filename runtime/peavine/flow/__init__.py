"""Flows as users write them: in Python, in YAML next to other files, in old YAML (`!Flow`); and their picture.

All of it ends in one checked manifest (`peavine.spec.Flow`).
"""

from peavine.flow.builder import Flow
from peavine.flow.checking import checked
from peavine.flow.files import convert, examine, read, read_text, write

__all__ = ["Flow", "checked", "convert", "examine", "read", "read_text", "write"]
