"""Flows as users write them: in Python, in YAML beside other files, in YAML of the old kind; and their picture.

All of it ends in one checked manifest (`peavine.spec.Flow`).
"""

from peavine.flow.builder import Flow
from peavine.flow.files import convert, read, read_text, sources, write

__all__ = ["Flow", "convert", "read", "read_text", "sources", "write"]
