"""Percentiles from counts of bits are those of numpy, for every type, however the numbers are divided into blocks."""

from __future__ import annotations

import numpy as np
import pytest

from dsim.stats.exact_percentiles import exact_percentiles

PERCENTS = [0, 0.5, 5, 37.3, 50, 95, 99.5, 100]


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"])
@pytest.mark.parametrize("rows", [1, 2, 999])
def test_percentiles_are_those_of_numpy(dtype: str, rows: int) -> None:
    numbers = np.random.default_rng(rows).normal(0 if dtype[0] != "u" else 60, 15, (rows, 3))
    numbers = (np.abs(numbers) if dtype[0] == "u" else numbers).astype(dtype)
    found = exact_percentiles(lambda: np.array_split(numbers, 4) if rows > 3 else [numbers], PERCENTS)
    expected = np.percentile(numbers.astype(np.float64), PERCENTS, axis=0)
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=0)


def test_extremes_of_integers_and_zeros_of_both_signs() -> None:
    edges = np.array([[np.iinfo(np.int32).min], [np.iinfo(np.int32).max], [0]], dtype=np.int32)
    assert exact_percentiles(lambda: [edges], [0, 50, 100])[:, 0].tolist() == [-(2**31), 0, 2**31 - 1]
    zeros = np.array([[-0.0], [0.0], [-0.0]], dtype=np.float32)
    assert exact_percentiles(lambda: [zeros], [0, 50, 100]).tolist() == [[0], [0], [0]]
    spread = np.array([[-1e300], [1e-300], [3.5]])
    assert exact_percentiles(lambda: [spread], [0, 50, 100])[:, 0].tolist() == [-1e300, 1e-300, 3.5]


@pytest.mark.parametrize(("dtype", "passes"), [("u1", 1), ("u2", 1), ("f4", 2), ("i4", 2), ("f8", 4)])
def test_sixteen_bits_take_one_pass(dtype: str, passes: int) -> None:
    asked: list[int] = []

    def blocks() -> list[np.ndarray]:
        asked.append(1)
        return [np.arange(50).astype(dtype)[:, None]]

    exact_percentiles(blocks, [50])
    assert len(asked) == passes


def test_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="no numbers"):
        exact_percentiles(list, [50])
    with pytest.raises(ValueError, match="no numbers"):
        exact_percentiles(lambda: [np.zeros((0, 2))], [50])
