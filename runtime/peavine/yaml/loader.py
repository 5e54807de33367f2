"""From text to plain data, within bounds on size, depth and number of nodes.

The scanner, parser and composer are PyYAML's; its constructors, which make objects from tags, are not used. Tags become
`Tagged`, and only YAML's own tags for plain data are read besides. A key that stands twice, an alias within its own
anchor and a second document are errors.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

from yaml import YAMLError
from yaml.composer import Composer, ComposerError
from yaml.error import MarkedYAMLError
from yaml.events import AliasEvent, Event
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner
from yaml.tokens import TagToken

from peavine.errors import ManifestError, Problem
from peavine.yaml.nodes import Plain, Tagged
from peavine.yaml.scalars import BOOL, MAPPING, MERGE, NULL, READERS, SEQUENCE, STR, Resolver, Scalar, kind

MAX_BYTES = 2 * 1024 * 1024
MAX_DEPTH = 64
MAX_NODES = 200_000
"""Counted with every alias replaced by what it stands for, so a few lines of nested aliases cannot fill the memory."""

_TAG = re.compile(r"^![A-Za-z_][A-Za-z0-9_.]*$")


def load(text: str, source: str = "") -> Any:
    """Return what the text says as plain data; `source` is the file's name, for messages.

    Raises ManifestError where the text is not YAML, has a key twice, uses a tag that is not a plain name, or is too
    large (2 MiB), too deep (64 levels) or has too many nodes (200,000).
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise ManifestError(f"is larger than {MAX_BYTES // 1024 // 1024} MiB; keep data in files of its own", source)
    reading = None
    try:
        reading = _Reading(text)
        node = reading.get_single_node()
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ManifestError(f"{where}{error.problem or error.context}", source) from None
    except YAMLError as error:
        raise ManifestError(f"is not YAML: {error}", source) from None
    finally:
        if reading is not None:
            reading.dispose()
    construction = _Construction()
    data = construction.value(node, "") if node is not None else None
    if construction.problems:
        raise ManifestError(construction.problems, source)
    return data


class _Reading(Reader, Scanner, Parser, Composer, Resolver):
    """PyYAML's way from text to nodes, with bounds."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        Resolver.__init__(self)
        self._depth = self._deepest = self._nodes = 0
        self._sizes: dict[int, tuple[int, int]] = {}  # by id of a finished node: its nodes and its levels

    def scan_tag(self) -> TagToken:
        """Let `]`, `}` and `,` end a tag in flow style, as in YAML 1.2: `[!First, !Second]`."""
        length = 1
        while (character := self.peek(length)).isascii() and (character.isalnum() or character in "_."):
            length += 1
        if not self.flow_level or length == 1 or character not in ",]}":
            return super().scan_tag()
        start = self.get_mark()
        name = self.prefix(length)[1:]
        self.forward(length)
        return TagToken(("!", name), start, self.get_mark())

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        """Compose a node, counting it with all that it holds."""
        event: Event = self.peek_event()  # type: ignore[no-untyped-call]
        nodes_before, deepest_before = self._nodes, self._deepest
        if isinstance(event, AliasEvent):
            node = super().compose_node(parent, index)
            if id(node) not in self._sizes:
                self._refuse(event, f"the alias *{event.anchor} stands within its own anchor")
            nodes, levels = self._sizes[id(node)]
            self._nodes += nodes
            self._deepest = max(self._deepest, self._depth + levels)
            self._check(event)
            return node
        self._depth += 1
        self._nodes += 1
        self._deepest = self._depth
        self._check(event)
        node = super().compose_node(parent, index)
        self._sizes[id(node)] = (self._nodes - nodes_before, self._deepest - self._depth + 1)
        self._depth -= 1
        self._deepest = max(self._deepest, deepest_before)
        return node

    def _check(self, event: Event) -> None:
        if self._deepest > MAX_DEPTH:
            self._refuse(event, f"is nested deeper than {MAX_DEPTH} levels")
        if self._nodes > MAX_NODES:
            self._refuse(event, f"has more than {MAX_NODES} nodes, aliases counted in full")

    def _refuse(self, event: Event, problem: str) -> NoReturn:
        raise ComposerError(None, None, problem, event.start_mark)  # type: ignore[arg-type]


class _Construction:
    """From nodes to plain data."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def value(self, node: Node, path: str) -> Any:
        if node.tag.startswith("!"):
            if not _TAG.match(node.tag):
                self._problem(node, path, f'the tag "{node.tag}" is not a class name, such as !Sentencizer')
            return Tagged(node.tag[1:], self._untagged(node, path))
        return self._untagged(node, path)

    def _untagged(self, node: Node, path: str) -> Any:
        own = not node.tag.startswith("!")
        if isinstance(node, ScalarNode):
            return self._scalar(node, path, node.tag if own else STR if node.style else kind(node.value))
        wanted = SEQUENCE if isinstance(node, SequenceNode) else MAPPING
        if own and node.tag != wanted:
            self._problem(node, path, f'the tag "{_shown(node.tag)}" is not read here; only plain data is')
            return None
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        return [self.value(item, f"{path}[{i}]") for i, item in enumerate(node.value)]

    def _scalar(self, node: ScalarNode, path: str, tag: str) -> Scalar:
        if tag not in READERS:
            self._problem(node, path, f'the tag "{_shown(tag)}" is not read here; only plain data is')
            return None
        try:
            value = READERS[tag](node.value)
        except ValueError as error:
            self._problem(node, path, str(error))
            return None
        return Plain(value) if isinstance(value, str) and node.style is None and "$" in value else value

    def _mapping(self, node: MappingNode, path: str) -> dict[Any, Any]:
        own: dict[Any, Any] = {}
        merged: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == MERGE:
                for source in value_node.value if isinstance(value_node, SequenceNode) else [value_node]:
                    if isinstance(source, MappingNode):
                        merged = self._mapping(source, path) | merged
                    else:
                        self._problem(source, path, "`<<` takes a mapping, or a list of mappings")
                continue
            key = self._key(key_node, path)
            here = f"{path}.{key}" if path else str(key)
            if key in own:
                self._problem(key_node, here, "is given twice")
            own[key] = self.value(value_node, here)
        return merged | own

    def _key(self, node: Node, path: str) -> Any:
        if isinstance(node, ScalarNode) and node.tag in (BOOL, NULL):
            return str(node.value)  # `on:` is a key, and no boolean
        if isinstance(node, ScalarNode) and node.tag in READERS:
            key = self._scalar(node, path, node.tag)
            return str(key) if isinstance(key, Plain) else key
        if isinstance(node, SequenceNode) and all(isinstance(item, ScalarNode) for item in node.value):
            return tuple(self._key(item, path) for item in node.value)
        self._problem(node, path, "a key is a scalar, or a list of scalars")
        return ""

    def _problem(self, node: Node, path: str, message: str) -> None:
        self.problems.append(Problem(path, f"line {node.start_mark.line + 1}: {message}"))


def _shown(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")
