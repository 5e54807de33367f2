"""What travels between processes, as bytes: Documents here, units for routers in modules of their own."""

from peavine.wire.batches import batch_from_bytes, encoded
from peavine.wire.documents import batch_to_bytes, document_from_bytes, document_to_bytes

__all__ = ["batch_from_bytes", "batch_to_bytes", "document_from_bytes", "document_to_bytes", "encoded"]
