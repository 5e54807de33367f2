"""Executor: one algorithm as a Python class. This page is its contract.

A user writes a class of one family (`Crafter`, `Encoder`, ...) with the family's one method. It takes and returns plain
values, strings and numpy arrays; it never sees a message. From YAML it becomes an object in four steps:

1. `__init__(self, ...)` takes the configuration, the arguments under `with:`, and keeps it. It is light: no file, no
   model, no network. Every argument is plain data, or what its annotation makes of it (a tuple, an enumeration, a
   path), so that the object can be saved as YAML.
   What is wrong with an argument it raises as `ManifestError([Problem("argument", "what and remedy")])` or ValueError.
2. `metas:` set `name`, `batch_size`, `on_gpu`, `read_only`; a class may set its own defaults as class attributes.
3. `open(workspace)` gives it its folder (`workspace`, or None: nothing outlives the process) and calls `post_init()`,
   the place for all that is heavy: opening files, loading models.
4. Requests call its methods, one at a time unless the Pod says `concurrency`. A batch runs inside `transaction()`; when
   that ends without an error, what the batch wrote is safe on disk. An error in it takes back all that it wrote.

`close()` ends it. `snapshot(folder)` writes a copy of its data while it serves. `healthy()` may give a reason to start
it again. Configuration always comes from YAML:
only data is kept in the workspace.

What is wrong with a request it raises as `InvalidRequest`; any other error becomes an `ExecutorError` that names it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from peavine.errors import NotFound
from peavine.executors.constructor import constructor, write
from peavine.executors.training import TrainingData
from peavine.yaml import Tagged, dump, escape

if TYPE_CHECKING:
    from peavine.store import Shard, Store

METHODS = (
    "add", "craft", "delete", "encode", "evaluate", "predict", "query", "query_by_id", "score", "segment", "train",
    "update",
)  # fmt: skip
"""The methods that Drivers call."""


class Executor:
    """The root of all families; by itself it does nothing to a request."""

    name: str = ""
    """What it is called in routes, scores and errors; its class's name unless `metas.name` says another."""
    batch_size: int | None = None
    """How many Documents it wants in one call at the most."""
    on_gpu: bool = False
    """Whether it may use a GPU."""
    read_only: bool = False
    """Whether requests that change its data are refused."""
    py_modules: tuple[str, ...] = ()
    """The Python files, beside its YAML, that its class comes from."""
    files: tuple[str, ...] = ()
    """The text files beside its YAML that its code reads, such as a vocabulary."""
    subfolder: str = ""
    """The folder for its data within the Pea's: `metas.workspace`."""
    workspace: Path | None = None
    """The folder for its data, from `open` on; None when nothing outlives the process."""
    shard: Shard | None = None
    """The shard of which Pod its data is, set before `open`; None outside of a Pea."""
    requests_on: Mapping[str, Sequence[Tagged]] | None = None
    """Drivers by kind of request (`index`, `search`, ...); None means its family's defaults."""

    train_on: Literal["batches", "all"] = "batches"
    """Whether `train` gets data as it comes, in parts, or all of it at once when the last has come."""
    train_bytes: int = 2**30
    """How much data is kept for a `train` that gets all of it at once."""

    components: Sequence[Executor] = ()
    """The Executors that it is made of."""

    METAS: ClassVar[Mapping[str, str]] = {
        "name": "name",
        "batch_size": "batch_size",
        "on_gpu": "on_gpu",
        "read_only": "read_only",
        "workspace": "subfolder",
        "py_modules": "py_modules",
        "files": "files",
    }
    """The attribute for each key under `metas:`."""

    _arguments: dict[str, Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Remember the arguments: they are the configuration that `save_config` writes."""
        self = super().__new__(cls)
        self.name = cls.name or cls.__name__
        try:
            self._arguments = dict(constructor(cls).bind(*args, **kwargs).arguments)
        except TypeError:  # __init__ refuses them itself, with Python's own message
            self._arguments = {}
        return self

    def open(self, workspace: Path | None = None, *, read_only: bool = False) -> Self:
        """Give it its folder, made when it is missing, and make it ready."""
        self.read_only = self.read_only or read_only
        if workspace is not None:
            workspace.mkdir(parents=True, exist_ok=True)
        self.workspace = workspace
        self.post_init()
        return self

    def post_init(self) -> None:
        """Do what is heavy: open files, load models. `workspace` is known now."""

    def close(self) -> None:
        """End it; nothing is called after this."""
        if "_training" in vars(self):
            self.training.close()

    @property
    def training(self) -> TrainingData:
        """The data that was sent to learn from, where `train_on` is "all"."""
        data = TrainingData(self.name, self.workspace, self.train_bytes)
        return vars(self).setdefault("_training", data)  # type: ignore[no-any-return]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Surround a batch: what it wrote is durable when this ends, or taken back when it ends with an error."""
        yield

    def snapshot(self, folder: Path) -> None:
        """Write a consistent copy of its data to a folder, while it serves."""

    def healthy(self) -> str | None:
        """Return why it cannot work any longer, None while it can.

        Called every second from a thread of its own. A Pea whose Executor stays unhealthy exits, to be started again.
        """
        return next((reason for component in self.components if (reason := component.healthy()) is not None), None)

    def stores(self) -> Sequence[Store]:
        """Return the stores that it keeps its data in; a Pea reports their identities."""
        return [store for component in self.components for store in component.stores()]

    def component(self, name: str) -> Executor:
        """Return the part that has this name or is of this class: itself, or one of `components`."""
        if name in (self.name, *(cls.__name__ for cls in type(self).__mro__[:-1])):
            return self
        raise NotFound(f'{self.name} has no component "{name}"; it is one Executor, so leave `executor` out')

    def config(self) -> Tagged:
        """Return its configuration as plain data: what differs from the defaults, and nothing else."""
        metas = {
            key: getattr(self, name)
            for key, name in self.METAS.items()
            if getattr(self, name) != getattr(type(self), name)
        }
        if self.name == type(self).__name__:
            metas.pop("name", None)
        for key in ("py_modules", "files"):
            if key in metas:
                metas[key] = list(metas[key])
        parts: dict[str, Any] = {"with": write(type(self), self._arguments), "metas": metas}
        if self.requests_on is not None:
            parts["requests"] = {"on": {kind: list(drivers) for kind, drivers in self.requests_on.items()}}
        if "components" in self._arguments:
            parts["components"] = [component.config() for component in self.components]
        return Tagged(type(self).__name__, {key: value for key, value in parts.items() if value})

    def save_config(self, path: Path) -> None:
        """Write its configuration as YAML, such that `load_config` makes an equal one."""
        path.write_text(dump(escape(self.config())), encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self._arguments.items())
        return f"{type(self).__name__}({shown})"
