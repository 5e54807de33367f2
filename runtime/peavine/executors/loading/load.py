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
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peavine import yaml
from peavine.errors import ManifestError, PeavineError, Problem, did_you_mean, propagate_interrupt
from peavine.executors.executor import Executor
from peavine.executors.loading.design import Building, failed
from peavine.executors.loading.files import Files, NotAllowed
from peavine.yaml import Tagged

if TYPE_CHECKING:
    from peavine.store import Shard


def load(
    uses: str | Tagged,
    *,
    folder: Path | None = None,
    files: Mapping[str, str] | None = None,
    sources: Sequence[Path] = (),
    uses_with: Mapping[str, Any] | None = None,
    workspace: Path | None = None,
    read_only: bool = False,
    shard: Shard | None = None,
    env: Mapping[str, str] | None = None,
) -> Executor:
    """Return the Executor that `uses` says, open and ready.

    `uses` is a built-in name (`_index`), YAML text that begins with `!`, a class name, or a YAML file in `folder`.
    `files` (name to text) are found as if they were in the folder; where one of `sources`, the folders that they may
    have been read from, has them all unchanged, they are used there. `uses_with` goes over the arguments under `with:`.
    Data is kept in `workspace`; without it nothing outlives the process. Data of another shard than `shard` is
    refused. `env` is what `${NAME}` looks up, by default this process's environment.

    Raises ManifestError with all that is wrong with the YAML, and ExecutorError when the Executor's own code fails.
    """
    executor = make(uses, folder=folder, files=files, sources=sources, uses_with=uses_with, env=env)
    executor.shard = shard
    try:
        executor.open(workspace / executor.subfolder if workspace else None, read_only=read_only)
    except BaseException as error:
        with suppress(BaseException):  # what did open must not keep the folder; what did not may not be able to close
            executor.close()
        propagate_interrupt(error)
        if isinstance(error, PeavineError):
            raise
        raise failed(executor.name, "post_init", error) from error
    return executor


def make(
    uses: str | Tagged,
    *,
    folder: Path | None = None,
    files: Mapping[str, str] | None = None,
    sources: Sequence[Path] = (),
    uses_with: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
) -> Executor:
    """Return the Executor as `load` does, but not open: no model is loaded, and no data is touched."""
    found = Files(folder, files, sources)
    try:
        config = yaml.substitute(_read(uses, found), os.environ if env is None else env, "uses")
        building = Building(found)
        design = building.design(config, "uses", uses_with or {})
        building.check()
        executor = building.make(design)
        building.check()
    except BaseException:
        found.discard()
        raise
    weakref.finalize(executor, found.discard)
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
