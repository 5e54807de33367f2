"""Neural search as a Kubernetes resource. Public names are loaded when they are first used.

So `import peavine.spec` loads neither grpc nor numpy, and a process pays only for the parts it runs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from peavine.version import __version__ as __version__

if TYPE_CHECKING:
    from peavine.client import AsyncClient, Client
    from peavine.documents import Document, Score
    from peavine.errors import PeavineError
    from peavine.executors import (
        Classifier,
        CompoundExecutor,
        Crafter,
        Encoder,
        Evaluator,
        Executor,
        Indexer,
        Ranker,
        Segmenter,
    )
    from peavine.flow import Flow

_HOMES = {
    "AsyncClient": "client",
    "Classifier": "executors",
    "Client": "client",
    "CompoundExecutor": "executors",
    "Crafter": "executors",
    "Document": "documents",
    "Encoder": "executors",
    "Evaluator": "executors",
    "Executor": "executors",
    "Flow": "flow",
    "Indexer": "executors",
    "PeavineError": "errors",
    "Ranker": "executors",
    "Score": "documents",
    "Segmenter": "executors",
}
"""Every public name, and the module of peavine that has it."""

__all__ = [
    "AsyncClient",
    "Classifier",
    "Client",
    "CompoundExecutor",
    "Crafter",
    "Document",
    "Encoder",
    "Evaluator",
    "Executor",
    "Flow",
    "Indexer",
    "PeavineError",
    "Ranker",
    "Score",
    "Segmenter",
]


def __getattr__(name: str) -> Any:
    """Load a public name on its first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'peavine' has no attribute {name!r}")
    value = getattr(import_module(f"peavine.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
