"""An Executor as an object, and which Executors the manifest of a Pod names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, overload

from pydantic import Field, JsonValue

from peavine.errors import Problem
from peavine.spec.model import VARIABLE, Model
from peavine.spec.plain import Plain, mapping
from peavine.spec.uses import Image, parse_uses

MAX_BYTES = 262144
"""Maximum size of an Executor in a manifest, as text or as an object: the ConfigMap that carries it holds 1 MiB."""

Part = Literal["pea", "before", "after"]
"""Where an Executor of a Pod runs: in its Peas, or in its head on the way in or out."""

_ONLY_WITH_CLASS = ("metas", "requests", "components")

ClassName = Annotated[str, Field(pattern=VARIABLE, max_length=256)]


class ExecutorSpec(Model):
    """An Executor: its class and its settings."""

    class_: ClassName | None = Field(default=None, alias="class")
    """Name of the Executor's class, or of a built-in such as `_index`. When left out, `uses` names the Executor."""
    with_: dict[str, JsonValue] = Field(default={}, alias="with")
    """Arguments of the class's constructor, by name."""
    metas: dict[str, JsonValue] = {}
    """Settings of any Executor: name, batch_size, py_modules, files, workspace, on_gpu, read_only."""
    requests: dict[str, JsonValue] = {}
    """Drivers by kind of request: `{search: [{class: VectorSearchDriver, with: {top_k: 20}}]}`. When left out, the
    defaults of the class's family."""
    components: Annotated[list[dict[str, JsonValue]], Field(max_length=64)] = []
    """Executors of which a compound consists, each an object with the same fields."""


class HeadExecutor(ExecutorSpec):
    """An Executor that a head runs."""

    class_: ClassName = Field(alias="class")
    """Name of the Executor's class, or of a built-in such as `_merge_matches_topk`."""


@dataclass(frozen=True)
class Chosen:
    """One Executor of a Pod as the manifest has it, and where it runs."""

    part: Part
    what: Any
    """The text under `uses`, or an object with `class`."""
    path: str
    arguments: Plain = field(default_factory=dict)
    """Arguments that replace those of `what`."""
    arguments_path: str = ""


@overload
def chosen(pod: Plain, part: Literal["pea"], path: str) -> Chosen: ...
@overload
def chosen(pod: Plain, part: Part, path: str) -> Chosen | None: ...
def chosen(pod: Plain, part: Part, path: str) -> Chosen | None:
    """Return the Executor that a Pod's plain data names for this part, None where the head has none.

    `path` is where the Pod's spec is. The data may be wrong: the schema and the rules refuse that.
    """
    if part != "pea":
        what = mapping(pod.get("head")).get(part)
        return None if what is None else Chosen(part, what, f"{path}.head.{part}")
    executor = mapping(pod.get("executor"))
    if executor.get("class") is not None:
        return Chosen(part, executor, f"{path}.executor")
    uses = pod.get("uses")
    return Chosen(
        part, "_pass" if uses is None else uses, f"{path}.uses", mapping(executor.get("with")), f"{path}.executor.with"
    )


def executor_problems(pod: Plain, path: str) -> Iterator[Problem]:
    """Yield what is wrong with `uses`, `executor` and `head` taken together."""
    uses, executor = pod.get("uses"), mapping(pod.get("executor"))
    if isinstance(uses, str) and not uses.strip():
        yield Problem(f"{path}.uses", "is empty; leave it out for `_pass`, or name an Executor")
    if isinstance(uses, str) and parse_uses(uses) == Image(""):
        yield Problem(f"{path}.uses", "names no image; `docker://IMAGE` takes the image's own executor.yml")
    if executor.get("class") is not None and uses is not None:
        yield Problem(f"{path}.uses", "names an Executor, and so does `executor.class`; leave one of the two out")
    if executor.get("class") is None:
        for name in _ONLY_WITH_CLASS:
            if executor.get(name):
                yield Problem(
                    f"{path}.executor.{name}",
                    "goes with `executor.class`; over an Executor that `uses` names only `with` can be set",
                )
    yield from _size(executor, f"{path}.executor")
    head, shards = pod.get("head"), pod.get("shards", 1)
    if not isinstance(head, Mapping):
        return
    for part in ("before", "after"):
        yield from _size(mapping(head.get(part)), f"{path}.head.{part}")
    if isinstance(shards, int) and shards <= 1 and head.get("before") is None and head.get("after") is None:
        yield Problem(
            f"{path}.head", "this Pod has no head; it gets one from `shards` above 1, `head.before` or `head.after`"
        )


def _size(executor: Plain, path: str) -> Iterator[Problem]:
    size = len(json.dumps(executor, default=str).encode())
    if size > MAX_BYTES:
        yield Problem(path, f"is {size:,} bytes long as JSON (the limit is {MAX_BYTES:,}); put data into an image")
