"""Executors: the families, the built-ins, and how one is made from YAML. They never see a message.

What an Executor is, and what its methods may do, stands in `peavine.executors.executor`.
"""

from peavine.executors.compound import CompoundExecutor
from peavine.executors.executor import METHODS, Executor
from peavine.executors.families import (
    Classifier,
    Crafter,
    EmbeddingEvaluator,
    Encoder,
    Evaluator,
    Hit,
    Indexer,
    KVIndexer,
    Match2DocRanker,
    MultiModalEncoder,
    Ranker,
    RankingEvaluator,
    Segmenter,
    TextEvaluator,
    TextIndexer,
    VectorIndexer,
)
from peavine.executors.loading import Draft, load, load_config, opened
from peavine.executors.loading.registry import builtins
from peavine.executors.rankers.chunk2doc_ranker import Chunk2DocRanker
from peavine.executors.running import RunningStatistics
from peavine.executors.saved import load_arrays, save_arrays

__all__ = [
    "METHODS",
    "Chunk2DocRanker",
    "Classifier",
    "CompoundExecutor",
    "Crafter",
    "Draft",
    "EmbeddingEvaluator",
    "Encoder",
    "Evaluator",
    "Executor",
    "Hit",
    "Indexer",
    "KVIndexer",
    "Match2DocRanker",
    "MultiModalEncoder",
    "Ranker",
    "RankingEvaluator",
    "RunningStatistics",
    "Segmenter",
    "TextEvaluator",
    "TextIndexer",
    "VectorIndexer",
    "builtins",
    "load",
    "load_arrays",
    "load_config",
    "opened",
    "save_arrays",
]
