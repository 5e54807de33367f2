"""Craft and segment: the Executor gets the fields that its method names, and returns fields."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from peavine.documents import Document
from peavine.drivers.driver import Executing, Paths, Task, Traversing
from peavine.errors import ExecutorError, InvalidRequest, did_you_mean

__all__ = ["CraftDriver", "SegmentDriver", "field_names"]

_FIELDS = (*(name for name in inspect.signature(Document).parameters), "content")


class CraftDriver(Traversing, Executing):
    """Give fields of each Document to `craft`, and set those that it returns; tags are added to what is there."""

    method: str = "craft"

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Craft each Document."""
        wanted = field_names(getattr(executor, self.method))
        for level in self.levels(tasks):
            for doc in level.docs:
                fields = _fields(doc, wanted, executor, self.method)
                if fields is not None:
                    self._set(doc, self.call(executor, self.method, **fields), executor)

    def _set(self, doc: Document, crafted: Any, executor: Any) -> None:
        if crafted is None:
            return
        for name, value in _checked(crafted, executor, self).items():
            try:
                if name == "tags":
                    doc.tags.update(value)
                else:
                    setattr(doc, name, value)
            except InvalidRequest as problem:
                raise _wrong(executor, self, str(problem)) from None


class SegmentDriver(Traversing, Executing):
    """Give fields of each Document to `segment`, and append what it returns to the Document's chunks.

    A chunk without an id gets one made from its parent's id and its place, so cutting a Document again gives the same.
    """

    method: str = "segment"
    traversal_paths: Paths = ("r",)

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Cut each Document."""
        wanted = field_names(getattr(executor, self.method))
        for level in self.levels(tasks):
            for doc in list(level.docs):
                fields = _fields(doc, wanted, executor, self.method)
                if fields is not None:
                    doc.chunks.extend(self._chunks(doc, self.call(executor, self.method, **fields), executor))

    def _chunks(self, doc: Document, segments: Any, executor: Any) -> list[Document]:
        if not isinstance(segments, Iterable) or isinstance(segments, Mapping | str):
            raise _wrong(executor, self, f"a list of fields of chunks is needed, not {type(segments).__name__}")
        chunks = []
        for place, segment in enumerate(segments, len(doc.chunks)):
            given = dict(_checked(segment, executor, self))
            content = given.pop("content", None)
            given.setdefault("id", _chunk_id(doc.id, executor.name, place))
            try:
                chunk = Document(**given)
                if content is not None:
                    chunk.content = content
            except InvalidRequest as problem:
                raise _wrong(executor, self, str(problem)) from None
            chunks.append(chunk)
        return chunks


def _chunk_id(parent: str, executor: str, place: int) -> str:
    return hashlib.blake2b(f"{place} {executor} {parent}".encode(), digest_size=8).hexdigest()


def field_names(method: Any) -> dict[str, bool]:
    """Return the fields of a Document that a method asks for by its parameters, and whether it can do without."""
    wanted: dict[str, bool] = {}
    for parameter in inspect.signature(method).parameters.values():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            wanted |= {name: True for name in _FIELDS if name not in wanted}
        elif parameter.kind is not inspect.Parameter.VAR_POSITIONAL:
            wanted[parameter.name] = parameter.default is not inspect.Parameter.empty
    return wanted


def _fields(doc: Document, wanted: Mapping[str, bool], executor: Any, method: str) -> dict[str, Any] | None:
    """Return the arguments; None for a Document that lacks one but has chunks to stand for it."""
    fields = {}
    for name, optional in wanted.items():
        value = getattr(doc, name, None)
        if value is not None:
            fields[name] = value
        elif not optional and not doc.is_leaf:
            return None
        elif not optional:
            raise InvalidRequest(f"Document {doc.id!r}: has no {name}, and {executor.name}.{method}() asks for it")
    return fields


def _checked(fields: Any, executor: Any, driver: Executing) -> Mapping[str, Any]:
    if not isinstance(fields, Mapping):
        raise _wrong(executor, driver, f"a mapping of fields is needed, not {type(fields).__name__}")
    for name in fields:
        if name not in _FIELDS:
            raise _wrong(executor, driver, f'a Document has no field "{name}"{did_you_mean(str(name), _FIELDS)}')
    return fields


def _wrong(executor: Any, driver: Executing, message: str) -> ExecutorError:
    returned = f"{executor.name}.{driver.method}() returned what does not fit: {message}"
    return ExecutorError(returned, executor.name, type(driver).__name__, driver.method)
