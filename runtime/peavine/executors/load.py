"""From `uses` to a running Executor.

The YAML of an Executor:

    !ClassName                      a built-in, or a class in one of py_modules
    with: {argument: value}         its constructor's arguments
    metas: {name: .., workspace: .., batch_size: .., on_gpu: .., read_only: .., py_modules: [my.py]}
    requests:
      on:
        IndexRequest: [!SomeDriver {..}]            or [SearchRequest, IndexRequest]: .., or index: ..
    components: [!Other {..}, ..]   for a CompoundExecutor

All that is wrong is told at once. Nothing here runs code but the files named by py_modules, which are found in the
Executor's own folder only.
"""

from __future__ import annotations

import os
import re
import shutil
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from peavine import yaml
from peavine.errors import ExecutorError, ManifestError, PeavineError, Problem, did_you_mean
from peavine.executors import registry, signatures
from peavine.executors.compound import CompoundExecutor
from peavine.executors.executor import Executor
from peavine.executors.files import Files, ImportFailed, NotAllowed
from peavine.executors.requests import requests_on
from peavine.yaml import Tagged

_KEYS = ("with", "metas", "requests", "components")
_METAS: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "batch_size": int,
    "on_gpu": bool,
    "read_only": bool,
    "workspace": str,
    "py_modules": (str, list),
}
_NAME = re.compile(r"^[A-Za-z0-9][-A-Za-z0-9_.]{0,62}$")


def load(
    uses: str | Tagged,
    *,
    folder: Path | None = None,
    files: Mapping[str, str] | None = None,
    uses_with: Mapping[str, Any] | None = None,
    workspace: Path | None = None,
    read_only: bool = False,
    env: Mapping[str, str] | None = None,
) -> Executor:
    """Return the Executor that `uses` says, open and ready.

    `uses` is a built-in name (`_index`), YAML text that begins with `!`, a class name, or a YAML file in `folder`.
    `files` (name to text) are found as if they were in the folder. `uses_with` goes over the arguments under `with:`.
    Data is kept in `workspace`; without it nothing outlives the process. `env` is what `${NAME}` looks up, by default
    this process's environment.

    Raises ManifestError with all that is wrong with the YAML, and ExecutorError when the Executor's own code fails.
    """
    found = Files(folder, files)
    try:
        config = yaml.substitute(_read(uses, found), os.environ if env is None else env, "")
        building = _Building(found)
        design = building.design(config, "uses", uses_with or {})
        building.check()
        executor = building.make(design)
        building.check()
    except BaseException:
        _remove(found.temporary)
        raise
    if found.temporary is not None:
        weakref.finalize(executor, _remove, found.temporary)
    try:
        executor.open(workspace / design.workspace if workspace else None, read_only=read_only)
    except PeavineError:
        raise
    except Exception as error:
        raise _failed(executor.name, "post_init", error) from error
    return executor


def load_config(path: Path, **options: Any) -> Executor:
    """Return the Executor that a YAML file says; `options` are those of `load`."""
    return load(path.name, folder=path.parent, **options)


def _read(uses: str | Tagged, files: Files) -> Any:
    """Return the plain data of an Executor's YAML, wherever it stands."""
    if isinstance(uses, Tagged):
        return uses
    text = uses.strip()
    try:
        if text.startswith("docker://"):
            return yaml.load(files.find("executor.yml").read_text("utf-8"), "executor.yml")
        if text.startswith(("!", "#", "---")):
            return yaml.load(uses, "uses")
        if re.fullmatch(r"_[a-z_]+", text):
            return _built_in(text)
        if text.endswith((".yml", ".yaml")) and "\n" not in text:
            return yaml.load(files.find(text).read_text("utf-8"), text)
    except NotAllowed as error:
        raise ManifestError([Problem("uses", str(error))]) from None
    except UnicodeDecodeError:
        raise ManifestError([Problem("uses", f'the file "{text}" is no UTF-8 text')]) from None
    if text.isidentifier():
        return Tagged(text)
    shown = text if len(text) < 60 else text[:57] + "..."
    message = f'"{shown}" is no built-in name, class name or YAML file, and YAML text begins with `!ClassName`'
    raise ManifestError([Problem("uses", message)])


def _built_in(name: str) -> Any:
    folder = resources.files("peavine.executors") / "resources"
    known = sorted(entry.name.removesuffix(".yml") for entry in folder.iterdir())
    if name not in known:
        hint = did_you_mean(name, known) or f"; known: {', '.join(known)}"
        raise ManifestError([Problem("uses", f'no built-in is named "{name}"{hint}')])
    return yaml.load((folder / f"{name}.yml").read_text("utf-8"), name)


@dataclass
class _Design:
    """An Executor's YAML, checked: all but the objects."""

    path: str
    cls: type[Executor] | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    metas: dict[str, Any] = field(default_factory=dict)
    workspace: str = ""
    requests_on: dict[str, list[Tagged]] | None = None
    components: list[_Design] | None = None
    over: frozenset[str] = frozenset()
    """The arguments that `usesWith` gave."""

    def where(self, argument: str) -> str:
        return f"usesWith.{argument}" if argument in self.over else f"{self.path}.with.{argument}"


class _Building:
    """From plain data to objects, with every problem on the way."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._problems: list[Problem] = []
        self._classes: dict[str, type[Executor]] = {}
        self._modules: dict[str, tuple[str, ...]] = {}

    def check(self) -> None:
        """Raise what was found so far."""
        if self._problems:
            raise ManifestError(self._problems)

    def design(self, config: Any, path: str, over: Mapping[str, Any]) -> _Design:
        """Return what the YAML says, with problems noted."""
        design = _Design(path, over=frozenset(over))
        if not isinstance(config, Tagged):
            self._note(path, "an Executor begins with its class, such as `!Sentencizer`")
            return design
        said = self._mapping(config.value, path)
        for key in said:
            if key not in _KEYS:
                self._note(
                    f"{path}.{key}", f"unknown key{did_you_mean(str(key), _KEYS) or '; known: ' + ', '.join(_KEYS)}"
                )
        self._read_metas(design, self._mapping(said.get("metas"), f"{path}.metas"))
        if "requests" in said:
            design.requests_on, problems = requests_on(said["requests"], f"{path}.requests")
            self._problems += problems
        if "components" in said:
            listed = said["components"]
            if not isinstance(listed, list):
                self._note(f"{path}.components", "is a list of Executors")
                listed = []
            design.components = [self.design(item, f"{path}.components[{i}]", {}) for i, item in enumerate(listed)]
        design.cls = self._class(config.tag, path)
        if design.cls is not None:
            self._problems += signatures.methods(design.cls, path)
            if design.components is not None and not issubclass(design.cls, CompoundExecutor):
                self._note(f"{path}.components", f"{config.tag} is no CompoundExecutor and takes none")
            given = self._mapping(said.get("with"), f"{path}.with") | dict(over)
            design.arguments, problems = signatures.arguments(design.cls, given, design.where)
            self._problems += problems
        return design

    def make(self, design: _Design) -> Executor:
        """Make the object, its components first; problems with its arguments are noted."""
        assert design.cls is not None  # checked
        arguments = dict(design.arguments)
        if design.components is not None:
            components = [self.make(component) for component in design.components]
            arguments["components"] = components
        try:
            executor = design.cls(**arguments)
        except ManifestError as error:
            self._problems += [Problem(design.where(found.path), found.message) for found in error.problems]
            return Executor()
        except ValueError as error:
            self._note(f"{design.path}.with", str(error))
            return Executor()
        except Exception as error:
            raise _failed(design.cls.__name__, "__init__", error) from error
        for name, value in design.metas.items():
            setattr(executor, name, value)
        if design.requests_on is not None:
            executor.requests_on = design.requests_on
        return executor

    def _read_metas(self, design: _Design, said: dict[str, Any]) -> None:
        path = f"{design.path}.metas"
        for name, value in said.items():
            here = f"{path}.{name}"
            if name not in _METAS:
                self._note(here, f"unknown key{did_you_mean(str(name), _METAS) or '; known: ' + ', '.join(_METAS)}")
            elif value is None:
                continue
            elif not isinstance(value, _METAS[name]) or (name == "batch_size" and isinstance(value, bool)):
                self._note(here, f"{value!r} does not fit")
            elif name == "name" and not _NAME.match(value):
                self._note(here, f'"{value}" is no name: letters, digits, "-", "_" and ".", at most 63')
            elif name == "batch_size" and value < 1:
                self._note(here, f"is 1 or more (given: {value})")
            elif name == "workspace":
                design.workspace = self._workspace(value, here)
            elif name == "py_modules":
                design.metas[name] = self._import([value] if isinstance(value, str) else value, here)
            else:
                design.metas[name] = value

    def _workspace(self, name: str, path: str) -> str:
        if Path(name).is_absolute() or ".." in Path(name).parts:
            self._note(path, f'"{name}" leads out of the Pea\'s data folder; name a folder in it')
            return ""
        return name

    def _import(self, names: list[Any], path: str) -> tuple[str, ...]:
        for i, name in enumerate(names):
            here = f"{path}[{i}]"
            try:
                module = self._files.module(str(name))
            except (NotAllowed, ImportFailed) as error:
                self._note(here, str(error))
                continue
            for cls in registry.user_classes(module):
                if cls.__name__ in registry.builtins():
                    self._note(here, f"{name} defines {cls.__name__}, the name of a built-in; choose another")
                self._classes[cls.__name__] = cls
        return tuple(str(name) for name in names)

    def _class(self, name: str, path: str) -> type[Executor] | None:
        known = dict(registry.builtins()) | self._classes
        if name in known:
            return known[name]
        hint = did_you_mean(name, known)
        where = f" here or in {', '.join(sorted(self._classes))}" if self._classes else ""
        self._note(path, f"no class is named {name}{where}{hint or '; name its file under metas.py_modules'}")
        return None

    def _mapping(self, said: Any, path: str) -> dict[str, Any]:
        if said is None:
            return {}
        if not isinstance(said, dict):
            self._note(path, "is a mapping")
            return {}
        return {str(key): value for key, value in said.items()}

    def _note(self, path: str, message: str) -> None:
        self._problems.append(Problem(path, message))


def _failed(name: str, method: str, error: Exception) -> ExecutorError:
    message = f"{name}.{method}() raised {type(error).__name__}: {error}"
    return ExecutorError(message, executor=name, method=method)


def _remove(folder: Path | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
