"""From an Executor's class in Python to what a manifest holds: the class's name and the source of its module."""

from __future__ import annotations

import ast
import builtins
import inspect
import linecache
import symtable
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from peavine.errors import ManifestError, Problem

PLAIN = (bool, int, float, str, bytes, type(None))
"""Types whose `repr` is Python source for an equal value."""


def executor_of(cls: type, path: str) -> tuple[dict[str, Any], dict[str, str], tuple[Path, ...]]:
    """Return a class as an Executor object, the files that it needs, and the folders that these come from.

    For a class of a module or a script that is the whole file. For one that was typed into a notebook it is the class's
    own source with the imports and constants that it uses. `path` is where in the manifest the class was given. Raises
    ManifestError when the source is not available, or uses objects that exist only in the running session.
    """
    from peavine.executors import builtins as known

    if known().get(cls.__name__) is cls:
        return {"class": cls.__name__}, {}, ()
    if "." in cls.__qualname__:
        raise _refused(path, cls, "is defined within a function or class; define it at the top level of a module")
    module = sys.modules.get(cls.__module__)
    if module is None:
        raise _refused(path, cls, f"is from the module {cls.__module__}, which is no longer imported")
    file = getattr(module, "__file__", None)
    if file is not None and Path(file).suffix == ".py":
        source, name = Path(file).read_text(encoding="utf-8"), Path(file).name
        folders: tuple[Path, ...] = (Path(file).parent,)
    else:
        source, name, folders = _typed(cls, module, path), f"{cls.__name__.lower()}.py", ()
    if not name.removesuffix(".py").isidentifier():
        raise _refused(path, cls, f'is in the file "{name}", which Python cannot import; rename it')
    return {"class": cls.__name__, "metas": {"py_modules": [name]}}, {name: source}, folders


def _typed(cls: type, module: ModuleType, path: str) -> str:
    """Return a module's source for a class of a notebook or an interactive session."""
    for method in vars(cls).values():
        if not isinstance(method, FunctionType):
            continue
        cell = "".join(linecache.getlines(method.__code__.co_filename))
        try:
            nodes = ast.parse(cell).body
        except SyntaxError:  # a cell may have commands of the notebook's
            continue
        parts = [node for node in nodes if isinstance(node, ast.ClassDef) and node.name == cls.__name__]
        if parts:
            node = parts[-1]
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            text = "\n".join(cell.splitlines()[first - 1 : node.end_lineno])
            return "\n".join([*_needed(cls, text, vars(module), path), "", "", text, ""])
    raise _refused(path, cls, "has no source here; write it to a file and import it")


def _needed(cls: type, text: str, known: Mapping[str, Any], path: str) -> Iterator[str]:
    """Yield a line for each import and constant that the class uses."""
    missing = []
    for name in sorted(set(_global_names(symtable.symtable(text, cls.__name__, "exec")))):
        if name not in known or hasattr(builtins, name) or known[name] is cls:
            continue
        value = known[name]
        home, own = getattr(value, "__module__", "__main__"), getattr(value, "__qualname__", "")
        if isinstance(value, ModuleType):
            yield f"import {value.__name__} as {name}"
        elif home != "__main__" and inspect.getattr_static(sys.modules.get(home), own, None) is value:
            yield f"from {home} import {own} as {name}"
        elif isinstance(value, PLAIN):
            yield f"{name} = {value!r}"
        else:
            missing.append(name)
    if missing:
        what = f"uses {', '.join(missing)}, which only this session has; move it into the class, or both into a file"
        raise _refused(path, cls, what)


def _global_names(table: symtable.SymbolTable) -> Iterator[str]:
    """Yield the names that code takes from its module; those of parameters and local variables are its own."""
    top = table.get_type() == "module"
    yield from (each.get_name() for each in table.get_symbols() if each.is_referenced() and (top or each.is_global()))
    for inner in table.get_children():
        yield from _global_names(inner)


def _refused(path: str, cls: type, why: str) -> ManifestError:
    return ManifestError([Problem(path, f"the class {cls.__name__} {why}")])
