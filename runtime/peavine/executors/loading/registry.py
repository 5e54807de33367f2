"""The classes that a tag can name: peavine's own, found in this package, and those of a user's modules.

There is no global register: a user's classes are known only to the Executor that names their file.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from enum import Enum
from functools import cache
from types import MappingProxyType, ModuleType

from peavine.executors.executor import Executor
from peavine.executors.families import (
    Classifier,
    Crafter,
    Encoder,
    Match2DocRanker,
    Segmenter,
    TextEvaluator,
)

_FAMILY_OF = {
    "craft": Crafter,
    "segment": Segmenter,
    "encode": Encoder,
    "predict": Classifier,
    "score": Match2DocRanker,
    "evaluate": TextEvaluator,
}


_FORMER = {
    "BaseNumericEncoder": "derive from Encoder",
    "BaseTextEncoder": "derive from Encoder",
    "BaseKVIndexer": "derive from KVIndexer",
    "BaseVectorIndexer": "derive from VectorIndexer",
    "DataURIPbIndexer": "name [!Buffer2URI {}, !KVIndexDriver {exclude: [buffer, embedding]}] for a BinaryPbIndexer",
    "IncrementalPCAEncoder": "it is called TransformEncoder",
    "MyEncoder": "it is called RandomProjection",
    "RandomGaussianEncoder": "it is called RandomProjection",
    "OneHotTextEncoder": "HashingTextEncoder does its job",
    "SimpleAggregateRanker": "it is called Chunk2DocRanker, and its aggregate_function aggregate",
    "UniquePbIndexer": "name the components [!DocIDCache {}, !BinaryPbIndexer {}] of a CompoundIndexer",
    "UniqueVectorIndexer": "name the components [!DocIDCache {}, !NumpyIndexer {}] of a CompoundIndexer",
}
"""Classes that YAML of Jina 0.9 may name, and what has become of them."""


def former(name: str) -> str:
    """Return, after a semicolon, what has become of a class that YAML of Jina 0.9 may name; nothing for others."""
    unprefixed = name.removeprefix("Base")
    remedy = _FORMER.get(name) or (
        f"it is called {unprefixed}" if name != unprefixed and unprefixed in builtins() else ""
    )
    return f"; {remedy}" if remedy else ""


@cache
def builtins() -> MappingProxyType[str, type[Executor]]:
    """Return peavine's own Executor classes by name, families included."""
    import peavine.executors as package

    modules = [
        importlib.import_module(module.name)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not module.ispkg
    ]
    return MappingProxyType({cls.__name__: cls for module in modules for cls in _own_classes(module)})


def user_classes(module: ModuleType) -> Iterator[type[Executor]]:
    """Yield the Executor classes that a user's module defines.

    A class that derives from none of them but has the method of a family, such as `encode`, its own or inherited,
    becomes one of that family.
    """
    for cls in _classes(module):
        if issubclass(cls, Executor):
            yield cls
        elif issubclass(cls, Enum):  # it may have such a method, and nothing can derive from it
            continue
        elif found := [family for name, family in _FAMILY_OF.items() if inspect.isfunction(getattr(cls, name, None))]:
            yield type(cls.__name__, (cls, found[0]), {"__module__": cls.__module__, "__doc__": cls.__doc__})


def other_classes(module: ModuleType) -> Iterator[type]:
    """Yield the classes of a user's module that are not Executors."""
    found = {cls.__name__ for cls in user_classes(module)}
    return (cls for cls in _classes(module) if cls.__name__ not in found)


def methods() -> list[str]:
    """Return the methods that make a plain class an Executor."""
    return list(_FAMILY_OF)


def _own_classes(module: ModuleType) -> Iterator[type[Executor]]:
    return (cls for cls in _classes(module) if issubclass(cls, Executor) and not cls.__name__.startswith("_"))


def _classes(module: ModuleType) -> Iterator[type]:
    """Yield the classes that a module defines itself, not those that it imports."""
    return (cls for cls in vars(module).values() if isinstance(cls, type) and cls.__module__ == module.__name__)
