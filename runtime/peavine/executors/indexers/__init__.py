"""Indexers: keep vectors and Documents durably, and find them again.

Their truth is a store (`peavine.store`); what they hold in memory can be made from it at any time. They know ids,
arrays and bytes, and no Documents: Drivers take those apart.
"""

from peavine.executors.indexers.binary_pb_indexer import BinaryPbIndexer
from peavine.executors.indexers.compound_indexer import CompoundIndexer
from peavine.executors.indexers.doc_id_cache import DocIDCache
from peavine.executors.indexers.faiss_indexer import FaissIndexer
from peavine.executors.indexers.keyword_indexer import DocumentKeywordIndexer, KeywordIndexer
from peavine.executors.indexers.numpy_indexer import NumpyIndexer

__all__ = [
    "BinaryPbIndexer",
    "CompoundIndexer",
    "DocIDCache",
    "DocumentKeywordIndexer",
    "FaissIndexer",
    "KeywordIndexer",
    "NumpyIndexer",
]
