"""Documents as columns on the wire: what peavine's own client and Pods use between themselves."""

from peavine.wire.columns.layout import is_columns
from peavine.wire.columns.making import columns_of, rest_column
from peavine.wire.columns.reading import columns_from_bytes, count_of
from peavine.wire.columns.storing import rows_of
from peavine.wire.columns.writing import columns_to_bytes

__all__ = ["columns_from_bytes", "columns_of", "columns_to_bytes", "count_of", "is_columns", "rest_column", "rows_of"]
