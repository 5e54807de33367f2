from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from peavine.documents.quantize import Quantization, quantize, restore

FLOATS = arrays(np.float32, st.integers(1, 20), elements=st.floats(-1e6, 1e6, width=32))


def there_and_back(array: NDArray[np.floating], mode: Quantization) -> NDArray[np.floating]:
    small = quantize(array, mode)
    if small is None:
        return array
    return restore(small.array, small.original, small.scale, small.minimum)


def test_the_maximum_survives_eight_bits() -> None:
    """The predecessor's maximum wrapped round to the minimum."""
    array = np.linspace(0, 1, 300, dtype=np.float32)
    back = there_and_back(array, "uint8")
    assert back[-1] == 1.0
    assert back[0] == 0.0


@given(FLOATS)
def test_eight_bits_keep_both_ends_and_err_by_half_a_level(array: NDArray[np.float32]) -> None:
    back = there_and_back(array, "uint8")
    level = (float(array.max()) - float(array.min())) / 255
    assert back.dtype == array.dtype
    assert np.isclose(back.max(), array.max(), rtol=1e-6, atol=level * 1e-3)
    assert np.isclose(back.min(), array.min(), rtol=1e-6, atol=level * 1e-3)
    assert np.all(np.abs(back.astype(float) - array) <= level * 0.51 + np.abs(array) * 1e-6)


@given(FLOATS)
def test_sixteen_bits_err_by_a_thousandth(array: NDArray[np.float32]) -> None:
    back = there_and_back(array, "float16")
    assert back.dtype == array.dtype
    assert np.allclose(back, array, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("mode", ["float16", "uint8"])
@pytest.mark.parametrize(
    "array",
    [np.arange(3), np.zeros(0), np.array([1.0, np.nan]), np.array([1.0, np.inf]), np.array([1 + 1j])],
    ids=["whole numbers", "empty", "NaN", "infinity", "complex"],
)
def test_what_would_not_survive_is_left_alone(array: NDArray[np.float64], mode: Quantization) -> None:
    assert quantize(array, mode) is None


def test_numbers_beyond_sixteen_bits_do_not_become_infinite() -> None:
    assert quantize(np.array([1e6], np.float32), "float16") is None


def test_extreme_ranges_do_not_overflow() -> None:
    array = np.array([-1.7e308, 0.0, 1.7e308])
    assert np.allclose(there_and_back(array, "uint8"), array, atol=1e306)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_smallest_numbers_survive(dtype: type[np.floating]) -> None:
    array = np.array([0, np.finfo(dtype).smallest_subnormal, np.finfo(dtype).tiny], dtype)
    assert np.allclose(there_and_back(array, "uint8"), array, rtol=0, atol=float(np.finfo(dtype).tiny) / 200)
