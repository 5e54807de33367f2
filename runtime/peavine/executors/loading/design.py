"""From an Executor's plain data to its object: first a design, checked as a whole, then the objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from peavine.errors import ExecutorError, ManifestError, Problem, did_you_mean, message_of, propagate_interrupt
from peavine.executors.compound import CompoundExecutor
from peavine.executors.constructor import Given, call, read
from peavine.executors.executor import Executor
from peavine.executors.loading import registry, signatures
from peavine.executors.loading.files import Files, ImportFailed, NotAllowed
from peavine.executors.loading.form import KEYS
from peavine.executors.loading.metas import metas
from peavine.executors.loading.requests import requests_on
from peavine.yaml import Tagged


@dataclass
class Design:
    """An Executor's YAML, checked: all but the objects."""

    path: str
    cls: type[Executor] | None = None
    given: Given = field(default_factory=lambda: Given({}))
    metas: dict[str, Any] = field(default_factory=dict)
    requests_on: dict[str, list[Tagged]] | None = None
    components: list[Design] | None = None
    over: Mapping[str, Any] = field(default_factory=dict)
    """Arguments that replace those of the YAML."""
    over_path: str = ""
    """Where in the manifest these are."""

    def where(self, argument: str) -> str:
        """Return where in the manifest an argument stands."""
        if argument in self.over:
            return f"{self.over_path}.{argument}"
        return f"{self.path}.{self.given.places.get(argument, f'with.{argument}')}"

    def drivers(self) -> Iterator[tuple[str, Tagged]]:
        """Yield every Driver that is named here or in a component, with its path; one for several kinds only once."""
        seen: set[int] = set()
        for kind, listed in (self.requests_on or {}).items():
            for i, node in enumerate(listed):
                if id(node) not in seen:
                    yield f"{self.path}.requests.{kind}[{i}]", node
                seen.add(id(node))
        for component in self.components or ():
            yield from component.drivers()


class Building:
    """The way from plain data to objects, with every problem met on it."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self.problems: list[Problem] = []
        self._classes: dict[str, type[Executor]] = {}
        self._others: dict[str, str] = {}
        """Classes of the user's that are not Executors, and their files."""
        self._failed = False
        """Whether a file could not be imported, which may have the class that is missed."""

    def check(self) -> None:
        """Raise what was found so far."""
        if self.problems:
            raise ManifestError(list(dict.fromkeys(self.problems)))

    def design(self, config: Any, path: str, over: Mapping[str, Any], over_path: str = "") -> Design:
        """Return the design of an Executor from its configuration; what is wrong with it is noted."""
        design = Design(path, over=over, over_path=over_path)
        if not isinstance(config, Tagged):
            self._note(path, "an Executor is named by its class, such as `{class: Sentencizer, with: {..}}`")
            return design
        parts = self._mapping(config.value, path)
        for key in parts:
            if key not in KEYS:
                self._note(
                    f"{path}.{key}", f"unknown key{did_you_mean(str(key), KEYS) or '; known: ' + ', '.join(KEYS)}"
                )
        design.metas, problems = metas(self._mapping(parts.get("metas"), f"{path}.metas"), f"{path}.metas")
        self.problems += problems
        if "py_modules" in design.metas:
            design.metas["py_modules"] = self._import(design.metas["py_modules"], f"{path}.metas.py_modules")
        if "files" in design.metas:
            design.metas["files"] = self._beside(design.metas["files"], f"{path}.metas.files")
        if "requests" in parts:
            design.requests_on, problems = requests_on(parts["requests"], f"{path}.requests")
            self.problems += problems
        if "components" in parts:
            listed = parts["components"]
            if not isinstance(listed, list):
                self._note(f"{path}.components", "is a list of Executors")
                listed = []
            design.components = [self.design(item, f"{path}.components[{i}]", {}) for i, item in enumerate(listed)]
        design.cls = self._class(config.tag, path)
        if design.cls is not None:
            self.problems += signatures.methods(design.cls, path)
            if design.components is not None and not issubclass(design.cls, CompoundExecutor):
                self._note(f"{path}.components", f"{config.tag} is not a CompoundExecutor and takes none")
            design.given, problems = read(design.cls, self._mapping(parts.get("with"), f"{path}.with"))
            self.problems += [Problem(f"{path}.{problem.path}", problem.message) for problem in problems]
            design.given.named |= over
            self.problems += signatures.arguments(design.cls, design.given, design.where)
        return design

    def make(self, design: Design) -> Executor:
        """Make the object, its components first; problems with its arguments are noted."""
        assert design.cls is not None  # checked
        listed, named = call(design.cls, design.given)
        if design.components is not None:
            named["components"] = [self.make(component) for component in design.components]
        try:
            executor = design.cls(*listed, **named)
        except ManifestError as error:
            self.problems += [Problem(design.where(found.path), found.message) for found in error.problems]
            return Executor()
        except ValueError as error:
            self._note(f"{design.path}.with", str(error))
            return Executor()
        except BaseException as error:
            propagate_interrupt(error)
            raise failed(design.cls.__name__, "__init__", error) from error
        for key, value in design.metas.items():
            setattr(executor, executor.METAS[key], value)
        if design.requests_on is not None:
            executor.requests_on = design.requests_on
        return executor

    def _import(self, names: list[Any], path: str) -> tuple[str, ...]:
        for i, name in enumerate(names):
            here = f"{path}[{i}]"
            try:
                module = self._files.module(str(name))
            except (NotAllowed, ImportFailed) as error:
                self._note(here, str(error))
                self._failed = True
                continue
            self._others |= {cls.__name__: str(name) for cls in registry.other_classes(module)}
            for cls in registry.user_classes(module):
                if cls.__name__ in registry.builtins():
                    self._note(here, f"{name} defines {cls.__name__}, the name of a built-in; choose another")
                if self._classes.get(cls.__name__, cls).__module__ != cls.__module__:
                    self._note(here, f"{name} defines {cls.__name__}, as a module before it does; choose another name")
                self._classes[cls.__name__] = cls
        return tuple(str(name) for name in names)

    def _beside(self, names: list[Any], path: str) -> tuple[str, ...]:
        """Return the names of the files that its code reads, each of which is there."""
        for i, name in enumerate(names):
            try:
                self._files.find(str(name))
            except NotAllowed as error:
                self._note(f"{path}[{i}]", str(error))
        return tuple(str(name) for name in names)

    def _class(self, name: str, path: str) -> type[Executor] | None:
        known = dict(registry.builtins()) | self._classes
        if name in known:
            return known[name]
        if name in self._others:
            methods = ", ".join(registry.methods())
            message = (
                f"{self._others[name]} defines {name}, which is not an Executor; give it one of the methods {methods}"
            )
            self._note(path, f"{message}, or let it derive from a family such as Encoder")
            return None
        hint = registry.former(name) or did_you_mean(name, known)
        where = f" here or in {', '.join(sorted(self._classes))}" if self._classes else ""
        if hint or not self._failed:
            self._note(path, f"no class is named {name}{where}{hint or '; name its file under metas.py_modules'}")
        return None

    def _mapping(self, data: Any, path: str) -> dict[str, Any]:
        if data is None:
            return {}
        if not isinstance(data, dict):
            self._note(path, "is a mapping")
            return {}
        return {str(key): value for key, value in data.items()}

    def _note(self, path: str, message: str) -> None:
        self.problems.append(Problem(path, message))


def failed(name: str, method: str, error: BaseException) -> ExecutorError:
    """Return the error for what an Executor's own code raised, to be raised from it."""
    message = f"{name}.{method}() raised {message_of(error)}"
    return ExecutorError(message, executor=name, method=method)
