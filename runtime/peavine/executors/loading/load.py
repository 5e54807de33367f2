"""From what a manifest says to a running Executor.

An Executor is an object, or YAML text in which a tag is the class:

    class: ClassName                a built-in name, a class of peavine's, or one in py_modules     !ClassName
    with: {argument: value}         its constructor's arguments
    metas: {name: .., workspace: .., batch_size: .., on_gpu: .., read_only: .., py_modules: [my.py]}
    requests:                                                                       on:
      index: [{class: SomeDriver, with: {..}}, AnotherDriver]                         index: [!SomeDriver {..}, ..]
    components: [{class: Other, ..}]                        for a CompoundExecutor  [!Other {..}]

Everything that is wrong is reported at once. Nothing here runs code except the files named by py_modules, which are
found in the Executor's own folder only.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peavine import yaml
from peavine.errors import ManifestError, PeavineError, Problem, did_you_mean, propagate_interrupt
from peavine.executors.executor import Executor
from peavine.executors.loading.design import Building, Design, failed
from peavine.executors.loading.files import Files, NotAllowed
from peavine.executors.loading.form import from_object, unquoted
from peavine.spec.uses import BuiltIn, ClassName, File, Image, Text, parse_uses
from peavine.yaml import Tagged

if TYPE_CHECKING:
    from peavine.store import Shard

Config = str | Tagged | Mapping[str, Any]
"""The configuration of an Executor: the text under `uses`, a node of YAML, or an object with `class`."""


def load(
    config: Config,
    *,
    arguments: Mapping[str, Any] | None = None,
    folder: Path | None = None,
    files: Mapping[str, str] | None = None,
    sources: Sequence[Path] = (),
    workspace: Path | None = None,
    read_only: bool = False,
    shard: Shard | None = None,
    env: Mapping[str, str] | None = None,
) -> Executor:
    """Return the Executor, open and ready.

    `config` is a built-in name (`_index`), a class name, YAML text that begins with `!`, a YAML file in `folder`, or an
    object such as `{"class": "RandomProjection", "with": {"output_dim": 64}}`. `arguments` replace those under `with`.
    `files` (name to text) are found as if they were in the folder; where one of `sources`, the folders that they may
    have been read from, has them all unchanged, they are used there.
    Data is kept in `workspace`; without it nothing outlives the process. Data of another shard than `shard` is
    refused. `env` is what `${NAME}` looks up, by default this process's environment.

    Raises ManifestError with everything that is wrong with the YAML, and ExecutorError when the Executor's own code
    fails.
    """
    draft = Draft(config, arguments=arguments, folder=folder, files=files, sources=sources, env=env)
    return opened(draft.make(), workspace, read_only=read_only, shard=shard)


def opened(
    executor: Executor, workspace: Path | None, *, read_only: bool = False, shard: Shard | None = None
) -> Executor:
    """Open an Executor that was made, and return it. One that cannot be opened is closed."""
    executor.shard = shard
    try:
        executor.open(workspace / executor.subfolder if workspace else None, read_only=read_only)
    except BaseException as error:
        with suppress(BaseException):  # a part that is open must not keep the folder; one that is not may fail to close
            executor.close()
        propagate_interrupt(error)
        if isinstance(error, PeavineError):
            raise
        raise failed(executor.name, "post_init", error) from error
    return executor


class Draft:
    """The configuration of an Executor, read and checked before the Executor is made. Its modules have been imported.

    `problems` is everything that is wrong. `path` is where in the manifest the Executor is, and `arguments_path` where
    `arguments` are, which replace those of the configuration.
    """

    def __init__(
        self,
        config: Config,
        *,
        arguments: Mapping[str, Any] | None = None,
        folder: Path | None = None,
        files: Mapping[str, str] | None = None,
        sources: Sequence[Path] = (),
        env: Mapping[str, str] | None = None,
        path: str = "",
        arguments_path: str = "executor.with",
    ) -> None:
        self.path = path or ("executor" if isinstance(config, Mapping) else "uses")
        self._files = Files(folder, files, sources)
        self._building = Building(self._files)
        self._design = Design(self.path)
        self.problems = self._building.problems
        env = os.environ if env is None else env
        try:
            node, problems = from_object(_read(config, self._files, self.path), self.path)
            self.problems += problems
            over = yaml.substitute(unquoted(dict(arguments or {})), env, arguments_path)
            node = yaml.substitute(_over_built_in(node, self.path), env, self.path)
            self._design = self._building.design(node, self.path, over, arguments_path)
        except ManifestError as error:
            self.problems += error.problems
        except BaseException:
            self._files.discard()
            raise

    def drivers(self) -> Iterator[tuple[str, Tagged]]:
        """Yield every Driver that the configuration names, with its path."""
        return self._design.drivers()

    def make(self) -> Executor:
        """Return the Executor, not yet open. Raises ManifestError with every problem."""
        try:
            self._building.check()
            executor = self._building.make(self._design)
            self._building.check()
        except BaseException:
            self._files.discard()
            raise
        weakref.finalize(executor, self._files.discard)
        return executor


def load_config(path: Path, **options: Any) -> Executor:
    """Return the Executor of a YAML file, open and ready; `options` are those of `load`."""
    return load(path.name, folder=path.parent, **options)


def _read(config: Config, files: Files, path: str) -> Any:
    """Return a configuration as plain data, read from YAML text or a file if that is what it names."""
    match config:
        case Tagged():
            return config
        case Mapping():
            return unquoted(config)
        case str():
            return _from_text(config, files, path)
        case _:
            raise ManifestError([Problem(path, f"should be text, in quotes if necessary (given: {config!r:.60})")])


def _from_text(text: str, files: Files, path: str) -> Any:
    try:
        match parse_uses(text):
            case Text():
                return _loaded(text, path)
            case ClassName(name) | BuiltIn(name):
                return Tagged(name)
            case Image():
                name = "executor.yml"
            case File(name):
                if not name.endswith((".yml", ".yaml")):
                    shown = name if len(name) < 60 else name[:57] + "..."
                    message = f'"{shown}" is not a built-in name, a class name or a YAML file'
                    raise ManifestError([Problem(path, f"{message}; YAML text begins with `!ClassName`")])
        return _loaded(files.find(name).read_text("utf-8"), path, name)
    except NotAllowed as error:
        raise ManifestError([Problem(path, str(error))]) from None
    except UnicodeDecodeError:
        raise ManifestError([Problem(path, f'the file "{name}" is not UTF-8 text')]) from None


def _loaded(text: str, path: str, file: str = "") -> Any:
    """Return the data of YAML text. Raises ManifestError, whose problems name the Executor's path and the file."""
    try:
        return yaml.load(text)
    except ManifestError as error:
        where = f"{file}: " if file else ""
        raise ManifestError(
            [
                Problem(f"{path}.{problem.path}" if problem.path else path, where + problem.message)
                for problem in error.problems
            ]
        ) from None


def _over_built_in(node: Any, path: str) -> Any:
    """Return a node whose class is a built-in name as that built-in with the parts of the node over it."""
    if not isinstance(node, Tagged) or not isinstance(parse_uses(node.tag), BuiltIn):
        return node
    built_in = _built_in(node.tag, path)
    if node.value is None:
        return built_in
    if not isinstance(node.value, Mapping):
        return Tagged(built_in.tag, node.value)
    parts = dict(built_in.value) if isinstance(built_in.value, dict) else {}
    for key, value in node.value.items():
        over = key in ("with", "metas") and isinstance(value, Mapping)
        parts[key] = {**(parts.get(key) or {}), **value} if over else value
    return Tagged(built_in.tag, parts)


def _built_in(name: str, path: str) -> Any:
    folder = resources.files("peavine.executors") / "resources"
    known = sorted(entry.name.removesuffix(".yml") for entry in folder.iterdir())
    if name not in known:
        hint = did_you_mean(name, known) or f"; known: {', '.join(known)}"
        raise ManifestError([Problem(path, f'no built-in is named "{name}"{hint}')])
    return yaml.load((folder / f"{name}.yml").read_text("utf-8"), name)
