"""Sparse: a matrix of mostly zeros, as coordinates (COO) or compressed rows (CSR). Needs scipy only to meet it."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from peavine.errors import InvalidRequest

__all__ = ["Sparse"]

Layout = Literal["coo", "csr"]


def equal(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Return whether two arrays hold the same numbers in the same shape and type; NaN equals NaN."""
    if one.shape != other.shape or one.dtype.newbyteorder("=") != other.dtype.newbyteorder("="):
        return False
    return bool(((one == other) | ((one != one) & (other != other))).all())


def is_masked(value: Any) -> bool:
    """Return whether it is a masked array of numpy, or a list with one somewhere in it."""
    if isinstance(value, list | tuple):
        return any(is_masked(item) for item in value)
    return isinstance(value, np.ma.MaskedArray)


def refuse_masked(value: Any, path: str) -> None:
    """Raise InvalidRequest for a masked array, whose masked numbers would become others without a word."""
    if is_masked(value):
        raise InvalidRequest(f"{path}: is a masked array; say what stands for its masked numbers: array.filled(0)")


def _places(value: Any) -> NDArray[Any]:
    """Return whole numbers; an empty list, which numpy takes for doubles, is none of them."""
    array: NDArray[Any] = np.asarray(value)
    return array if array.size else array.astype(array.dtype if array.dtype.kind in "iu" else np.int32)


class Sparse:
    """A matrix of `shape` (rows, columns) of which only `values` are kept.

    In layout `coo`, value i stands at (`rows[i]`, `columns[i]`). In layout `csr`, row r has the values from `rows[r]`
    to `rows[r + 1]`, and `columns` says in which column each stands.
    """

    __slots__ = ("columns", "layout", "rows", "shape", "values")

    def __init__(self, rows: Any, columns: Any, values: Any, shape: tuple[int, int], layout: Layout = "coo") -> None:
        for name, part in (("rows", rows), ("columns", columns), ("values", values)):
            refuse_masked(part, f"sparse: {name}")
        self.rows = _places(rows)
        self.columns = _places(columns)
        self.values: NDArray[Any] = np.asarray(values)
        self.shape = tuple(int(size) for size in shape)
        self.layout = layout
        self._check()

    def _check(self) -> None:
        """Raise InvalidRequest unless every value has a place inside the shape. It may come from a stranger."""
        if self.layout not in ("coo", "csr"):
            raise InvalidRequest(f'sparse: the layout is "coo" or "csr", not {self.layout!r}')
        if len(self.shape) != 2:
            raise InvalidRequest(f"sparse: the shape is (rows, columns), not {self.shape}")
        for name, array in (("rows", self.rows), ("columns", self.columns)):
            if array.ndim != 1 or array.dtype.kind not in "iu":
                raise InvalidRequest(f"sparse: {name} must be one list of whole numbers")
        if self.values.ndim != 1 or self.values.dtype.char not in "?bBhHiIlLqQefdFD":
            raise InvalidRequest("sparse: values must be one list of numbers")
        count, (height, width) = len(self.values), self.shape
        if len(self.columns) != count or (count and not 0 <= self.columns.min() <= self.columns.max() < width):
            raise InvalidRequest(f"sparse: needs {count} columns, each below {width}")
        if self.layout == "coo":
            if len(self.rows) != count or (count and not 0 <= self.rows.min() <= self.rows.max() < height):
                raise InvalidRequest(f"sparse: needs {count} rows, each below {height}")
        elif (
            len(self.rows) != height + 1
            or self.rows[0] != 0
            or self.rows[-1] != count
            or bool((self.rows[1:] < self.rows[:-1]).any())
        ):
            raise InvalidRequest(f"sparse: needs {height + 1} row pointers that climb from 0 to {count}")

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return self.values.dtype

    @property
    def ndim(self) -> int:
        """Two: it is a matrix."""
        return 2

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sparse):
            return NotImplemented
        return (
            (self.layout, self.shape, self.dtype) == (other.layout, other.shape, other.dtype)
            and np.array_equal(self.rows, other.rows)
            and np.array_equal(self.columns, other.columns)
            and bool(
                ((self.values == other.values) | (self.values != self.values) & (other.values != other.values)).all()
            )
        )

    __hash__ = None  # type: ignore[assignment]  # it holds arrays, which can change

    def __repr__(self) -> str:
        return f"Sparse({self.layout}, {self.shape[0]}x{self.shape[1]} {self.dtype.name}, {len(self.values)} values)"

    def to_dense(self) -> NDArray[Any]:
        """Return the whole matrix. Values at the same place are added, as scipy does."""
        dense = np.zeros(self.shape, self.dtype)
        rows = self.rows if self.layout == "coo" else np.repeat(np.arange(self.shape[0]), np.diff(self.rows))
        np.add.at(dense, (rows, self.columns), self.values)
        return dense

    def to_scipy(self) -> Any:
        """Return it as scipy's `coo_array` or `csr_array`. Needs scipy."""
        import scipy.sparse

        if self.layout == "coo":
            return scipy.sparse.coo_array((self.values, (self.rows, self.columns)), shape=self.shape)
        return scipy.sparse.csr_array((self.values, self.columns, self.rows), shape=self.shape)

    @classmethod
    def from_scipy(cls, matrix: Any) -> Sparse:
        """Return a matrix of scipy's: CSR stays CSR, every other format becomes COO."""
        shape = matrix.shape if len(matrix.shape) == 2 else (1, *matrix.shape)
        if matrix.format == "csr" and len(matrix.shape) == 2:
            return cls(matrix.indptr, matrix.indices, matrix.data, shape, "csr")
        coordinates = matrix.tocoo()
        if len(matrix.shape) == 1:
            column = coordinates.coords[0]
            return cls(np.zeros_like(column), column, coordinates.data, shape)
        return cls(coordinates.row, coordinates.col, coordinates.data, shape)

    @classmethod
    def from_dense(cls, matrix: NDArray[Any]) -> Sparse:
        """Return the non-zero values of a dense matrix, as COO."""
        rows, columns = np.nonzero(matrix)
        return cls(rows, columns, matrix[rows, columns], (matrix.shape[0], matrix.shape[1]))
