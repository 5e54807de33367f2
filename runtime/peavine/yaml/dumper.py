"""From plain data to text."""

from __future__ import annotations

import math
from typing import Any

from yaml.emitter import Emitter
from yaml.events import ScalarEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.serializer import Serializer

from peavine.yaml.nodes import Plain, Tagged
from peavine.yaml.scalars import BOOL, FLOAT, INT, MAPPING, NULL, SEQUENCE, STR, Resolver

_LINE_ENDS = frozenset("\r\x85\u2028\u2029")


def dump(data: Any) -> str:
    """Return YAML text that `load` reads back as equal data, mappings in their order.

    Raises TypeError where the data is not plain, such as an array.
    """
    text: list[str] = []
    writing = _Writing(text)
    try:
        writing.open()
        writing.serialize(_node(data))
        writing.close()
    finally:
        writing.dispose()
    return "".join(text)


class _Writing(Emitter, Serializer, Resolver):
    """PyYAML's way from nodes to text."""

    def __init__(self, text: list[str]) -> None:
        self.write = text.append
        Emitter.__init__(self, self, width=120, allow_unicode=True)
        Serializer.__init__(self)
        Resolver.__init__(self)

    def choose_scalar_style(self) -> Any:
        """Leave a number after a tag without quotes, so that it stays a number."""
        event = self.event
        if isinstance(event, ScalarEvent) and event.style is None and (event.tag or "").startswith("!"):
            return ""
        return super().choose_scalar_style()

    def dispose(self) -> None:
        """Break the reference cycle that PyYAML makes."""
        Emitter.dispose(self)
        del self.write


def _node(data: Any, tag: str | None = None) -> Node:
    match data:
        case Tagged(name, value) if tag is None:
            return _node(value, f"!{name}")
        case dict():
            items = [(_node(key), _node(value)) for key, value in data.items()]
            return MappingNode(tag or MAPPING, items, flow_style=not items)
        case list() | tuple():
            nodes = [_node(item) for item in data]
            return SequenceNode(tag or SEQUENCE, nodes, flow_style=isinstance(data, tuple) or not nodes)
        case str():
            # Line ends that are not \n survive only in double quotes, where they are escaped. A reference in quotes, or
            # in a block, becomes a text and never a number.
            reference = "$" in data and "\n" not in data and not isinstance(data, Plain)
            quoted = tag or reference or not _LINE_ENDS.isdisjoint(data)
            style = '"' if quoted else "|" if "\n" in data else None
            return ScalarNode(tag or STR, str(data), style=style)
        case None:
            return ScalarNode(tag or NULL, "null")
        case bool():
            return ScalarNode(tag or BOOL, "true" if data else "false")
        case int():
            return ScalarNode(tag or INT, str(data))
        case float():
            return ScalarNode(tag or FLOAT, _float(data))
        case _:
            raise TypeError(
                f"{type(data).__name__} is not plain data; only None, bool, int, float, str, list, dict and tags"
            )


def _float(value: float) -> str:
    if math.isfinite(value):
        return repr(float(value))
    return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
