"""What each family of Executors does with each kind of request, unless its YAML says otherwise under `requests`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from peavine.errors import ManifestError, Problem
from peavine.spec import KINDS
from peavine.yaml import Tagged

__all__ = ["DEFAULTS", "requests_for"]

Requests = Mapping[str, Sequence[Tagged]]


def _drivers(*names: str) -> list[Tagged]:
    return [Tagged(name) for name in names]


def _on(default: Sequence[Tagged], **kinds: Sequence[Tagged]) -> Requests:
    return {kind: kinds.get(kind, [] if kind == "read" else default) for kind in KINDS}


# A delete has nothing but ids, so there is nothing to craft, cut or encode. A read is answered by Indexers alone.
DEFAULTS: Final[Mapping[str, Requests]] = {
    "Crafter": _on(_drivers("CraftDriver"), delete=[]),
    "Segmenter": _on(_drivers("SegmentDriver"), delete=[]),
    "Encoder": _on(_drivers("EncodeDriver"), train=_drivers("TrainDriver", "EncodeDriver"), delete=[]),
    "MultiModalEncoder": _on(_drivers("MultiModalDriver"), delete=[]),
    "Classifier": _on(
        _drivers("PredictDriver"),
        train=[Tagged("TrainDriver", {"field": "embedding", "labels": "tags__label"})],
        delete=[],
    ),
    "VectorIndexer": _on(
        _drivers("VectorIndexDriver"),
        # A Document has several parts near to each other, so more of them are looked for than Documents are wanted.
        search=[Tagged("VectorSearchDriver", {"oversampling": 10}), Tagged("WholeDocumentsDriver")],
        train=[],
        read=_drivers("ReadVectorsDriver"),
    ),
    "KVIndexer": _on(
        _drivers("KVIndexDriver"), search=_drivers("KVSearchDriver"), train=[], read=_drivers("ReadDriver")
    ),
    "TextIndexer": _on(_drivers("KeywordIndexDriver"), search=_drivers("KeywordSearchDriver"), train=[], read=[]),
    "DocIDCache": _on(_drivers("UniqueDriver"), search=[], train=[]),
    "Chunk2DocRanker": _on([], search=_drivers("Chunk2DocRankDriver")),
    "Match2DocRanker": _on([], search=_drivers("Matches2DocRankDriver")),
    "TextEvaluator": _on([], search=_drivers("TextEvaluateDriver")),
    "EmbeddingEvaluator": _on([], search=_drivers("NDArrayEvaluateDriver")),
    "RankingEvaluator": _on([], search=_drivers("RankEvaluateDriver")),
    "Executor": _on([]),
}
"""By family: the first class of an Executor's that stands here counts, beginning with its own."""


_UNDECIDED: Final[Mapping[str, Sequence[str]]] = {
    "Indexer": ("VectorIndexer", "TextIndexer", "KVIndexer"),
    "Ranker": ("Chunk2DocRanker", "Match2DocRanker"),
    "Evaluator": ("TextEvaluator", "EmbeddingEvaluator", "RankingEvaluator"),
}
"""Families that say too little to know what to do, and those that say enough."""


def requests_for(executor: Any, path: str) -> Requests | None:
    """Return the Drivers by kind for an Executor without `requests`; None for a compound, which has its parts'.

    `path` is where in the manifest `requests` would be.
    """
    for cls in type(executor).__mro__:
        if cls.__name__ in _UNDECIDED:
            better = " or ".join(_UNDECIDED[cls.__name__])
            message = f"{executor.name} is only known to be of family {cls.__name__}; derive it from {better}"
            raise ManifestError([Problem(path, f"{message}, or name its Drivers here")])
        if cls.__name__ in DEFAULTS:
            break
    return None if cls.__name__ == "Executor" and executor.components else DEFAULTS[cls.__name__]
