"""Driver: binds a method of an Executor to a kind of request. This page is its contract.

A Driver is made of its arguments and nothing else: it keeps no state, and a request that overrides an argument gets
another Driver. It is given the Tasks of a batch, requests that are executed together, and must treat each as if it
came alone; only what it hands to the Executor is put together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo

from peavine.documents import Batch, Document, Level, check_path, traverse
from peavine.errors import ExecutorError, InvalidRequest, PeavineError, Problem, did_you_mean, message_of

__all__ = ["Count", "Driver", "Executing", "Paths", "Task", "Traversing", "Whole", "fits", "registry"]

registry: dict[str, type[Driver]] = {}
"""Every class of Driver by its name, which is its tag in YAML."""


@dataclass(slots=True)
class Task:
    """One request of a batch: a body from each parent, of which a Driver that joins makes one."""

    bodies: list[Batch]
    version: int = 0
    """When the request, a write, was issued, in microseconds since 1970 by the Flow's clock."""
    report: dict[str, Any] = field(default_factory=dict)
    """What is answered besides Documents: plain data by name. Shards' reports merge: numbers add, objects merge key by
    key, lists join in the order of the shards, and of anything else the first shard's value is kept."""

    @property
    def batch(self) -> Batch:
        """The Documents to work on."""
        return self.bodies[0]


class Driver(BaseModel):
    """What is done with a request. Subclasses declare their arguments as fields; their name becomes the tag in YAML."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    priority: int = 0
    """It keeps its own arguments unless a request overrides them with a higher priority."""

    writes: ClassVar[bool] = False
    """Whether it changes what the Executor keeps."""
    joins: ClassVar[bool] = False
    """Whether it makes one body of several."""
    completes: ClassVar[bool] = False
    """Whether it adds to what other Drivers have read, so that it runs after those of all components."""
    fixed: ClassVar[frozenset[str]] = frozenset({"priority"})
    """The arguments that no request may override."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        if cls.__name__ in registry and registry[cls.__name__].__module__.startswith("peavine."):
            raise TypeError(f"peavine has a Driver named {cls.__name__} already; choose another name")
        if cls.run is not Driver.run and not cls.__name__.startswith("_"):
            registry[cls.__name__] = cls

    def run(self, tasks: Sequence[Task], executor: Any, kind: str) -> None:
        """Do it to the requests of a batch, in place. `kind` is index, search, update, delete, train or read."""
        raise NotImplementedError

    def overridden(self, parameters: Mapping[str, Any]) -> Driver:
        """Return it with other arguments, or raise InvalidRequest that says which does not fit."""
        own = {name: getattr(self, name) for name in self.model_fields_set}
        try:
            return type(self).model_validate({**own, **parameters}, context=FROM_REQUEST)
        except ValidationError as error:
            raise InvalidRequest("\n".join(str(problem) for problem in fits(type(self), error, ""))) from None


FROM_REQUEST = {"from": "request"}
"""The context in which arguments from a request are checked: some may stand in an Executor's YAML only."""


def fits(cls: type[Driver], error: ValidationError, path: str) -> Iterator[Problem]:
    """Yield what pydantic found wrong with the arguments of a Driver."""
    for detail in error.errors(include_url=False):
        place = f"{path}.{cls.__name__}" if path else cls.__name__
        place = ".".join([place, *(str(part) for part in detail["loc"])])
        if detail["type"] == "extra_forbidden":
            name, known = str(detail["loc"][-1]), sorted(cls.model_fields)
            yield Problem(place, f"unknown argument{did_you_mean(name, known) or '; known: ' + ', '.join(known)}")
        else:
            message = str(detail["msg"]).removeprefix("Value error, ")
            yield Problem(place, f"{message} (given: {detail['input']!r:.80})")


def _whole(value: Any) -> Any:
    """Numbers that travelled as doubles are whole again; nothing else is."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value % 1 != 0:
        raise ValueError("must be a whole number")
    return int(value)


Whole = Annotated[int, BeforeValidator(_whole)]
"""A whole number, which may have travelled as a double."""

Count = Annotated[int, BeforeValidator(_whole), Field(gt=0, le=2**31 - 1)]
"""A whole number above 0."""


def _path(value: str, info: ValidationInfo) -> str:
    try:
        return check_path(value)
    except InvalidRequest as problem:
        raise ValueError(str(problem)) from None


Paths = Annotated[
    tuple[Annotated[str, AfterValidator(_path)], ...],
    BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
    Field(min_length=1, max_length=16),
]
"""Where in the tree of Documents: see `peavine.documents.traverse`. One path may be given without a list."""


class Traversing(Driver):
    """A Driver that works on some levels of the tree of Documents."""

    traversal_paths: Paths = ("r", "c")
    """The levels: `r` roots, `c` chunks, `m` matches, `cm` the chunks' matches, ..."""

    def levels(self, tasks: Iterable[Task]) -> Iterator[Level]:
        """Yield the sets of siblings of each request on each path."""
        for task in tasks:
            for path in self.traversal_paths:
                yield from traverse(task.batch.docs, path)

    def reached(self, root: Document) -> Iterator[Document]:
        """Yield the Documents on the paths below one root, itself included where `r` is a path."""
        for path in self.traversal_paths:
            for level in traverse([root], path):
                yield from level.docs


class Executing(Driver):
    """A Driver that calls a method of an Executor."""

    executor: str | None = None
    """In a compound, the component it means, by name or class; `store.NumpyIndexer` is a component of a component."""
    method: str = ""
    """The method to call."""

    fixed: ClassVar[frozenset[str]] = frozenset({"priority", "executor", "method"})

    def method_for(self, kind: str) -> str:
        """Return the method that it calls for this kind of request; empty when it can do without."""
        return self.method

    def idle(self, executor: Any) -> bool:
        """Return whether there is nothing for it to do with this Executor; then it is left out."""
        return False

    def call(self, executor: Any, method: str, *arguments: Any, **named: Any) -> Any:
        """Call the Executor; ExecutorError names the method in which any other error than peavine's own arose."""
        try:
            return getattr(executor, method)(*arguments, **named)
        except PeavineError:
            raise
        except BaseException as error:  # whatever a user's code raises must not stop the Pea
            driver = type(self).__name__
            message = f"{executor.name}.{method}() raised {message_of(error)}"
            raise ExecutorError(message, executor.name, driver, method) from error
