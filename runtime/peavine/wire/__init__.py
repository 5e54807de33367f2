"""What travels between processes, as bytes: Documents here, units for routers beside them."""

from peavine.wire.documents import batch_from_bytes, batch_to_bytes, document_from_bytes, document_to_bytes

__all__ = ["batch_from_bytes", "batch_to_bytes", "document_from_bytes", "document_to_bytes"]
