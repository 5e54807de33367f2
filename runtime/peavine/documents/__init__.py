"""Documents as plain Python objects: what every part of peavine hands on, and nothing about how they travel."""

from peavine.documents.batch import Batch
from peavine.documents.children import Chunks, Matches
from peavine.documents.document import Content, Document
from peavine.documents.identity import MAX_ID_BYTES, check_id, random_id, row_name, split_name
from peavine.documents.multimodal import modality, multimodal
from peavine.documents.reading import from_dicts
from peavine.documents.score import Score
from peavine.documents.sparse import Sparse
from peavine.documents.tensor import Array, Tensor
from peavine.documents.traverse import Level, check_path, traverse

__all__ = [
    "MAX_ID_BYTES",
    "Array",
    "Batch",
    "Chunks",
    "Content",
    "Document",
    "Level",
    "Matches",
    "Score",
    "Sparse",
    "Tensor",
    "check_id",
    "check_path",
    "from_dicts",
    "modality",
    "multimodal",
    "random_id",
    "row_name",
    "split_name",
    "traverse",
]
