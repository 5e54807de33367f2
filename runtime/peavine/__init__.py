"""Neural search as a Kubernetes resource. Public names are loaded when they are first used.

So `import peavine.spec` loads neither grpc nor numpy, and a process pays only for the parts it runs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from peavine.version import __version__ as __version__

# Every public name, and the module of peavine that defines it: here for running programs, and below for type checkers
# and editors, which run nothing. A test compares the two.
_PUBLIC = {
    "client": "Answer AsyncClient Client Options Summary sources",
    "documents": "Batch Document Score",
    "errors": (
        "DeadlineExceeded ExecutorError InvalidRequest ManifestError NotFound Overloaded PeavineError Problem "
        "StartError StoreError Unavailable VersionMismatch"
    ),
    "executors": (
        "Chunk2DocRanker Classifier CompoundExecutor Crafter EmbeddingEvaluator Encoder Executor KVIndexer "
        "Match2DocRanker MultiModalEncoder RankingEvaluator Segmenter TextEvaluator VectorIndexer"
    ),
    "flow": "Flow",
}

if TYPE_CHECKING:
    from peavine.client import (  # noqa: I001  # ruff would give each name a statement of its own
        Answer as Answer,
        AsyncClient as AsyncClient,
        Client as Client,
        Options as Options,
        Summary as Summary,
        sources as sources,
    )
    from peavine.documents import (
        Batch as Batch,
        Document as Document,
        Score as Score,
    )
    from peavine.errors import (
        DeadlineExceeded as DeadlineExceeded,
        ExecutorError as ExecutorError,
        InvalidRequest as InvalidRequest,
        ManifestError as ManifestError,
        NotFound as NotFound,
        Overloaded as Overloaded,
        PeavineError as PeavineError,
        Problem as Problem,
        StartError as StartError,
        StoreError as StoreError,
        Unavailable as Unavailable,
        VersionMismatch as VersionMismatch,
    )
    from peavine.executors import (
        Chunk2DocRanker as Chunk2DocRanker,
        Classifier as Classifier,
        CompoundExecutor as CompoundExecutor,
        Crafter as Crafter,
        EmbeddingEvaluator as EmbeddingEvaluator,
        Encoder as Encoder,
        Executor as Executor,
        KVIndexer as KVIndexer,
        Match2DocRanker as Match2DocRanker,
        MultiModalEncoder as MultiModalEncoder,
        RankingEvaluator as RankingEvaluator,
        Segmenter as Segmenter,
        TextEvaluator as TextEvaluator,
        VectorIndexer as VectorIndexer,
    )
    from peavine.flow import Flow as Flow

_HOMES = {name: module for module, names in _PUBLIC.items() for name in names.split()}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """Load a public name on its first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'peavine' has no attribute {name!r}")
    value = getattr(import_module(f"peavine.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
